"""Answers as messages: the same of ROS and of bags, with the values to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convlstm_perception.bags import type_store
from convlstm_perception.bags.messages import bag_message_types, empty_message
from convlstm_perception.messages import MessageTypes, detections_message, trajectories_message
from convlstm_perception.types import (
    AnswerStatus,
    Detections,
    PerceptionResult,
    Tracks,
    Trajectories,
)
from tests.support.bags import header

TIMES = np.array([0.1, 0.5, 2.0], np.float32)
ARRAY = "convlstm_perception_msgs/msg/PredictedTrajectoryArray"
DETECTIONS = "vision_msgs/msg/Detection2DArray"


def result(people: int = 2) -> PerceptionResult:
    random = np.random.default_rng(3)

    def numbers(*shape: int) -> np.ndarray:
        return random.random(shape, np.float32)

    tracks = Tracks(
        np.arange(7, 7 + people),
        numbers(people, 4),
        numbers(people),
        np.arange(people) % 2 == 1,
        Trajectories(TIMES, numbers(people, 3, 4), numbers(people, 3, 4)),
    )
    return PerceptionResult(
        5,
        "camera",
        Detections.nobody(TIMES),
        tracks,
        3,
        status=AnswerStatus.DEGRADED,
        status_reason="why",
    )


def test_every_value_is_told_to_the_last_bit() -> None:
    told = result()
    message = trajectories_message(bag_message_types(), told, header(5), "model-1")
    assert (message.model_id, message.status, message.status_reason) == ("model-1", 1, "why")
    assert message.header == header(5)
    assert [person.track_id for person in message.trajectories] == ["7", "8"]
    assert [person.coasting for person in message.trajectories] == [False, True]
    for row, person in enumerate(message.trajectories):
        assert person.score == float(told.tracks.scores[row])
        (mode,) = person.modes
        assert mode.probability == 1.0
        durations = [point.time_from_start for point in mode.points]
        assert [(one.sec, one.nanosec) for one in durations] == [
            (0, 100_000_001),
            (0, 500_000_000),
            (2, 0),
        ]  # 0.1 as float32
        for step, point in enumerate(mode.points):
            box = point.bbox
            x, y = box.center.position.x, box.center.position.y
            assert [x, y, box.size_x, box.size_y] == told.tracks.trajectories.boxes[
                row, step
            ].tolist()
            covariance = np.asarray(point.covariance).reshape(4, 4)
            variances = told.tracks.trajectories.variances[row, step].astype(np.float64)
            assert np.array_equal(covariance, np.diag(variances))


def test_detections_are_the_tracks() -> None:
    told = result()
    message = detections_message(bag_message_types(), told, header(5), "pedestrian")
    assert [detection.id for detection in message.detections] == ["7", "8"]
    for row, detection in enumerate(message.detections):
        assert detection.header == header(5)
        (hypothesis,) = detection.results
        assert hypothesis.hypothesis.class_id == "pedestrian"
        assert hypothesis.hypothesis.score == float(told.tracks.scores[row])
        assert detection.bbox.size_y == float(told.tracks.boxes[row, 3])


@pytest.mark.parametrize("people", [0, 1, 6])
def test_what_is_made_for_bags_survives_them(people: int) -> None:
    store = type_store()
    for kind, message in (
        (ARRAY, trajectories_message(bag_message_types(), result(people), header(5), "m")),
        (DETECTIONS, detections_message(bag_message_types(), result(people), header(5), "p")),
    ):
        data = bytes(store.serialize_cdr(message, kind))
        read: Any = store.deserialize_cdr(data, kind)
        assert bytes(store.serialize_cdr(read, kind)) == data


@pytest.mark.parametrize("people", [0, 1, 6])
def test_ros_reads_from_a_bag_what_the_node_would_have_sent(people: int) -> None:
    pytest.importorskip("rclpy", reason="no ROS 2 in this environment")
    from builtin_interfaces.msg import Duration
    from convlstm_perception_msgs import msg as ours
    from rclpy.serialization import deserialize_message
    from std_msgs.msg import Header
    from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

    ros = MessageTypes(
        duration=Duration,
        detections=Detection2DArray,
        detection=Detection2D,
        hypothesis=ObjectHypothesisWithPose,
        trajectories=ours.PredictedTrajectoryArray,
        trajectory=ours.PredictedTrajectory,
        mode=ours.TrajectoryMode,
        point=ours.TrajectoryPoint,
    )
    ros_header = Header(frame_id="camera")
    ros_header.stamp.nanosec = 5
    for fill, kind, name, more in (
        (trajectories_message, ours.PredictedTrajectoryArray, ARRAY, "model-1"),
        (detections_message, Detection2DArray, DETECTIONS, "pedestrian"),
    ):
        bag = fill(bag_message_types(), result(people), header(5), more)
        data = bytes(type_store().serialize_cdr(bag, name))
        assert deserialize_message(data, kind) == fill(ros, result(people), ros_header, more)


def test_an_empty_message_has_every_field() -> None:
    store = type_store()
    for name in (ARRAY, "sensor_msgs/msg/CameraInfo", "diagnostic_msgs/msg/DiagnosticArray"):
        data = bytes(store.serialize_cdr(empty_message(store, name), name))
        read: Any = store.deserialize_cdr(data, name)
        assert bytes(store.serialize_cdr(read, name)) == data
    with pytest.raises(KeyError):
        empty_message(store, "no/msg/Such")
