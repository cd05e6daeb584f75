"""The calibration that is published is that of the renderer's lens."""

from __future__ import annotations

import math

import numpy as np
import pytest

from convlstm_perception.geometry import CameraModel, GroundCamera, GroundPlane, lens_of
from convlstm_perception_sim.bridge import camera_info, mounting
from convlstm_perception_sim.camera import StreetCamera

CAMERA = StreetCamera()


def test_the_field_of_view_reaches_the_images_edges() -> None:
    """The outer edges of the outer pixels, half a pixel beyond their centres."""
    half = math.radians(CAMERA.field_of_view) / 2
    right, low = math.tan(half), math.tan(math.radians(CAMERA.vertical_field_of_view) / 2)
    pixels = CAMERA.project(np.array([[-right, -low, 1.0], [right, low, 1.0]]))
    edges = [[-0.5, -0.5], [CAMERA.width - 0.5, CAMERA.height - 0.5]]
    np.testing.assert_allclose(pixels, edges, atol=1e-9)


def test_a_box_holds_all_points_and_no_more() -> None:
    points = np.array([[-1.0, 0.5, 10.0], [1.0, -1.5, 10.0], [0.0, 0.0, 12.0]])
    pixels = CAMERA.project(points)
    box = CAMERA.box(points)
    assert pixels is not None and box is not None
    x, y, width, height = box
    np.testing.assert_allclose([x - width / 2, y - height / 2], pixels.min(axis=0))
    np.testing.assert_allclose([x + width / 2, y + height / 2], pixels.max(axis=0))


@pytest.mark.parametrize("depth", [0.0, -3.0])
def test_what_is_not_in_front_has_no_box(depth: float) -> None:
    assert CAMERA.box(np.array([[0.0, 0.0, 5.0], [0.0, 0.0, depth]])) is None


def test_the_node_finds_a_point_of_the_street_with_what_is_published() -> None:
    """CameraInfo and mounting, as the node reads them: pixels of a known point, and back."""
    lens = lens_of(CameraModel.from_message(camera_info(CAMERA)))
    camera = GroundCamera(lens, mounting(CAMERA), GroundPlane.of())
    point = np.array([[12.0, -3.0, 0.0]])
    pixel = camera.pixels(point)
    # By hand: the camera is 0.8 m ahead and 1.5 m up, and turned down by its pitch.
    ahead, up, pitch = 12.0 - CAMERA.forward, -CAMERA.up, CAMERA.pitch
    depth = ahead * math.cos(pitch) - up * math.sin(pitch)
    down = -(up * math.cos(pitch) + ahead * math.sin(pitch))
    f = CAMERA.focal_length
    by_hand = [f * 3.0 / depth + (CAMERA.width - 1) / 2, f * down / depth + (CAMERA.height - 1) / 2]
    np.testing.assert_allclose(pixel[0], by_hand, atol=1e-6)
    located = camera.locate_pixels(pixel, np.zeros_like(pixel)).positions
    np.testing.assert_allclose(located, point, atol=1e-6)
