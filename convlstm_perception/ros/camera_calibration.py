"""A camera's calibration, from its topic camera_info or from a file."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from sensor_msgs.msg import CameraInfo

from convlstm_perception.geometry import camera_info_topic
from convlstm_perception.geometry.camera_model import CameraInfoMessage, same_calibration
from convlstm_perception.ros.settings import CameraSettings


class CameraCalibration:
    """Keeps up with a camera's calibration.

    Args:
        node: that the subscription is part of.
        image_topic: of the camera, resolved.
        settings: of the camera.
        file: what its file says, in place of the topic; None where there is no file.

    Attributes:
        newest: calibration; the same object until its facts change. None before the first.
        topic: resolved, of where it comes from; or the file's name.
    """

    def __init__(
        self,
        node: Node,
        image_topic: str,
        settings: CameraSettings,
        file: CameraInfoMessage | None,
    ) -> None:
        self._node, self._subscription = node, None
        self.newest = file
        self.topic = settings.calibration
        if file is not None:
            return
        best_effort = QoSProfile(depth=1, reliability=QoSReliabilityPolicy.BEST_EFFORT)
        topic = settings.camera_info_topic or camera_info_topic(image_topic)
        self._subscription = node.create_subscription(
            CameraInfo, topic, self._on_camera_info, best_effort
        )
        self.topic = self._subscription.topic_name

    def close(self) -> None:
        """Take no more calibrations."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)

    def _on_camera_info(self, message: CameraInfo) -> None:
        if self.newest is None or not same_calibration(message, self.newest):
            self.newest = message
