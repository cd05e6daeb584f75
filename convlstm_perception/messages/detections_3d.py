"""The people on the ground for consumers of vision_msgs: boxes in space."""

from __future__ import annotations

from typing import Any

from convlstm_perception.messages.people import WIDTH, located, people_on_the_ground
from convlstm_perception.messages.types import MessageTypes, header_in, upright_pose, vector
from convlstm_perception.types import PerceptionResult

DETECTIONS_3D = "vision_msgs/msg/Detection3DArray"

USED_TYPES = (
    "geometry_msgs/msg/Point",
    "geometry_msgs/msg/Pose",
    "geometry_msgs/msg/PoseWithCovariance",
    "geometry_msgs/msg/Quaternion",
    "geometry_msgs/msg/Vector3",
    "std_msgs/msg/Header",
    "vision_msgs/msg/BoundingBox3D",
    "vision_msgs/msg/Detection3D",
    DETECTIONS_3D,
    "vision_msgs/msg/ObjectHypothesis",
    "vision_msgs/msg/ObjectHypothesisWithPose",
)
"""Every type that is made here."""


def detections_3d_message(
    result: PerceptionResult, header: Any, class_id: str, types: MessageTypes
) -> Any:
    """Those whose place is known as Detection3DArray, in metres in the frame of the ground.

    A box stands on the ground, its x along the motion (along the frame's, for those who stand).
    The hypothesis' pose is that of the box's centre; for its covariance see
    :attr:`Person.pose_covariance`. ``id`` is the track id.

    Args:
        result: to tell, with a ground.
        header: of its image; a message of the same classes.
        class_id: of a pedestrian.
        types: to make the messages of.
    """
    header = header_in(located(result).frame_id, header, types)
    detections = []
    for person in people_on_the_ground(result):
        pose = upright_pose(person.centre, person.yaw, types)
        hypothesis = types["vision_msgs/msg/ObjectHypothesisWithPose"](
            hypothesis=types["vision_msgs/msg/ObjectHypothesis"](
                class_id=class_id, score=person.score
            ),
            pose=types["geometry_msgs/msg/PoseWithCovariance"](
                pose=pose, covariance=person.pose_covariance
            ),
        )
        detections.append(
            types["vision_msgs/msg/Detection3D"](
                header=header,
                results=[hypothesis],
                bbox=types["vision_msgs/msg/BoundingBox3D"](
                    center=pose, size=vector(WIDTH, WIDTH, person.height, types)
                ),
                id=str(person.track_id),
            )
        )
    return types[DETECTIONS_3D](header=header, detections=detections)
