"""The truth in the shape of an answer, for ROS and for whoever compares."""

from __future__ import annotations

import numpy as np

from convlstm_perception.geometry import RigidTransform
from convlstm_perception.ground.closest_approach import closest_approach
from convlstm_perception.types import (
    Detections,
    Float64Array,
    GroundTracks,
    PerceptionResult,
    Tracks,
    Trajectories,
)
from convlstm_perception_sim.snapshot import Pose, Snapshot

_NO_TIMES = np.zeros(0, np.float32)


def transform_of(pose: Pose) -> RigidTransform:
    """As the package has transforms."""
    return RigidTransform.of(pose.quaternion, pose.translation)


def as_result(snapshot: Snapshot, camera_frame: str, base_frame: str) -> PerceptionResult:
    """Everybody as a track without a future: with a box that is NaN where there is none, and with
    place and velocity in the car's frame, where covariances are 0.

    Args:
        snapshot: to tell.
        camera_frame, base_frame: their names.
    """
    count = len(snapshot.people)
    nowhere = (np.nan,) * 4
    boxes = np.array([person.box or nowhere for person in snapshot.people], np.float32)
    tracks = Tracks(
        ids=np.array([person.id for person in snapshot.people], np.int64),
        boxes=boxes.reshape(count, 4),
        scores=np.ones(count, np.float32),
        coasting=np.zeros(count, np.bool_),
        trajectories=Trajectories(
            _NO_TIMES, np.zeros((count, 0, 4), np.float32), np.zeros((count, 0, 4), np.float32)
        ),
    )
    return PerceptionResult(
        stamp_ns=snapshot.stamp_ns,
        frame_id=camera_frame,
        detections=Detections.nobody(_NO_TIMES),
        tracks=tracks,
        valid_slots=0,
        ground=_ground(snapshot, base_frame),
    )


def _ground(snapshot: Snapshot, base_frame: str) -> GroundTracks:
    count = len(snapshot.people)
    to_base = transform_of(snapshot.ego).inverse()
    positions = to_base.apply(_array([person.position for person in snapshot.people], 3))
    over_ground = _array([(*person.velocity, 0.0) for person in snapshot.people], 3)
    velocities = (over_ground @ to_base.matrix.T)[:, :2]
    times, distances = closest_approach(positions[:, :2], velocities)
    return GroundTracks(
        frame_id=base_frame,
        reason="",
        compensated=False,
        reasons=("",) * count,
        positions=positions,
        velocities=velocities,
        covariances=np.zeros((count, 4, 4)),
        heights=np.array([person.height for person in snapshot.people]),
        paths=np.zeros((count, 0, 3)),
        path_covariances=np.zeros((count, 0, 2, 2)),
        closest_times=times,
        closest_distances=distances,
    )


def _array(rows: list[tuple[float, ...]], width: int) -> Float64Array:
    return np.array(rows, np.float64).reshape(len(rows), width)
