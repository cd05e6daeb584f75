"""Lenses: rays are the inverse of projection, and their derivatives are right."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from convlstm_perception.geometry import CameraModel, Lens, lens_of
from convlstm_perception.geometry.lens import FisheyeLens, PinholeLens

K = np.array([[800.0, 1.5, 630.0], [0.0, 810.0, 355.0], [0.0, 0.0, 1.0]])
PLAIN_K = np.array([[800.0, 0.0, 630.0], [0.0, 810.0, 355.0], [0.0, 0.0, 1.0]])
WIDE_K = np.array([[400.0, 0.0, 640.0], [0.0, 402.0, 360.0], [0.0, 0.0, 1.0]])
DISTORTIONS: dict[str, list[float]] = {
    "none": [0.0] * 5,
    "plumb_bob": [-0.3, 0.1, 0.001, -0.002, -0.01],
    "rational": [0.5, 0.1, 0.001, -0.002, 0.01, 0.8, 0.2, 0.01],
    "thin prism": [0.5, 0.1, 0.001, -0.002, 0.01, 0.8, 0.2, 0.01, 1e-3, -1e-3, 2e-3, 1e-3],
    "tilt": [-0.2, 0.05, 0.001, 0.0, 0.0, 0, 0, 0, 0, 0, 0, 0, 0.01, -0.02],
}
LENSES: dict[str, Lens] = {
    **{name: PinholeLens(K, np.array(d)) for name, d in DISTORTIONS.items()},
    "fisheye": FisheyeLens(WIDE_K, np.array([-0.02, 0.005, -0.001, 0.0002])),
}


def pixels(count: int = 500) -> NDArray[np.float64]:
    rng = np.random.default_rng(3)
    some = rng.uniform([0, 0], [1279, 719], (count, 2)).T
    some[:, 0] = 640.0, 360.0  # the fisheye's centre, where its formulas divide by zero
    return some


@pytest.mark.parametrize("lens", LENSES.values(), ids=LENSES)
def test_projecting_a_ray_gives_its_pixel_back(lens: Lens) -> None:
    seen = pixels()
    rays = lens.rays(seen)
    np.testing.assert_allclose(lens.project(rays.directions), seen, rtol=0, atol=1e-9)
    np.testing.assert_allclose(lens.project(7.5 * rays.directions), seen, rtol=0, atol=1e-9)


@pytest.mark.parametrize("lens", LENSES.values(), ids=LENSES)
def test_derivatives_are_those_of_differences(lens: Lens) -> None:
    seen, step = pixels(), 1e-5
    rays = lens.rays(seen)
    for axis in range(2):
        change = np.zeros((2, 1))
        change[axis] = step
        ahead, behind = lens.rays(seen + change), lens.rays(seen - change)
        slope = (ahead.directions - behind.directions) / (2 * step)
        np.testing.assert_allclose(rays.jacobians[:, axis], slope, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", DISTORTIONS)
def test_the_pinhole_projects_as_opencv_does(name: str) -> None:
    rng = np.random.default_rng(5)
    points = rng.uniform([-0.6, -0.4, 1], [0.6, 0.4, 1], (300, 3)) * rng.uniform(1, 20, (300, 1))
    theirs, _ = cv2.projectPoints(
        points, np.zeros(3), np.zeros(3), PLAIN_K, np.array(DISTORTIONS[name])
    )
    ours = PinholeLens(PLAIN_K, np.array(DISTORTIONS[name])).project(points.T)
    np.testing.assert_allclose(ours.T, theirs[:, 0], rtol=0, atol=1e-9)


def test_the_fisheye_projects_as_opencv_does() -> None:
    rng = np.random.default_rng(5)
    points = rng.uniform([-2, -1, 0.3], [2, 1, 3], (300, 3))
    coefficients = np.array([-0.02, 0.005, -0.001, 0.0002])
    theirs, _ = cv2.fisheye.projectPoints(
        points[None], np.zeros(3), np.zeros(3), WIDE_K, coefficients
    )
    ours = FisheyeLens(WIDE_K, coefficients).project(points.T)
    np.testing.assert_allclose(ours.T, theirs[0], rtol=0, atol=1e-9)


def test_a_fisheye_sees_what_is_behind_it() -> None:
    lens = FisheyeLens(WIDE_K, np.zeros(4))
    pixel = np.array([[640 + 400 * np.radians(100)], [360.0]])
    direction = lens.rays(pixel).directions[:, 0]
    assert np.degrees(np.arctan2(direction[0], direction[2])) == pytest.approx(100)


def test_beyond_what_the_distortion_covers_there_is_no_ray() -> None:
    """Barrel distortion folds back: no ray comes to pixels farther out, and rays from there are
    refused in place of landing inside."""
    lens = PinholeLens(PLAIN_K, np.array([-0.3, 0.0, 0.0, 0.0, 0.0]))
    assert np.isnan(lens.rays(np.array([[3000.0], [355.0]])).directions).all()
    assert np.isnan(lens.project(np.array([[3.0], [0.0], [1.0]]))).all()
    assert np.isfinite(lens.rays(np.array([[1100.0], [600.0]])).directions).all()


def test_nothing_is_seen_behind_a_pinhole() -> None:
    assert np.isnan(LENSES["none"].project(np.array([[0.1], [0.1], [-1.0]]))).all()


def test_a_rectified_image_has_no_distortion_and_its_own_axes() -> None:
    angle = 0.02
    turn = np.array(
        [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    )
    p = np.hstack([np.diag([700.0, 700.0, 1.0]), np.zeros((3, 1))])
    p[0, 2], p[1, 2] = 640.0, 360.0
    camera = CameraModel(
        1280, 720, PLAIN_K, "plumb_bob", np.array(DISTORTIONS["plumb_bob"]), turn, p
    )
    lens = lens_of(camera, rectified=True)
    seen = pixels()
    rays = lens.rays(seen)
    np.testing.assert_allclose(lens.project(rays.directions), seen, atol=1e-9)
    # The rays are in the optical frame: turned by R they are the rectified camera's.
    turned = turn @ rays.directions
    np.testing.assert_allclose(turned[0] / turned[2], (seen[0] - 640) / 700, atol=1e-12)
