"""Answers as ROS messages, with or without ROS."""

from convlstm_perception.messages.answers import (
    DETECTIONS,
    TRAJECTORIES,
    USED_TYPES,
    detections_message,
    trajectories_message,
)
from convlstm_perception.messages.types import MessageTypes, stamp_to_ns

__all__ = [
    "MessageTypes",
    "stamp_to_ns",
    "DETECTIONS",
    "TRAJECTORIES",
    "USED_TYPES",
    "detections_message",
    "trajectories_message",
]
