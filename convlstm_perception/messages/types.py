"""What messages are made of, be they of rclpy's classes or of rosbags'."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from convlstm_perception.types import NANOSECONDS_PER_SECOND

MessageTypes = Mapping[str, Callable[..., Any]]
"""Type names, as ``vision_msgs/msg/Point2D``, to classes that take a message's fields by name."""


def stamp_to_ns(stamp: Any) -> int:
    """A builtin_interfaces/Time in integer nanoseconds."""
    return int(stamp.sec) * NANOSECONDS_PER_SECOND + int(stamp.nanosec)


def duration(seconds: float, types: MessageTypes) -> Any:
    """A builtin_interfaces/Duration."""
    whole, rest = divmod(round(seconds * NANOSECONDS_PER_SECOND), NANOSECONDS_PER_SECOND)
    return types["builtin_interfaces/msg/Duration"](sec=whole, nanosec=rest)


def point(place: Sequence[float], types: MessageTypes) -> Any:
    """A geometry_msgs/Point of x, y, z."""
    x, y, z = place
    return types["geometry_msgs/msg/Point"](x=x, y=y, z=z)


def header_in(frame_id: str, header: Any, types: MessageTypes) -> Any:
    """A std_msgs/Header with the stamp of another, in a frame."""
    return types["std_msgs/msg/Header"](stamp=header.stamp, frame_id=frame_id)


def vector(x: float, y: float, z: float, types: MessageTypes) -> Any:
    """A geometry_msgs/Vector3."""
    return types["geometry_msgs/msg/Vector3"](x=x, y=y, z=z)


def upright_pose(place: Sequence[float], yaw: float, types: MessageTypes) -> Any:
    """A geometry_msgs/Pose at x, y, z, turned by ``yaw`` radians about z, from x towards y."""
    return types["geometry_msgs/msg/Pose"](
        position=point(place, types),
        orientation=types["geometry_msgs/msg/Quaternion"](
            x=0.0, y=0.0, z=math.sin(yaw / 2), w=math.cos(yaw / 2)
        ),
    )
