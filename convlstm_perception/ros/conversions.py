"""ROS messages to images, and answers to ROS messages."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from builtin_interfaces.msg import Time
from convlstm_perception_msgs.msg import PredictedTrajectoryArray
from geometry_msgs.msg import TransformStamped
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as ImageMessage
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from convlstm_perception.data.compressed_image import decode_message
from convlstm_perception.errors import ImageError
from convlstm_perception.geometry import RigidTransform
from convlstm_perception.messages import (
    USED_TYPES,
    detections_message,
    stamp_to_ns,
    trajectories_message,
)
from convlstm_perception.ros.message_classes import message_classes
from convlstm_perception.types import NANOSECONDS_PER_SECOND, Frame, Image, PerceptionResult


def ns_to_stamp(nanoseconds: int) -> Time:
    """Integer nanoseconds as a stamp."""
    whole, rest = divmod(nanoseconds, NANOSECONDS_PER_SECOND)
    return Time(sec=whole, nanosec=rest)


def frame_from_message(message: ImageMessage | CompressedImage) -> Frame:
    """The image as blue, green, red; a view of the message's own data where it is that already.

    Raises:
        ImageError: when it cannot be used.
    """
    return Frame(
        decode_message(message), stamp_to_ns(message.header.stamp), message.header.frame_id
    )


def image_to_message(image: Image, header: Header) -> ImageMessage:
    """A (height, width, 3) blue, green, red image as bgr8."""
    message = _bridge().cv2_to_imgmsg(image, "bgr8")
    message.header = header
    return message


def transform_to_message(
    parent: str, child: str, stamp: Time, transform: RigidTransform
) -> TransformStamped:
    """A transform from the child to the parent frame."""
    message = TransformStamped(header=Header(stamp=stamp, frame_id=parent), child_frame_id=child)
    turn, shift = message.transform.rotation, message.transform.translation
    turn.x, turn.y, turn.z, turn.w = transform.quaternion.tolist()
    shift.x, shift.y, shift.z = transform.translation.tolist()
    return message


def detections_to_message(
    result: PerceptionResult, header: Header, class_id: str
) -> Detection2DArray:
    """The tracked pedestrians, in pixels; ``id`` is the track id."""
    return detections_message(result, header, class_id, _message_classes())


def trajectories_to_message(
    result: PerceptionResult, header: Header, model_id: str
) -> PredictedTrajectoryArray:
    """The tracked pedestrians with their future boxes and covariances, in pixels."""
    return trajectories_message(result, header, model_id, _message_classes())


@lru_cache(maxsize=1)
def _message_classes() -> dict[str, Any]:
    """rclpy's classes of the messages that answers are made of."""
    return message_classes(USED_TYPES)


@lru_cache(maxsize=1)
def _bridge() -> Any:
    try:
        from cv_bridge import CvBridge
    except ImportError as error:
        raise ImageError(
            "cv_bridge is missing: apt install ros-$ROS_DISTRO-cv-bridge, or pip install "
            "cv-bridge with numpy<2"
        ) from error
    return CvBridge()
