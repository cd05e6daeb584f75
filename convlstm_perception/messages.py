"""Answers as messages, of ROS as of bags: one way to fill both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from convlstm_perception.types import (
    NANOSECONDS_PER_SECOND,
    Float32Array,
    PerceptionResult,
    Tracks,
)

_COORDINATES = 4  # of a box
_DIAGONAL = _COORDINATES + 1  # from one number on the diagonal of a flat matrix to the next


@dataclass(frozen=True)
class MessageTypes:
    """What makes empty messages, with every field there: rclpy's classes, or those of a bag.

    Fields are then set where they stand, which for rclpy is faster than handing parts over:
    its constructors make the parts in any case.

    Attributes:
        duration: builtin_interfaces/Duration.
        detections, detection, hypothesis: vision_msgs/Detection2DArray, Detection2D and
            ObjectHypothesisWithPose.
        trajectories, trajectory, mode, point: convlstm_perception_msgs/PredictedTrajectoryArray,
            PredictedTrajectory, TrajectoryMode and TrajectoryPoint.
    """

    duration: Callable[[], Any]
    detections: Callable[[], Any]
    detection: Callable[[], Any]
    hypothesis: Callable[[], Any]
    trajectories: Callable[[], Any]
    trajectory: Callable[[], Any]
    mode: Callable[[], Any]
    point: Callable[[], Any]


def detections_message(
    types: MessageTypes, result: PerceptionResult, header: Any, class_id: str
) -> Any:
    """The tracked pedestrians as a Detection2DArray, in pixels; ``id`` is the track id.

    Args:
        types: of the messages.
        result: to tell.
        header: of the image that is answered; kept, not copied.
        class_id: of a pedestrian.
    """
    tracks = result.tracks
    message = types.detections()
    message.header = header
    detections = []
    for row in range(len(tracks)):
        hypothesis = types.hypothesis()
        hypothesis.hypothesis.class_id = class_id
        hypothesis.hypothesis.score = float(tracks.scores[row])
        hypothesis.pose.pose.orientation.w = 1.0  # unturned; rclpy's default
        detection = types.detection()
        detection.header = header
        detection.results = [hypothesis]
        _set_box(detection.bbox, tracks.boxes[row].tolist())
        detection.id = str(tracks.ids[row])
        detections.append(detection)
    message.detections = detections
    return message


def trajectories_message(
    types: MessageTypes, result: PerceptionResult, header: Any, model_id: str
) -> Any:
    """The tracked pedestrians as a PredictedTrajectoryArray: their future boxes and covariances.

    Args:
        types: of the messages.
        result: to tell.
        header: of the image that is answered; kept, not copied.
        model_id: name and version of the model.
    """
    tracks = result.tracks
    message = types.trajectories()
    message.header = header
    message.model_id = model_id
    message.status = int(result.status)
    message.status_reason = result.status_reason
    durations = [_duration(types, float(seconds)) for seconds in tracks.trajectories.times]
    covariances = _covariances(tracks.trajectories.variances)
    trajectories = []
    for row in range(len(tracks)):
        mode = types.mode()
        mode.probability = 1.0
        mode.points = _points(types, tracks, row, durations, covariances[row])
        trajectory = types.trajectory()
        trajectory.track_id = str(tracks.ids[row])
        trajectory.score = float(tracks.scores[row])
        trajectory.coasting = bool(tracks.coasting[row])
        _set_box(trajectory.bbox, tracks.boxes[row].tolist())
        trajectory.modes = [mode]
        trajectories.append(trajectory)
    message.trajectories = trajectories
    return message


def _points(
    types: MessageTypes, tracks: Tracks, row: int, durations: list[Any], covariances: Any
) -> list[Any]:
    points = []
    boxes = tracks.trajectories.boxes[row].tolist()
    for box, duration, covariance in zip(boxes, durations, covariances, strict=True):
        point = types.point()
        point.time_from_start = duration
        _set_box(point.bbox, box)
        point.covariance = covariance
        points.append(point)
    return points


def _set_box(message: Any, box: list[float]) -> None:
    position = message.center.position
    position.x, position.y, message.size_x, message.size_y = box


def _covariances(variances: Float32Array) -> Any:
    """(N, H, 4) variances as (N, H, 16) float64 row-major diagonal matrices."""
    matrices = np.zeros((*variances.shape[:-1], _COORDINATES * _COORDINATES), np.float64)
    matrices[..., ::_DIAGONAL] = variances
    return matrices


def _duration(types: MessageTypes, seconds: float) -> Any:
    message = types.duration()
    message.sec, message.nanosec = divmod(
        round(seconds * NANOSECONDS_PER_SECOND), NANOSECONDS_PER_SECOND
    )
    return message
