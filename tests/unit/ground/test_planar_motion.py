"""The motion of a vehicle, from its last poses."""

from __future__ import annotations

import math

import numpy as np
import pytest

from convlstm_perception.geometry import RigidTransform
from convlstm_perception.ground.planar_motion import PlanarMotion, PlanarPose

TIMES = np.array([0.5, 1.0, 3.0])


def arc(seconds: float, speed: float = 6.0, rate: float = 0.5) -> RigidTransform:
    angle, radius = rate * seconds, speed / rate
    return RigidTransform.from_euler(
        0, 0, angle, (radius * math.sin(angle), radius * (1 - math.cos(angle)), 0)
    )


def test_an_arc_goes_on_as_an_arc() -> None:
    motion = PlanarMotion()
    for step in range(31):
        motion.see(round(step / 30 * 1e9), PlanarPose.of(arc(step / 30)))
    velocity, rate = motion.twist()
    assert rate == pytest.approx(0.5, rel=1e-6)
    expected = 6.0 * np.array([math.cos(0.5), math.sin(0.5)])
    np.testing.assert_allclose(velocity, expected, rtol=0.01)
    rotations, translations = motion.ahead(TIMES)
    for time, rotation, translation in zip(TIMES, rotations, translations, strict=True):
        # A point seen from the pose then, as if the pose were still the one now.
        seen = np.array([5.0, 1.0])
        now, then = PlanarPose.of(arc(1.0)), PlanarPose.of(arc(1.0 + time))
        as_if = now.rotation @ seen + now.position
        true = then.rotation @ seen + then.position
        np.testing.assert_allclose(rotation @ as_if + translation, true, atol=0.05 * time)


def test_over_the_seam_of_the_angles() -> None:
    motion = PlanarMotion()
    motion.see(0, PlanarPose(np.zeros(2), math.pi - 0.01))
    motion.see(100_000_000, PlanarPose(np.zeros(2), -math.pi + 0.01))
    assert motion.twist()[1] == pytest.approx(0.2)


def test_a_single_pose_stands_still() -> None:
    motion = PlanarMotion()
    motion.see(0, PlanarPose(np.array([4.0, 5.0]), 1.0))
    rotations, translations = motion.ahead(TIMES)
    np.testing.assert_allclose(rotations, np.broadcast_to(np.eye(2), (3, 2, 2)))
    np.testing.assert_allclose(translations, 0.0)


def test_only_the_last_half_second_counts() -> None:
    motion = PlanarMotion()
    for step in range(40):
        place = max(0, step - 30) * 0.1
        motion.see(step * 33_333_333, PlanarPose(np.array([place, 0.0]), 0.0))
    assert len(motion._poses) < 20
