"""Tracks on the ground: places, velocities, paths, the vehicle's own motion, and what is kept."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from convlstm_perception.geometry import PersonHeight, RigidTransform
from convlstm_perception.ground import GroundTracker, GroundView
from convlstm_perception.types import GroundTracks, Tracks
from tests.support.ground import (
    HEIGHT,
    PERIOD_NS,
    POSE,
    RATE,
    TIMES,
    WIDTH,
    boxes_of,
    camera_at,
    tracks_of,
)

START = np.array([[8.0, 2.0], [9.0, -1.0]])
WALK = np.array([[0.0, -1.3], [1.0, 0.5]])


def view(fixed: RigidTransform | None = None) -> GroundView:
    return GroundView(camera_at(), "base_link", (WIDTH, HEIGHT), POSE, fixed)


def tracker() -> GroundTracker:
    return GroundTracker(TIMES, PersonHeight(1.7, 0.05))


def walking(step: int) -> Tracks:
    """Two people who walk before a standing camera, and are predicted rightly."""
    now = START + step / RATE * WALK
    future = now[:, None] + TIMES[:, None] * WALK[:, None]
    return tracks_of(boxes_of(now), boxes_of(future))


def follow(steps: int = 20) -> GroundTracks:
    following = tracker()
    for step in range(steps):
        ground = following.update(walking(step), step * PERIOD_NS, view())
    return ground


def test_where_people_are_and_how_they_move() -> None:
    ground = follow()
    now = START + 19 / RATE * WALK
    assert ground.valid.all() and ground.frame_id == "base_link" and not ground.compensated
    np.testing.assert_allclose(ground.positions[:, :2], now, atol=0.1)
    np.testing.assert_allclose(ground.positions[:, 2], 0.0, atol=1e-12)
    # The prior of standing still takes a few hundredths off.
    np.testing.assert_allclose(ground.velocities, WALK, atol=0.15)
    np.testing.assert_allclose(ground.speeds, np.hypot(*WALK.T), atol=0.15)
    assert ground.headings[0] == pytest.approx(-math.pi / 2, abs=0.05)
    np.testing.assert_allclose(ground.heights, 1.7, atol=0.01)


def test_where_people_will_be() -> None:
    ground = follow()
    now = START + 19 / RATE * WALK
    future = now[:, None] + TIMES[:, None] * WALK[:, None]
    np.testing.assert_allclose(ground.paths[..., :2], future, atol=0.25)
    deviations = np.sqrt(np.trace(ground.path_covariances, axis1=-2, axis2=-1))
    assert (np.diff(deviations, axis=1) > 0).all(), "what is later is less sure"
    eigenvalues = np.linalg.eigvalsh(ground.path_covariances)
    assert (eigenvalues > 0).all()


def test_the_surer_of_past_and_prediction_leads() -> None:
    """A prediction in the image that says somebody stops, believed and not."""
    ends = []
    for deviation in (0.5, 500.0):
        following = tracker()
        for step in range(20):
            now = START + step / RATE * WALK
            stopping = np.repeat(now[:, None], len(TIMES), axis=1)
            tracks = tracks_of(boxes_of(now), boxes_of(stopping), deviation)
            ground = following.update(tracks, step * PERIOD_NS, view())
        ends.append(ground.paths[0, -1, 1] - now[0, 1])
    assert ends[0] == pytest.approx(0.0, abs=0.15)
    assert ends[1] == pytest.approx(3.0 * -1.3, abs=0.5)


def driven(seconds: float) -> RigidTransform:
    """In odom: 5 m/s ahead, turning left at 0.4 rad/s: an arc."""
    radius, angle = 5.0 / 0.4, 0.4 * seconds
    return RigidTransform.from_euler(
        0.0, 0.0, angle, (radius * math.sin(angle), radius * (1 - math.cos(angle)), 0.0)
    )


def parked(steps: int, *, odometry: bool) -> tuple[GroundTracks, NDArray[np.float64]]:
    """Somebody who stands at (25, 9) in odom, while the vehicle drives and turns.

    The networks see the motion of the last second and go on straight in the image: they do not know
    of the vehicle's turn.
    """
    stands = np.array([25.0, 9.0, 0.0])
    following = tracker()
    for step in range(steps):
        seconds = step / RATE
        place = driven(seconds).inverse().apply(stands)[:2]
        before = driven(seconds - 0.5).inverse().apply(stands)[:2]
        box, earlier = boxes_of(place[None]), boxes_of(before[None])
        future = box[:, None] + TIMES[:, None] * 2 * (box - earlier)[:, None]
        tracks = tracks_of(box, future.astype(np.float32), deviation=8.0)
        fixed = driven(seconds) if odometry else None
        ground = following.update(tracks, step * PERIOD_NS, view(fixed))
    return ground, place


def test_a_parked_pedestrian_stays_put_while_the_vehicle_turns() -> None:
    ground, place = parked(15, odometry=True)
    assert ground.compensated
    np.testing.assert_allclose(ground.positions[0, :2], place, atol=0.05)
    assert ground.speeds[0] < 0.15
    # At 1 s the vehicle will be 5 m farther and 23 degrees turned; the person, where they are.
    away = np.linalg.norm(ground.paths[0, :, :2] - place, axis=-1)
    assert away[1] < 0.5
    deviation = np.sqrt(np.linalg.eigvalsh(ground.path_covariances[0])[:, 1])
    assert (away < 2.1 * deviation).all()


def test_without_odometry_the_vehicles_motion_is_the_pedestrians() -> None:
    ground, _ = parked(15, odometry=False)
    assert not ground.compensated
    assert ground.speeds[0] > 3.0


def test_closest_approach_counts_the_vehicles_motion() -> None:
    """Straight ahead at 5 m/s, somebody stands 20 m ahead and 1.5 m to the side."""
    following = tracker()
    for step in range(15):
        fixed = RigidTransform.from_euler(0, 0, 0, (step / RATE * 5.0, 0.0, 0.0))
        place = np.array([[25.0 - step / RATE * 5.0, 1.5]])
        future = np.repeat(boxes_of(place)[:, None], len(TIMES), axis=1)
        ground = following.update(
            tracks_of(boxes_of(place), future, 50.0), step * PERIOD_NS, view(fixed)
        )
    assert ground.closest_times[0] == pytest.approx((25.0 - 1.4 * 5.0) / 5.0, abs=0.2)
    assert ground.closest_distances[0] == pytest.approx(1.5, abs=0.3)


def test_nothing_older_than_the_window_has_any_part() -> None:
    """Two trackers with different pasts agree to the bit once the past has left the window."""
    one, other = tracker(), tracker()
    for step in range(5):
        strange = tracks_of(boxes_of(START + 3.0), boxes_of(np.repeat(START[:, None], 6, axis=1)))
        one.update(strange, step * PERIOD_NS, view())
    for step in range(30, 60):
        results = [some.update(walking(step), step * PERIOD_NS, view()) for some in (one, other)]
    for name in ("positions", "velocities", "covariances", "paths", "path_covariances"):
        assert (getattr(results[0], name) == getattr(results[1], name)).all(), name


def test_errors_that_last_are_not_averaged_away() -> None:
    """Three times the images, and hardly surer."""
    spread = []
    for every in (1, 3):
        following = tracker()
        for step in range(0, 61, every):
            now = START + step / 30 * WALK
            tracks = tracks_of(boxes_of(now), boxes_of(np.repeat(now[:, None], 6, axis=1)))
            ground = following.update(tracks, round(step / 30 * 1e9), view())
        spread.append(math.sqrt(ground.covariances[0, 2, 2]))
    assert spread[0] / spread[1] == pytest.approx(1.0, abs=0.15)


def test_while_coasting_the_past_goes_on() -> None:
    following = tracker()
    for step in range(20):
        following.update(walking(step), step * PERIOD_NS, view())
    lost = walking(19)
    off = tracks_of(
        lost.boxes + np.float32(50), lost.trajectories.boxes, deviation=100.0, coasting=True
    )
    ground = following.update(off, 24 * PERIOD_NS, view())
    np.testing.assert_allclose(ground.positions[:, :2], START + 2.4 * WALK, atol=0.25)


def test_who_was_never_on_the_ground_is_told_why() -> None:
    above = np.array([[640.0, 100.0, 20.0, 50.0]], np.float32)
    tracks = tracks_of(above, np.repeat(above[:, None], len(TIMES), axis=1))
    ground = tracker().update(tracks, 0, view())
    assert not ground.valid[0] and "horizon" in ground.reasons[0]
    assert np.isnan(ground.positions).all() and np.isnan(ground.paths).all()
    assert np.isnan(ground.closest_distances).all()


def test_nobody_is_answered_with_nobody() -> None:
    nothing = np.zeros((0, 4), np.float32)
    ground = tracker().update(
        tracks_of(nothing, np.zeros((0, len(TIMES), 4), np.float32)), 0, view()
    )
    assert len(ground) == 0 and ground.paths.shape == (0, len(TIMES), 3)


def test_tracks_come_and_go_and_keep_their_own_pasts() -> None:
    """Rows are reused; nobody inherits another's past."""
    following = tracker()
    for step in range(30):
        whole = walking(step)
        first = tracks_of(whole.boxes[:1], whole.trajectories.boxes[:1], ids=[100 + step])
        following.update(first, step * PERIOD_NS, view())
    second = tracks_of(whole.boxes[1:], whole.trajectories.boxes[1:], ids=[7])
    ground = following.update(second, 30 * PERIOD_NS, view())
    np.testing.assert_allclose(ground.positions[0, :2], START[1] + 2.9 * WALK[1], atol=0.02)
    assert ground.speeds[0] == 0.0, "seen once, nothing is known of the motion"
    assert len(following._past._rows) == 1


def test_another_frame_begins_anew() -> None:
    following = tracker()
    for step in range(10):
        following.update(walking(step), step * PERIOD_NS, view())
    moved = view(RigidTransform.from_euler(0, 0, 1.0, (100.0, 0, 0)))
    ground = following.update(walking(10), 10 * PERIOD_NS, moved)
    assert (ground.speeds == 0).all()
    np.testing.assert_allclose(ground.positions[:, :2], START + WALK, atol=0.02)
