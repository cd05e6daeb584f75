"""What Autoware's planning is told."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest

from convlstm_perception.messages.autoware import FIELDS, predicted_objects_message
from convlstm_perception.types import PerceptionResult
from tests.support.located import TIMES, header_of, located_answer, yaw_of

NAMESPACE = UUID("6f0d7c3e-0c1b-4b68-9a5e-52a0cb4b1d11")
Make = Callable[..., Sequence[Any]]


@pytest.fixture
def objects(store: Any, again: Callable[[Any], Any]) -> Make:
    def make(result: PerceptionResult, namespace: UUID = NAMESPACE) -> Sequence[Any]:
        types = store.types
        message = again(predicted_objects_message(result, header_of(types), namespace, types))
        assert message.header.frame_id == "base_link"
        return message.objects

    return make


def test_a_pedestrian(objects: Make, store: Any) -> None:
    (person,) = objects(located_answer())
    assert person.existence_probability == pytest.approx(0.75)
    (sort,) = person.classification
    assert sort.label == type(sort).PEDESTRIAN == 7 and sort.probability == 1.0
    assert person.shape.type == type(person.shape).CYLINDER == 1
    size = person.shape.dimensions
    assert (size.x, size.y, size.z) == pytest.approx((0.6, 0.6, 1.8))
    assert len(person.shape.footprint.points) == 0
    pose = person.kinematics.initial_pose_with_covariance.pose
    assert (pose.position.x, pose.position.y, pose.position.z) == pytest.approx((4.0, 3.0, 1.0))
    assert yaw_of(pose.orientation) == pytest.approx(-math.pi / 2)


def test_the_twist_is_in_the_objects_own_axes(objects: Make) -> None:
    """Along its x, whatever the frame's; the covariance turns with it."""
    (person,) = objects(located_answer(velocities=[(0.0, -1.5)]))
    motion = person.kinematics.initial_twist_with_covariance
    linear = motion.twist.linear
    assert (linear.x, linear.y, linear.z) == pytest.approx((1.5, 0.0, 0.0))
    covariance = motion.covariance.reshape(6, 6)
    # Facing -y, forward is the frame's y (0.02) and left is its x (0.01).
    expected = np.diag([0.02, 0.01, 0.0, 0.0, 0.0, 0.0])
    assert covariance == pytest.approx(expected)


def test_position_and_twist_make_the_path_of_who_walks_straight_on(objects: Make) -> None:
    """As Autoware's own prediction steps: from the pose, along its axes, by twist times time."""
    (person,) = objects(located_answer(velocities=[(0.8, 0.6)]))
    pose = person.kinematics.initial_pose_with_covariance.pose
    speed = person.kinematics.initial_twist_with_covariance.twist.linear.x
    yaw = yaw_of(pose.orientation)
    (path,) = person.kinematics.predicted_paths
    step = path.time_step.sec + 1e-9 * path.time_step.nanosec
    for number, place in enumerate(path.path):
        way = number * step * speed
        assert place.position.x == pytest.approx(pose.position.x + way * math.cos(yaw))
        assert place.position.y == pytest.approx(pose.position.y + way * math.sin(yaw))


def test_who_stands_has_the_frames_axes(objects: Make) -> None:
    (person,) = objects(located_answer(velocities=[(0.05, 0.1)]))
    pose = person.kinematics.initial_pose_with_covariance.pose
    assert yaw_of(pose.orientation) == 0.0
    linear = person.kinematics.initial_twist_with_covariance.twist.linear
    assert (linear.x, linear.y) == pytest.approx((0.05, 0.1))


def test_the_path_begins_now_and_has_equal_steps(objects: Make) -> None:
    (person,) = objects(located_answer())
    (path,) = person.kinematics.predicted_paths
    assert path.confidence == 1.0
    assert (path.time_step.sec, path.time_step.nanosec) == (0, 500_000_000)
    assert path.path[0] == person.kinematics.initial_pose_with_covariance.pose
    assert [pose.position.y for pose in path.path] == pytest.approx(
        [3.0 - time for time in (0.0, *TIMES)]
    )
    assert {pose.position.z for pose in path.path} == {1.0}
    assert [yaw_of(pose.orientation) for pose in path.path] == pytest.approx([-math.pi / 2] * 5)


def test_unequal_times_are_brought_to_equal_steps(objects: Make) -> None:
    (person,) = objects(located_answer(velocities=[(1.0, 0.0)], times=(0.5, 1.0, 3.0)))
    (path,) = person.kinematics.predicted_paths
    assert path.time_step.sec == 1 and path.time_step.nanosec == 0
    assert [pose.position.x for pose in path.path] == pytest.approx([4.0, 5.0, 6.0, 7.0])


def test_a_path_turns_where_it_goes(objects: Make) -> None:
    answer = located_answer(velocities=[(1.0, 0.0)], times=(1.0, 2.0))
    assert answer.ground
    answer.ground.paths[0, 1] = (5.0, 4.0, 0.1)  # to the left after a second
    (person,) = objects(answer)
    (path,) = person.kinematics.predicted_paths
    assert [yaw_of(pose.orientation) for pose in path.path] == pytest.approx(
        [0.0, 0.0, math.pi / 2]
    )


def test_an_id_is_the_tracks_and_nobody_elses(objects: Make) -> None:
    places = [(4.0, 3.0), (5.0, 3.0)]

    def ids(**options: Any) -> list[bytes]:
        answer = located_answer(places, [(1.0, 0.0)] * 2, **options.pop("answer", {}))
        return [bytes(person.object_id.uuid) for person in objects(answer, **options)]

    first = ids()
    assert len(set(first)) == 2 and all(len(identity) == 16 for identity in first)
    assert ids() == first
    assert ids(answer={"hidden": [0]}) == first[1:]
    assert not set(ids(namespace=uuid4())) & set(first)


def test_nobody(objects: Make) -> None:
    assert len(objects(located_answer([], []))) == 0


def test_the_fields_are_those_of_the_definitions(store: Any) -> None:
    for name, fields in FIELDS.items():
        defined = [field for field, _ in store.fielddefs[name][1]]
        assert list(fields) == defined, name
