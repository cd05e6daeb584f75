"""Empty messages of a bag's types, to be filled as rclpy's are."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from convlstm_perception.bags.types import type_store
from convlstm_perception.messages import MessageTypes

if TYPE_CHECKING:
    from rosbags.typesys.store import Typestore


def bag_message_types() -> MessageTypes:
    """Types of which :class:`BagWriter` writes the messages.

    Raises:
        BagError: when the library rosbags is missing.
    """
    store = type_store()

    def empty(name: str) -> Callable[[], Any]:
        return partial(empty_message, store, name)

    return MessageTypes(
        duration=empty("builtin_interfaces/msg/Duration"),
        detections=empty("vision_msgs/msg/Detection2DArray"),
        detection=empty("vision_msgs/msg/Detection2D"),
        hypothesis=empty("vision_msgs/msg/ObjectHypothesisWithPose"),
        trajectories=empty("convlstm_perception_msgs/msg/PredictedTrajectoryArray"),
        trajectory=empty("convlstm_perception_msgs/msg/PredictedTrajectory"),
        mode=empty("convlstm_perception_msgs/msg/TrajectoryMode"),
        point=empty("convlstm_perception_msgs/msg/TrajectoryPoint"),
    )


def empty_message(store: Typestore, name: str) -> Any:
    """A message whose numbers are 0 and whose texts and sequences are empty.

    rclpy's have the defaults of the definitions, which a store does not know; among our messages'
    parts only geometry_msgs/Quaternion has one, w = 1.

    Raises:
        KeyError: when the store does not know the name.
    """
    from rosbags.interfaces import Nodetype

    def value(node: Nodetype, described: Any) -> Any:
        if node is Nodetype.BASE:
            return _number(described[0])
        if node is Nodetype.NAME:
            return empty_message(store, described)
        (kind, element), length = described
        length = length if node is Nodetype.ARRAY else 0
        if kind is Nodetype.BASE and element[0] != "string":
            return np.zeros(length, np.dtype(_DTYPES.get(element[0], element[0])))
        return [value(kind, element) for _ in range(length)]

    _, fields = store.fielddefs[name]
    return store.types[name](**{field: value(*described) for field, described in fields})


_DTYPES = {"byte": "uint8", "char": "uint8", "octet": "uint8"}


def _number(name: str) -> Any:
    if name == "string":
        return ""
    if name == "bool":
        return False
    return 0.0 if name.startswith("float") else 0
