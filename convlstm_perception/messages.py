"""Answers as messages, of rclpy's classes or of rosbags': one shape for the node and for bags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from convlstm_perception.types import (
    NANOSECONDS_PER_SECOND,
    Float32Array,
    PerceptionResult,
)

MessageTypes = Mapping[str, Callable[..., Any]]
"""Type names, as ``vision_msgs/msg/Point2D``, to classes that take a message's fields by name."""

_COORDINATES = 4  # of a box


def stamp_to_ns(stamp: Any) -> int:
    """A builtin_interfaces/Time in integer nanoseconds."""
    return int(stamp.sec) * NANOSECONDS_PER_SECOND + int(stamp.nanosec)


DETECTIONS = "vision_msgs/msg/Detection2DArray"
TRAJECTORIES = "convlstm_perception_msgs/msg/PredictedTrajectoryArray"

USED_TYPES = (
    "builtin_interfaces/msg/Duration",
    "convlstm_perception_msgs/msg/PredictedTrajectory",
    TRAJECTORIES,
    "convlstm_perception_msgs/msg/TrajectoryMode",
    "convlstm_perception_msgs/msg/TrajectoryPoint",
    "geometry_msgs/msg/Point",
    "geometry_msgs/msg/Pose",
    "geometry_msgs/msg/PoseWithCovariance",
    "geometry_msgs/msg/Quaternion",
    "vision_msgs/msg/BoundingBox2D",
    "vision_msgs/msg/Detection2D",
    DETECTIONS,
    "vision_msgs/msg/ObjectHypothesis",
    "vision_msgs/msg/ObjectHypothesisWithPose",
    "vision_msgs/msg/Point2D",
    "vision_msgs/msg/Pose2D",
)
"""Every type that is made here."""


def detections_message(
    result: PerceptionResult, header: Any, class_id: str, types: MessageTypes
) -> Any:
    """The tracked pedestrians as Detection2DArray, in pixels; ``id`` is the track id.

    Args:
        result: to tell.
        header: of its image; a message of the same classes.
        class_id: of a pedestrian.
        types: to make the messages of.
    """
    tracks = result.tracks
    boxes = _boxes(tracks.boxes, types)
    detection = types["vision_msgs/msg/Detection2D"]
    # No pose in space is known: the message's defaults, spelt out, for rosbags has none.
    pose = types["geometry_msgs/msg/PoseWithCovariance"](
        pose=types["geometry_msgs/msg/Pose"](
            position=types["geometry_msgs/msg/Point"](x=0.0, y=0.0, z=0.0),
            orientation=types["geometry_msgs/msg/Quaternion"](x=0.0, y=0.0, z=0.0, w=1.0),
        ),
        covariance=np.zeros(36),
    )
    return types[DETECTIONS](
        header=header,
        detections=[
            detection(
                header=header,
                results=[
                    types["vision_msgs/msg/ObjectHypothesisWithPose"](
                        hypothesis=types["vision_msgs/msg/ObjectHypothesis"](
                            class_id=class_id, score=float(tracks.scores[row])
                        ),
                        pose=pose,
                    )
                ],
                bbox=boxes[row],
                id=str(tracks.ids[row]),
            )
            for row in range(len(tracks))
        ],
    )


def trajectories_message(
    result: PerceptionResult, header: Any, model_id: str, types: MessageTypes
) -> Any:
    """The tracked pedestrians as PredictedTrajectoryArray, in pixels.

    Args:
        result: to tell, with its status.
        header: of its image; a message of the same classes.
        model_id: name and version of the model.
        types: to make the messages of.
    """
    tracks = result.tracks
    boxes = _boxes(tracks.boxes, types)
    durations = [_duration(float(seconds), types) for seconds in tracks.trajectories.times]
    mode = types["convlstm_perception_msgs/msg/TrajectoryMode"]
    return types[TRAJECTORIES](
        header=header,
        model_id=model_id,
        status=int(result.status),
        status_reason=result.status_reason,
        trajectories=[
            types["convlstm_perception_msgs/msg/PredictedTrajectory"](
                track_id=str(tracks.ids[row]),
                score=float(tracks.scores[row]),
                coasting=bool(tracks.coasting[row]),
                bbox=boxes[row],
                modes=[mode(probability=1.0, points=_points(result, row, durations, types))],
            )
            for row in range(len(tracks))
        ],
    )


def _points(
    result: PerceptionResult, row: int, durations: list[Any], types: MessageTypes
) -> list[Any]:
    trajectories = result.tracks.trajectories
    point = types["convlstm_perception_msgs/msg/TrajectoryPoint"]
    covariances = np.zeros((len(durations), _COORDINATES**2))
    covariances[:, :: _COORDINATES + 1] = trajectories.variances[row]  # the diagonals
    boxes = _boxes(trajectories.boxes[row], types)
    return [
        point(time_from_start=duration, bbox=box, covariance=covariance)
        for duration, box, covariance in zip(durations, boxes, covariances, strict=True)
    ]


def _boxes(boxes: Float32Array, types: MessageTypes) -> list[Any]:
    """Of (N, 4) boxes."""
    point, pose = types["vision_msgs/msg/Point2D"], types["vision_msgs/msg/Pose2D"]
    box = types["vision_msgs/msg/BoundingBox2D"]
    return [
        box(center=pose(position=point(x=x, y=y), theta=0.0), size_x=width, size_y=height)
        for x, y, width, height in boxes.tolist()
    ]


def _duration(seconds: float, types: MessageTypes) -> Any:
    whole, rest = divmod(round(seconds * NANOSECONDS_PER_SECOND), NANOSECONDS_PER_SECOND)
    return types["builtin_interfaces/msg/Duration"](sec=whole, nanosec=rest)
