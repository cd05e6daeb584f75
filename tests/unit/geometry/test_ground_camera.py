"""From boxes to the ground: places, covariances, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from convlstm_perception.errors import GroundError
from convlstm_perception.geometry import (
    GroundCamera,
    GroundPlane,
    GroundRefusal,
    Lens,
    Mounting,
    PersonHeight,
    PersonPoints,
    RigidTransform,
    pose_above_ground,
)
from convlstm_perception.geometry.lens import FisheyeLens, PinholeLens

K = np.array([[900.0, 0.0, 640.0], [0.0, 900.0, 360.0], [0.0, 0.0, 1.0]])
PINHOLE = PinholeLens(K, np.zeros(5))
DISTORTED = PinholeLens(K, np.array([-0.2, 0.05, 0.001, -0.001, 0.0]))
FISHEYE = FisheyeLens(K / np.array([[2.0], [2.0], [1.0]]), np.array([-0.02, 0.004, 0.0, 0.0]))
SIZE = (1280, 720)
SLOPE = GroundPlane.of((0.02, -0.03, 1.0, 0.2))
EXACT = np.zeros((1, 4))


def camera(
    lens: Lens = PINHOLE,
    height: float = 1.6,
    pitch: float = 0.1,
    plane: GroundPlane | None = None,
    mounting: Mounting = Mounting(),  # noqa: B008
    roll: float = 0.0,
) -> GroundCamera:
    pose = pose_above_ground(height, pitch, roll)
    return GroundCamera(lens, pose, plane or GroundPlane.of(), mounting)


def box_of(cam: GroundCamera, place: tuple[float, float], height: float) -> NDArray[np.float64]:
    foot = cam.on_plane(np.array([place]))
    head = foot + np.array([[0.0, 0.0, height]])
    (x, low), (_, top) = cam.pixels(foot)[0], cam.pixels(head)[0]
    return np.array([[x, (low + top) / 2, 0.4 * (low - top), low - top]])


@pytest.mark.parametrize("plane", [None, SLOPE], ids=["z = 0", "slope"])
@pytest.mark.parametrize("lens", [PINHOLE, DISTORTED, FISHEYE], ids=["pin", "distorted", "fish"])
def test_ground_to_pixel_and_back(lens: Lens, plane: GroundPlane | None) -> None:
    cam = camera(lens, plane=plane, roll=0.03)
    rng = np.random.default_rng(1)
    places = cam.on_plane(rng.uniform([3, -2], [40, 2], (200, 2)))
    points = cam.locate_pixels(cam.pixels(places), np.ones((200, 2)))
    assert points.valid.all()
    np.testing.assert_allclose(points.positions, places, rtol=1e-9, atol=1e-9)


def test_pitch_looks_down_and_height_is_above_the_ground() -> None:
    """By hand: 45 degrees down from 2 m, the image's centre is 2 m ahead."""
    cam = camera(height=2.0, pitch=math.radians(45))
    point = cam.locate_pixels(np.array([[640.0, 360.0]]), np.ones((1, 2)))
    np.testing.assert_allclose(point.positions, [[2.0, 0.0, 0.0]], atol=1e-12)


def test_roll_has_the_right_side_down() -> None:
    cam = GroundCamera(PINHOLE, pose_above_ground(2.0, 0.3, 0.1), GroundPlane.of())
    right, left = cam.locate_pixels(np.array([[1200.0, 500], [80, 500]]), np.ones((2, 2))).positions
    assert np.hypot(*right[:2]) < np.hypot(*left[:2])


def test_above_the_horizon_is_refused_and_near_it_is_hardly_known() -> None:
    cam = GroundCamera(PINHOLE, pose_above_ground(1.5, 0.0, 0.0), GroundPlane.of())
    rows = np.array([[640.0, 359.0], [640, 360], [640, 361], [640, 400], [640, 700]])
    points = cam.locate_pixels(rows, np.full((5, 2), 4.0))
    assert points.refusals.tolist() == [2, 2, 0, 0, 0]
    assert "horizon" in points.reason(0) and not points.reason(4)
    assert np.isnan(points.positions[0]).all()
    deviations = np.sqrt(points.noise[2:, 0, 0])
    assert deviations[0] > 1000 and deviations[2] < 0.05


