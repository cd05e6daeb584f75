"""Poses on the ground."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from convlstm_perception.messages.poses import poses_message
from tests.support.located import header_of, located_answer, yaw_of


@pytest.mark.parametrize(
    ("velocity", "yaw"),
    [((1.0, 0.0), 0.0), ((0.0, 1.0), 90.0), ((-1.0, 1.0), 135.0), ((1.0, -1.0), -45.0)],
)
def test_a_pose_is_on_the_ground_and_faces_the_motion(
    store: Any, again: Callable[[Any], Any], velocity: tuple[float, float], yaw: float
) -> None:
    places, known = [(4.0, 3.0), (5.0, 1.0)], [(1.0, 1.0), velocity]
    answer = located_answer(places, known, hidden=[0])
    message = again(poses_message(answer, header_of(store.types), store.types))
    assert message.header.frame_id == "base_link"
    (pose,) = message.poses
    place = pose.position
    assert (place.x, place.y, place.z) == pytest.approx((5.0, 1.0, 0.1))
    assert math.degrees(yaw_of(pose.orientation)) == pytest.approx(yaw)


def test_nobody(store: Any, again: Callable[[Any], Any]) -> None:
    message = again(poses_message(located_answer([], []), header_of(store.types), store.types))
    assert len(message.poses) == 0
