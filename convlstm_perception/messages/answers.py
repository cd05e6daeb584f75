"""Answers as messages, of rclpy's classes or of rosbags': one shape for the node and for bags."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from convlstm_perception.messages.types import MessageTypes, duration, point
from convlstm_perception.types import NO_GROUND, Float32Array, GroundTracks, PerceptionResult

_COORDINATES = 4  # of a box
_NOWHERE = (math.nan,) * 3
DETECTIONS = "vision_msgs/msg/Detection2DArray"
TRAJECTORIES = "convlstm_perception_msgs/msg/PredictedTrajectoryArray"

USED_TYPES = (
    "builtin_interfaces/msg/Duration",
    "convlstm_perception_msgs/msg/GroundState",
    "convlstm_perception_msgs/msg/PredictedTrajectory",
    TRAJECTORIES,
    "convlstm_perception_msgs/msg/TrajectoryMode",
    "convlstm_perception_msgs/msg/TrajectoryPoint",
    "geometry_msgs/msg/Point",
    "geometry_msgs/msg/Pose",
    "geometry_msgs/msg/PoseWithCovariance",
    "geometry_msgs/msg/Quaternion",
    "geometry_msgs/msg/Vector3",
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
    horizons = len(tracks.trajectories.times)
    ground = result.ground
    if ground is None:
        ground = GroundTracks.unknown(len(tracks), horizons, NO_GROUND)
    boxes = _boxes(tracks.boxes, types)
    durations = [duration(float(seconds), types) for seconds in tracks.trajectories.times]
    states = _ground_states(ground, types)
    mode = types["convlstm_perception_msgs/msg/TrajectoryMode"]
    return types[TRAJECTORIES](
        header=header,
        model_id=model_id,
        status=int(result.status),
        status_reason=result.status_reason,
        ground_frame_id="" if ground.reason else ground.frame_id,
        ground_reason=ground.reason,
        ego_motion_compensated=ground.compensated,
        trajectories=[
            types["convlstm_perception_msgs/msg/PredictedTrajectory"](
                track_id=str(tracks.ids[row]),
                score=float(tracks.scores[row]),
                coasting=bool(tracks.coasting[row]),
                bbox=boxes[row],
                ground=states[row],
                modes=[
                    mode(probability=1.0, points=_points(result, ground, row, durations, types))
                ],
            )
            for row in range(len(tracks))
        ],
    )


def _points(
    result: PerceptionResult,
    ground: GroundTracks,
    row: int,
    durations: list[Any],
    types: MessageTypes,
) -> list[Any]:
    trajectories = result.tracks.trajectories
    trajectory_point = types["convlstm_perception_msgs/msg/TrajectoryPoint"]
    covariances = np.zeros((len(durations), _COORDINATES**2))
    covariances[:, :: _COORDINATES + 1] = trajectories.variances[row]  # the diagonals
    if ground.reasons[row]:
        # One for all: making messages is what takes time.
        places = [point(_NOWHERE, types)] * len(durations)
    else:
        places = [point(place, types) for place in ground.paths[row].tolist()]
    return [
        trajectory_point(
            time_from_start=time,
            bbox=box,
            covariance=covariance,
            ground_position=place,
            ground_covariance=ground_covariance,
        )
        for time, box, covariance, place, ground_covariance in zip(
            durations,
            _boxes(trajectories.boxes[row], types),
            covariances,
            places,
            ground.path_covariances[row].reshape(-1, 4),
            strict=True,
        )
    ]


def _ground_states(ground: GroundTracks, types: MessageTypes) -> list[Any]:
    if ground.reason and len(ground) > 1:
        # Nobody is anywhere, for one reason: one for all.
        return _ground_states(ground.take(slice(1)), types) * len(ground)
    state, vector = (
        types["convlstm_perception_msgs/msg/GroundState"],
        types["geometry_msgs/msg/Vector3"],
    )
    rows = zip(
        ground.reasons,
        ground.positions.tolist(),
        ground.velocities.tolist(),
        ground.covariances.reshape(-1, 16),
        ground.speeds.tolist(),
        ground.headings.tolist(),
        ground.heights.tolist(),
        ground.closest_times.tolist(),
        ground.closest_distances.tolist(),
        strict=True,
    )
    return [
        state(
            valid=not reason,
            reason=reason,
            position=point(position, types),
            velocity=vector(x=velocity[0], y=velocity[1], z=math.nan if reason else 0.0),
            covariance=covariance,
            speed=speed,
            heading=heading,
            height=height,
            closest_approach_time=time,
            closest_approach_distance=distance,
        )
        for (
            reason,
            position,
            velocity,
            covariance,
            speed,
            heading,
            height,
            time,
            distance,
        ) in rows
    ]


def _boxes(boxes: Float32Array, types: MessageTypes) -> list[Any]:
    """Of (N, 4) boxes."""
    centre, pose = types["vision_msgs/msg/Point2D"], types["vision_msgs/msg/Pose2D"]
    box = types["vision_msgs/msg/BoundingBox2D"]
    return [
        box(center=pose(position=centre(x=x, y=y), theta=0.0), size_x=width, size_y=height)
        for x, y, width, height in boxes.tolist()
    ]