def test_where_the_lens_shows_nothing_is_refused() -> None:
    points = camera(PinholeLens(K, np.array([-0.3, 0, 0, 0, 0]))).locate_pixels(
        np.array([[4000.0, 500.0]]), np.ones((1, 2))
    )
    assert points.refusals[0] == GroundRefusal.OUTSIDE_LENS


@pytest.mark.parametrize("height", [0.0, -1.0])
def test_a_plane_behind_the_camera_is_refused(height: float) -> None:
    pose = RigidTransform(pose_above_ground(1.0, 0.1, 0.0).quaternion, np.array([0.0, 0, height]))
    with pytest.raises(GroundError, match="lies behind it"):
        GroundCamera(PINHOLE, pose, GroundPlane.of())


@pytest.mark.parametrize(
    "numbers", [(0.0, 0, 0, 0), (0, 0, -1, 0), (1, 0, 0, 0), (0, 0, 1), (0, 0, math.nan, 0)]
)
def test_what_is_no_ground_is_refused(numbers: tuple[float, ...]) -> None:
    with pytest.raises(GroundError, match="ground plane"):
        GroundPlane.of(numbers)


@pytest.mark.parametrize("height", [1.5, 1.7, 1.9])
def test_a_whole_person_of_known_pose_is_where_the_feet_are(height: float) -> None:
    cam = camera()
    points = cam.locate(box_of(cam, (12.0, 1.5), height), EXACT + 1e-12, SIZE)
    np.testing.assert_allclose(points.positions[0], [12.0, 1.5, 0.0], atol=1e-4)
    assert points.heights[0] == pytest.approx(height, abs=1e-4)


def test_a_person_cut_off_at_the_feet_is_found_by_the_head() -> None:
    cam = camera(height=2.6, pitch=0.25)
    box = box_of(cam, (3.2, 0.0), 1.7)
    low = box[0, 1] + box[0, 3] / 2
    assert low > SIZE[1]
    # What a detector can see of it ends at the image's edge.
    top = box[0, 1] - box[0, 3] / 2
    seen = np.array([[box[0, 0], (top + SIZE[1]) / 2, box[0, 2], SIZE[1] - top]])
    points = cam.locate(seen, np.full((1, 4), 4.0), SIZE)
    assert points.valid[0]
    np.testing.assert_allclose(points.positions[0, :2], [3.2, 0.0], atol=1e-6)
    # Ten centimetres of height at 0.9 m below the camera: more than a third of a metre.
    assert np.sqrt(points.bias[0, 0, 0]) == pytest.approx(0.1 * 3.2 / 0.9, rel=1e-6)


def test_cut_off_at_feet_and_head_is_refused() -> None:
    cam = camera()
    points = cam.locate(np.array([[640.0, 360.0, 300.0, 720.0]]), np.ones((1, 4)), SIZE)
    assert points.refusals[0] == GroundRefusal.CUT
    assert np.isnan(points.positions).all()


def test_a_head_that_is_cut_off_leaves_the_feet() -> None:
    cam = camera()
    place = cam.pixels(cam.on_plane(np.array([[4.0, 0.2]])))[0]
    box = np.array([[place[0], place[1] / 2, 100.0, place[1]]])
    points = cam.locate(box, np.ones((1, 4)), SIZE)
    np.testing.assert_allclose(points.positions[0, :2], [4.0, 0.2], atol=1e-9)


