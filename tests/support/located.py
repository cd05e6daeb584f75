"""An answer on the ground whose numbers are easily worked out, and classes to make messages of."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from convlstm_perception.messages import MessageTypes
from convlstm_perception.types import (
    Detections,
    GroundTracks,
    PerceptionResult,
    Tracks,
    Trajectories,
)

UNDERLAY = Path(__file__).resolve().parents[1] / "underlay"
TIMES = (0.5, 1.0, 1.5, 2.0)
STAMP = {"sec": 7, "nanosec": 250_000_000}
HIDDEN = "at or above the horizon"


def located_answer(
    positions: Sequence[Sequence[float]] = ((4.0, 3.0),),
    velocities: Sequence[Sequence[float]] = ((0.0, -1.0),),
    *,
    hidden: Sequence[int] = (),
    closest: Sequence[Sequence[float]] | None = None,
    times: Sequence[float] = TIMES,
    covariance: np.ndarray | None = None,
) -> PerceptionResult:
    """People 11, 12, ... of 1.8 m who walk straight on; those at the rows ``hidden`` are nowhere.

    Args:
        positions: (N, 2) metres in base_link, whose ground is z = 0.1.
        velocities: (N, 2) m/s.
        hidden: rows of those whose place is not known.
        closest: (N, 2) time and distance of the closest approach; far off and late by default.
        times: of the predicted path.
        covariance: (4, 4) of all; diagonal 0.04, 0.09, 0.01, 0.02 by default.
    """
    places, speeds = np.array(positions).reshape(-1, 2), np.array(velocities).reshape(-1, 2)
    count, ahead = len(places), np.array(times, np.float32)
    boxes = np.tile(np.array([100.0, 60.0, 20.0, 40.0], np.float32), (count, 1))
    boxes[:, 0] += 50 * np.arange(count, dtype=np.float32)
    future = np.repeat(boxes[:, None], len(ahead), 1)
    future[..., 0] += 10 * ahead
    trajectories = Trajectories(ahead, future, np.full_like(future, 4.0))
    scores = np.full(count, 0.75, np.float32)
    tracks = Tracks(
        np.arange(11, 11 + count), boxes, scores, np.zeros(count, np.bool_), trajectories
    )
    path = places[:, None] + speeds[:, None] * np.array(times)[:, None]
    known = np.diag([0.04, 0.09, 0.01, 0.02]) if covariance is None else covariance
    approach = np.array(closest if closest is not None else [(9.0, 9.0)] * count).reshape(-1, 2)
    ground = GroundTracks(
        frame_id="base_link",
        reason="",
        compensated=True,
        reasons=tuple(HIDDEN if row in hidden else "" for row in range(count)),
        positions=np.column_stack([places, np.full(count, 0.1)]),
        velocities=speeds,
        covariances=np.tile(known, (count, 1, 1)),
        heights=np.full(count, 1.8),
        paths=np.concatenate([path, np.full((*path.shape[:2], 1), 0.1)], -1),
        path_covariances=np.tile(np.diag([0.16, 0.25]), (count, len(times), 1, 1)),
        closest_times=approach[:, 0],
        closest_distances=approach[:, 1],
    )
    for array in (ground.positions, ground.velocities, ground.paths, ground.closest_times):
        array[list(hidden)] = np.nan
    ground.closest_distances[list(hidden)] = np.nan
    detections = Detections(boxes, scores, trajectories)
    return PerceptionResult(7_250_000_000, "camera", detections, tracks, 8, ground=ground)


def rosbags_store() -> Any:
    """Every type that the outputs are made of, as rosbags knows it; those of tests too."""
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    from convlstm_perception.bags.message_types import message_types

    store = get_typestore(Stores.ROS2_JAZZY)
    store.register(
        {
            name: definition
            for name, definition in message_types().fielddefs.items()
            if name not in store.fielddefs
        }
    )
    known: dict[str, Any] = {}
    for package in ("autoware_perception_msgs", "foxglove_msgs"):
        for path in sorted((UNDERLAY / package / "msg").glob("*.msg")):
            known |= get_types_from_msg(path.read_text(), f"{package}/msg/{path.stem}")
    store.register(known)
    return store


def header_of(types: MessageTypes) -> Any:
    """The header of the answer's image."""
    stamp = types["builtin_interfaces/msg/Time"](**STAMP)
    return types["std_msgs/msg/Header"](stamp=stamp, frame_id="camera")


def rclpy_types(names: Sequence[str]) -> MessageTypes:
    """rclpy's classes."""
    always = ("builtin_interfaces/msg/Time", "std_msgs/msg/Header")
    found = {}
    for name in (*names, *always):
        package, kind, message = name.split("/")
        found[name] = getattr(importlib.import_module(f"{package}.{kind}"), message)
    return found


def yaw_of(quaternion: Any) -> float:
    """In radians, of one that turns about z alone."""
    q = SimpleNamespace(**{axis: getattr(quaternion, axis) for axis in "xyzw"})
    assert q.x == q.y == 0.0
    return float(2 * np.arctan2(q.z, q.w))
