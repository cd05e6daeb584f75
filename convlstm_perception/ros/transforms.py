"""What TF and odometry tell the node: through tf2 where ROS has it, else through our own buffer."""

from __future__ import annotations

from typing import Any, Protocol

from geometry_msgs.msg import TransformStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.qos import (
    QoSDurabilityPolicy,
    QoSProfile,
    QoSReliabilityPolicy,
    qos_profile_sensor_data,
)
from rclpy.time import Time

from convlstm_perception.errors import TransformError
from convlstm_perception.geometry import RigidTransform, TransformBuffer
from convlstm_perception.geometry.transform_buffer import too_late
from convlstm_perception.ground import GroundSettings
from convlstm_perception.messages import stamp_to_ns
from convlstm_perception.ros.throttle import Throttle
from convlstm_perception.types import NANOSECONDS_PER_SECOND

_DEPTH = 100  # as tf2's listener
_QUIET = 5.0  # seconds between log messages of one kind
_AUTHORITY = "convlstm_perception"  # that tf2 is told for odometry


class _Tree(Protocol):
    """Transforms that somebody listens to."""

    def set(self, parent: str, child: str, message: TransformStamped) -> None: ...

    def lookup(
        self, target: str, source: str, stamp_ns: int, tolerance: float
    ) -> RigidTransform: ...

    def close(self) -> None: ...


class NodeTransforms:
    """Transforms between frames, as the node hears of them.

    Args:
        node: that the subscriptions are part of.
        settings: of the ground.
    """

    def __init__(self, node: Node, settings: GroundSettings) -> None:
        self._node, self._settings = node, settings
        self._odometry_frame = ""
        self._throttle = Throttle(_QUIET)
        self._tree: _Tree = _open_tree(node)
        self._odometry = (
            node.create_subscription(
                Odometry, settings.odometry_topic, self._on_odometry, qos_profile_sensor_data
            )
            if settings.odometry_topic
            else None
        )

    @property
    def fixed_frame(self) -> str:
        """The frame that stands still; empty where none is asked for, or not known yet."""
        return self._settings.fixed_frame or self._odometry_frame

    @property
    def missing_odometry(self) -> str:
        """Why the motion is not known though odometry was asked for; or ""."""
        if self._odometry is None or self._odometry_frame:
            return ""
        return f"no odometry has come on {self._odometry.topic_name}"

    def lookup(
        self, target: str, source: str, stamp_ns: int, tolerance: float = 0.0
    ) -> RigidTransform:
        """As :class:`convlstm_perception.geometry.TransformSource`."""
        return self._tree.lookup(target, source, stamp_ns, tolerance)

    def close(self) -> None:
        """Listen no more."""
        if self._odometry is not None:
            self._node.destroy_subscription(self._odometry)
        self._tree.close()

    def _on_odometry(self, message: Odometry) -> None:
        transform = TransformStamped(header=message.header, child_frame_id=message.child_frame_id)
        position, turn = message.pose.pose.position, message.pose.pose.orientation
        translation = transform.transform.translation
        translation.x, translation.y, translation.z = position.x, position.y, position.z
        transform.transform.rotation = turn
        try:
            self._tree.set(message.header.frame_id, message.child_frame_id, transform)
        except TransformError as error:
            if self._throttle.allows("odometry"):
                self._node.get_logger().warning(f"odometry is not used: {error}")
            return
        self._odometry_frame = message.header.frame_id


def _open_tree(node: Node) -> _Tree:
    try:
        import tf2_ros
    except ImportError:
        return _OwnTree(node)
    return _Tf2Tree(node, tf2_ros)


class _Tf2Tree:
    """The listener and buffer of tf2_ros."""

    def __init__(self, node: Node, tf2_ros: Any) -> None:
        self._tf2 = tf2_ros
        self._buffer = tf2_ros.Buffer()
        self._listener = tf2_ros.TransformListener(self._buffer, node, spin_thread=False)

    def set(self, parent: str, child: str, message: TransformStamped) -> None:
        _read(message)  # tf2 would only log what is wrong
        self._buffer.set_transform(message, _AUTHORITY)

    def lookup(self, target: str, source: str, stamp_ns: int, tolerance: float) -> RigidTransform:
        # As plain nanoseconds: a node's clock type must not matter.
        time = Time(nanoseconds=stamp_ns)
        try:
            return _read(self._buffer.lookup_transform(target, source, time))
        except self._tf2.ExtrapolationException as error:
            newest = self._newest(target, source, error)
            late = (stamp_ns - stamp_to_ns(newest.header.stamp)) / NANOSECONDS_PER_SECOND
            if late < 0:
                raise TransformError(f"{error}; check that the clocks agree") from error
            if late > tolerance:
                raise TransformError(too_late(source, target, late)) from error
            return _read(newest)
        except self._tf2.TransformException as error:
            raise TransformError(f"no transform from {source!r} to {target!r}: {error}") from error

    def close(self) -> None:
        self._listener.unregister()

    def _newest(self, target: str, source: str, why: Exception) -> TransformStamped:
        try:
            return self._buffer.lookup_transform(target, source, Time())
        except self._tf2.TransformException:
            raise TransformError(str(why)) from why


class _OwnTree:
    """Our buffer, fed from /tf and /tf_static."""

    def __init__(self, node: Node) -> None:
        from tf2_msgs.msg import TFMessage

        self._node, self._buffer = node, TransformBuffer()
        self._throttle = Throttle(_QUIET)
        reliable = QoSReliabilityPolicy.RELIABLE
        self._subscriptions = [
            node.create_subscription(
                TFMessage, "/tf", self._on_tf, QoSProfile(depth=_DEPTH, reliability=reliable)
            ),
            node.create_subscription(
                TFMessage,
                "/tf_static",
                self._on_static,
                QoSProfile(
                    depth=_DEPTH,
                    reliability=reliable,
                    durability=QoSDurabilityPolicy.TRANSIENT_LOCAL,
                ),
            ),
        ]

    def set(self, parent: str, child: str, message: TransformStamped) -> None:
        self._buffer.set(parent, child, stamp_to_ns(message.header.stamp), _read(message))

    def lookup(self, target: str, source: str, stamp_ns: int, tolerance: float) -> RigidTransform:
        return self._buffer.lookup(target, source, stamp_ns, tolerance)

    def close(self) -> None:
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def _on_tf(self, message: Any) -> None:
        for each in message.transforms:
            self._take(each, static=False)

    def _on_static(self, message: Any) -> None:
        for each in message.transforms:
            self._take(each, static=True)

    def _take(self, message: TransformStamped, *, static: bool) -> None:
        parent, child = message.header.frame_id, message.child_frame_id
        try:
            if static:
                self._buffer.set_static(parent, child, _read(message))
            else:
                self.set(parent, child, message)
        except TransformError as error:
            if self._throttle.allows(child):
                self._node.get_logger().warning(
                    f"the transform of {child!r} to {parent!r} is not used: {error}"
                )


def _read(message: TransformStamped) -> RigidTransform:
    return RigidTransform.from_message(message.transform.rotation, message.transform.translation)