def test_hidden_feet_widen_the_covariance() -> None:
    """The lower half is behind a car: the box ends higher, so the feet seem farther away."""
    cam = camera(height=3.0, pitch=0.25)
    box = box_of(cam, (10.0, 0.0), 1.7)
    half = box.copy()
    half[0, 1] -= box[0, 3] / 4
    half[0, 3] /= 2
    spread = np.array([[4.0, 4.0, 4.0, 4.0]])
    whole, hidden = cam.locate(box, spread, SIZE), cam.locate(half, spread, SIZE)
    deviation = math.sqrt((hidden.noise + hidden.bias)[0, 0, 0])
    assert deviation > 3 * math.sqrt((whole.noise + whole.bias)[0, 0, 0])
    assert abs(hidden.positions[0, 0] - 10.0) < 3 * deviation


def test_an_unsure_pitch_is_made_up_for_by_the_height_of_people() -> None:
    """The camera looks two degrees lower than is known: feet alone are metres off."""
    true, known = camera(height=1.5, pitch=0.08 + math.radians(2)), camera(height=1.5, pitch=0.08)
    unsure = camera(height=1.5, pitch=0.08, mounting=Mounting(math.radians(2), 0.0))
    box, spread = box_of(true, (20.0, 0.0), 1.7), np.full((1, 4), 1.0)
    off = [
        abs(cam.locate(box, spread, SIZE, PersonHeight(1.7, 0.07)).positions[0, 0] - 20.0)
        for cam in (known, unsure)
    ]
    assert off[0] > 3.0
    assert off[1] < 1.0


@pytest.mark.parametrize("plane", [None, SLOPE], ids=["z = 0", "slope"])
@pytest.mark.parametrize("lens", [PINHOLE, DISTORTED], ids=["pin", "distorted"])
def test_covariances_are_those_of_many_trials(lens: Lens, plane: GroundPlane | None) -> None:
    """Boxes, people and mountings drawn at random from what is claimed of them."""
    rng = np.random.default_rng(7)
    trials, mounting, person = 4000, Mounting(0.004, 0.03), PersonHeight(1.7, 0.08)
    known = camera(lens, 3.0, 0.2, plane, mounting, roll=0.03)
    pose = pose_above_ground(3.0, 0.2, 0.03)
    deviations = np.array([1.5, 1.0, 1.0, 2.0])
    upright = known._plane.normal
    errors = np.empty((trials, 2))
    for trial in range(trials):
        turn = RigidTransform.from_euler(*rng.normal(0, mounting.rotation, 3))
        shift = rng.normal(0, mounting.height) * upright
        moved = RigidTransform((turn @ pose).quaternion, pose.translation + shift)
        true = GroundCamera(lens, moved, plane or GroundPlane.of())
        foot = true.on_plane(np.array([[12.0, 2.0]]))
        head = foot + rng.normal(person.mean, person.deviation) * upright
        (x, low), (_, top) = true.pixels(foot)[0], true.pixels(head)[0]
        box = np.array([[x, (low + top) / 2, 30.0, low - top]]) + rng.normal(0, deviations)
        points = known.locate(box, deviations[None] ** 2, SIZE, person)
        errors[trial] = points.positions[0, :2] - [12.0, 2.0]
    claimed: PersonPoints = points
    found = np.cov(errors.T)
    np.testing.assert_allclose(claimed.noise[0] + claimed.bias[0], found, rtol=0.12, atol=2e-4)
    squared = np.einsum("ni,ij,nj->n", errors, np.linalg.inv(found), errors)
    assert (squared < 4.605).mean() == pytest.approx(0.9, abs=0.02)


def test_noise_and_bias_are_told_apart() -> None:
    """What the mounting does wrong it does in every image: it must not be averaged away."""
    box = box_of(camera(), (10.0, 0.0), 1.7)
    exact = camera(mounting=Mounting(0.01, 0.05)).locate(box, EXACT, SIZE)
    assert np.abs(exact.noise).max() < 1e-12
    assert exact.bias[0, 0, 0] > 0
    shaky = camera().locate(box, np.full((1, 4), 9.0), SIZE, PersonHeight(1.7, 1e-9))
    assert np.abs(shaky.bias).max() < 1e-12
    assert shaky.noise[0, 0, 0] > 0
