"""A camera's images rectified by the calibration that its topic camera_info or a file gives."""

from __future__ import annotations

import dataclasses

from rclpy.node import Node
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from sensor_msgs.msg import CameraInfo

from convlstm_perception.errors import CalibrationError, ImageError
from convlstm_perception.geometry import CameraModel, Rectifier, camera_info_topic
from convlstm_perception.geometry.camera_model import CameraInfoMessage
from convlstm_perception.ros.settings import CameraSettings
from convlstm_perception.types import Frame


class ImageRectification:
    """Keeps up with a camera's calibration.

    Args:
        node: that the subscription is part of.
        image_topic: of the camera, resolved.
        settings: of the camera.
        calibration: what its file says, in place of the topic; None where there is no file.
    """

    def __init__(
        self,
        node: Node,
        image_topic: str,
        settings: CameraSettings,
        calibration: CameraInfoMessage | None,
    ) -> None:
        self._node, self._calibration = node, calibration
        self._rectifier: Rectifier | None = None
        self._subscription = None
        if calibration is not None:
            return
        topic = settings.camera_info_topic or camera_info_topic(image_topic)
        best_effort = QoSProfile(depth=1, reliability=QoSReliabilityPolicy.BEST_EFFORT)
        self._subscription = node.create_subscription(
            CameraInfo, topic, self._on_camera_info, best_effort
        )
        self._topic = self._subscription.topic_name

    def close(self) -> None:
        """Take no more calibrations."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)

    def apply(self, frame: Frame) -> Frame:
        """The rectified frame; its image is good until the next call.

        Raises:
            ImageError: when there is no calibration that fits the image.
        """
        calibration = self._calibration
        if calibration is None:
            raise ImageError(
                f"rectify is set, but no calibration has come on {self._topic}; let the camera "
                "publish it, or set the parameter camera_info_topic or calibration"
            )
        rectifier = self._rectifier
        if rectifier is None:
            try:
                rectifier = Rectifier(CameraModel.from_message(calibration))
            except CalibrationError as error:
                raise ImageError(f"rectify is set, but {error}") from error
            self._rectifier = rectifier
        return dataclasses.replace(frame, image=rectifier.rectify(frame.image))

    def _on_camera_info(self, message: CameraInfo) -> None:
        if self._calibration is None or _facts(message) != _facts(self._calibration):
            # In this order: whoever still takes the old rectifier has the old calibration.
            self._calibration, self._rectifier = message, None


def _facts(calibration: CameraInfoMessage) -> tuple[object, ...]:
    numbers = (calibration.d, calibration.k, calibration.r, calibration.p)
    facts = (calibration.width, calibration.height, calibration.distortion_model)
    return *facts, *(tuple(values) for values in numbers)
