"""What a node that answers in metres is given: a calibration, transforms and odometry."""

from __future__ import annotations

from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from nav_msgs.msg import Odometry
from rclpy.qos import QoSDurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo
from tf2_msgs.msg import TFMessage

from convlstm_perception.geometry import GroundCamera, GroundPlane, RigidTransform
from convlstm_perception.geometry.lens import PinholeLens
from convlstm_perception.geometry.rigid_transform import OPTICAL_AXES
from convlstm_perception.ros.conversions import transform_to_message
from tests.support.node import NodeUnderTest, image_message

FRAME = image_message(0).header.frame_id
WIDTH, HEIGHT = 160, 96
K = np.array([[120.0, 0.0, 80.0], [0.0, 120.0, 30.0], [0.0, 0.0, 1.0]])
MOUNT = RigidTransform.from_euler(0.0, 0.1, 0.0, (0.5, 0.2, 2.5)) @ RigidTransform.from_matrix(
    OPTICAL_AXES, (0.0, 0.0, 0.0)
)
"""The camera on base_link: half a metre ahead, two and a half up, looking down a little."""


def camera() -> GroundCamera:
    """As it is mounted, above z = 0 of base_link."""
    return GroundCamera(PinholeLens(K, np.zeros(5)), MOUNT, GroundPlane.of())


def calibration(**facts: Any) -> CameraInfo:
    """Of the images of image_message."""
    info = CameraInfo(width=WIDTH, height=HEIGHT, distortion_model="plumb_bob", d=[0.0] * 5)
    info.k, info.r = K.ravel().tolist(), np.eye(3).ravel().tolist()
    info.p = np.hstack([K, np.zeros((3, 1))]).ravel().tolist()
    for name, value in facts.items():
        setattr(info, name, value)
    return info


class Surroundings:
    """Publishes them to a node under test."""

    def __init__(self, node: NodeUnderTest) -> None:
        self._node = node
        latched = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
        self._infos = node.node.create_publisher(CameraInfo, "/camera_info", 5)
        self._tf = node.node.create_publisher(TFMessage, "/tf", 100)
        self._static = node.node.create_publisher(TFMessage, "/tf_static", latched)
        self._odometry = node.node.create_publisher(Odometry, "/odom", 100)

    def await_node(self, *, transforms: bool = True, odometry: bool = False) -> None:
        """Wait until the node listens."""
        publishers = [self._infos, *([self._tf, self._static] if transforms else [])]
        publishers += [self._odometry] if odometry else []
        self._node.wait_until(
            lambda: all(one.get_subscription_count() == 1 for one in publishers), "the node's ear"
        )
        self._node.settle()

    def calibrate(self, **facts: Any) -> None:
        """Publish the calibration, with other facts where some are named."""
        self._infos.publish(calibration(**facts))
        self._node.spin(0.3)

    def mount(self, transform: RigidTransform = MOUNT) -> None:
        """Publish where the camera is on base_link, for good."""
        message = transform_to_message("base_link", FRAME, Time(), transform)
        self._static.publish(TFMessage(transforms=[message]))
        self._node.spin(0.3)

    def move(self, parent: str, child: str, stamp: Time, transform: RigidTransform) -> None:
        """Publish a transform at a time."""
        message: TransformStamped = transform_to_message(parent, child, stamp, transform)
        self._tf.publish(TFMessage(transforms=[message]))

    def drive(self, stamp: Time, transform: RigidTransform) -> None:
        """Publish odometry: base_link in odom."""
        moved = transform_to_message("odom", "base_link", stamp, transform)
        message = Odometry(header=moved.header, child_frame_id="base_link")
        shift, place = moved.transform.translation, message.pose.pose.position
        place.x, place.y, place.z = shift.x, shift.y, shift.z
        message.pose.pose.orientation = moved.transform.rotation
        self._odometry.publish(message)
