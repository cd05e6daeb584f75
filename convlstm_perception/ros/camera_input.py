"""One camera's images as they come: subscription, QoS, publishers that are missing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, QoSReliabilityPolicy, qos_policy_name_from_kind
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as ImageMessage

from convlstm_perception.errors import ImageError
from convlstm_perception.messages import stamp_to_ns
from convlstm_perception.ros.camera_calibration import CameraCalibration
from convlstm_perception.ros.conversions import frame_from_message
from convlstm_perception.ros.rclpy_differences import (
    SubscriptionEventCallbacks,
    count_matched_publishers,
)
from convlstm_perception.ros.rectification import ImageRectification
from convlstm_perception.ros.settings import CameraSettings
from convlstm_perception.types import NANOSECONDS_PER_SECOND, Frame

_TYPE_NAMES: dict[type, str] = {
    ImageMessage: "sensor_msgs/msg/Image",
    CompressedImage: "sensor_msgs/msg/CompressedImage",
}


@dataclass(frozen=True)
class Arrival:
    """An image that came.

    Attributes:
        message: as it came.
        stamp_ns: of its header.
        time: when it came, monotonic seconds.
        delay: seconds from its stamp to then, on the node's clock.
    """

    message: ImageMessage | CompressedImage
    stamp_ns: int
    time: float
    delay: float

    def age(self, now: float) -> float:
        """Seconds since its stamp at a monotonic time."""
        return self.delay + now - self.time


class CameraInput:
    """Subscribes to a camera's images; the callback only stamps them and hands them on.

    Args:
        node: that the subscription is part of.
        name: of the camera; may be empty.
        settings: of the camera.
        on_arrival: called with every image, in the executor's thread.
        calibration: of the camera, where images are rectified by it; else None.
    """

    def __init__(
        self,
        node: Node,
        name: str,
        settings: CameraSettings,
        on_arrival: Callable[[Arrival], None],
        calibration: CameraCalibration | None = None,
    ) -> None:
        self._node, self._on_arrival = node, on_arrival
        self.mismatched_qos = ""
        compressed = settings.transport == "compressed"
        self._type = CompressedImage if compressed else ImageMessage
        reliable = settings.image_reliability == "reliable"
        self._subscription = node.create_subscription(
            self._type,
            image_topic(node, name, settings),
            self._on_image,
            QoSProfile(
                depth=1,
                reliability=QoSReliabilityPolicy.RELIABLE
                if reliable
                else QoSReliabilityPolicy.BEST_EFFORT,
            ),
            event_callbacks=SubscriptionEventCallbacks(incompatible_qos=self._on_incompatible_qos),
        )
        self.topic: str = self._subscription.topic_name
        self._rectification = ImageRectification(calibration) if calibration else None

    @property
    def matched_publishers(self) -> int:
        """How many publishers' images come here."""
        return count_matched_publishers(self._node, self._subscription)

    def close(self) -> None:
        """Take no more images."""
        self._node.destroy_subscription(self._subscription)

    def frame(self, arrival: Arrival) -> Frame:
        """The image as blue, green, red, rectified where the camera is set so.

        Raises:
            ImageError: when it cannot be used.
        """
        stamp = arrival.message.header.stamp
        if stamp.sec < 0 or stamp.nanosec >= NANOSECONDS_PER_SECOND:
            raise ImageError(
                f"its stamp is no time: sec {stamp.sec}, nanosec {stamp.nanosec}; check the camera "
                "driver"
            )
        frame = frame_from_message(arrival.message)
        return self._rectification.apply(frame) if self._rectification else frame

    def missing_publisher(self) -> str:
        """Why no image can come: nobody publishes the topic, or only other types; or ""."""
        types = {info.topic_type for info in self._node.get_publishers_info_by_topic(self.topic)}
        wanted = _TYPE_NAMES[self._type]
        if not types:
            return f"no publisher on {self.topic}; start the camera, or remap image to its topic"
        if wanted not in types:
            return (
                f"{self.topic} carries {', '.join(sorted(types))}, not {wanted}; remap image, or "
                "set the parameter transport"
            )
        return ""

    def _on_image(self, message: ImageMessage | CompressedImage) -> None:
        now = time.monotonic()
        # Not as rclpy's Time: it refuses a negative stamp, and an error here ends the process.
        stamp_ns = stamp_to_ns(message.header.stamp)
        delay = (self._node.get_clock().now().nanoseconds - stamp_ns) / NANOSECONDS_PER_SECOND
        self._on_arrival(Arrival(message, stamp_ns, now, delay))

    def _on_incompatible_qos(self, event: Any) -> None:
        if self.mismatched_qos:
            return
        policy = qos_policy_name_from_kind(event.last_policy_kind)
        self.mismatched_qos = (
            f"a publisher of {self.topic} offers a {policy} that does not match ours; with "
            "RELIABILITY set the parameter image_reliability to best_effort"
        )
        self._node.get_logger().error(self.mismatched_qos)


def image_topic(node: Node, name: str, settings: CameraSettings) -> str:
    """The topic of a camera's images, remapped, as image_transport would name it."""
    base = settings.image_topic or (f"{name}/image" if name else "image")
    suffix = "/compressed"
    if settings.transport != "compressed" or base.endswith(suffix):
        return node.resolve_topic_name(base)
    return node.resolve_topic_name(base) + suffix
