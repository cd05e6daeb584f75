"""The people on the ground for whom a pose is all: costmaps, and every tool that shows poses."""

from __future__ import annotations

from typing import Any

from convlstm_perception.messages.people import located, people_on_the_ground
from convlstm_perception.messages.types import MessageTypes, header_in, upright_pose
from convlstm_perception.types import PerceptionResult

POSES = "geometry_msgs/msg/PoseArray"

USED_TYPES = (
    "geometry_msgs/msg/Point",
    "geometry_msgs/msg/Pose",
    POSES,
    "geometry_msgs/msg/Quaternion",
    "std_msgs/msg/Header",
)
"""Every type that is made here."""


def poses_message(result: PerceptionResult, header: Any, types: MessageTypes) -> Any:
    """Those whose place is known as PoseArray, on the ground and turned the way they move.

    Args:
        result: to tell, with a ground.
        header: of its image; a message of the same classes.
        types: to make the messages of.
    """
    return types[POSES](
        header=header_in(located(result).frame_id, header, types),
        poses=[
            upright_pose(person.position, person.yaw, types)
            for person in people_on_the_ground(result)
        ],
    )
