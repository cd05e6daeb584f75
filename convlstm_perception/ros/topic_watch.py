"""Watches a live image topic, and the CameraInfo and /clock beside it, as the node would."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from convlstm_perception.camera_check import (
    Calibration,
    Expectations,
    Sight,
    SightedImage,
    TopicPublisher,
)
from convlstm_perception.camera_check.sight import IMAGE_TYPES, RAW_TYPE, Reliability
from convlstm_perception.data.compressed_image import decode_message
from convlstm_perception.errors import CalibrationError, ImageError
from convlstm_perception.geometry import CameraModel, camera_info_topic
from convlstm_perception.messages import stamp_to_ns
from convlstm_perception.stream import QualitySettings
from convlstm_perception.stream.image_quality import ImageQuality
from convlstm_perception.types import NANOSECONDS_PER_SECOND

_DISCOVERY = 5.0  # seconds; Fast DDS repeats a lost announcement after three
_DEPTH = 10  # images that wait while one is decoded, so that none is lost for our slowness


def watch(topic: str, seconds: float, expected: Expectations) -> Sight:
    """Watch a topic with the QoS that the node would ask for.

    Args:
        topic: of the images.
        seconds: from the first image; as long is waited for it.
        expected: of the node.
    """
    context = rclpy.Context()
    rclpy.init(context=context, args=[], signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = rclpy.create_node("convlstm_perception_doctor", context=context)
        sight = _Watcher(node, topic, expected.reliability).watch(seconds)
        node.destroy_node()
        return sight
    finally:
        context.try_shutdown()  # else Fast DDS leaves its shared memory behind


class _Watcher:
    def __init__(self, node: Node, topic: str, reliability: Reliability) -> None:
        self._node = node
        self._topic: str = node.resolve_topic_name(topic)
        self._calibration_topic = camera_info_topic(self._topic)
        self._reliability = reliability
        self._quality = ImageQuality(QualitySettings())
        self._images: list[SightedImage] = []
        self._calibrations: list[Calibration] = []
        self._clock: int | None = None
        self._executor = SingleThreadedExecutor(context=node.context)
        self._executor.add_node(node)

    def watch(self, seconds: float) -> Sight:
        best_effort = QoSProfile(depth=_DEPTH, reliability=QoSReliabilityPolicy.BEST_EFFORT)
        self._node.create_subscription(Clock, "/clock", self._on_clock, best_effort)
        self._node.create_subscription(
            CameraInfo, self._calibration_topic, self._on_calibration, best_effort
        )
        self._spin(_DISCOVERY, until=lambda: bool(self._image_type()))
        kind = self._image_type()
        if kind:
            self._node.create_subscription(
                Image if kind == RAW_TYPE else CompressedImage,
                self._topic,
                self._on_image,
                QoSProfile(
                    depth=_DEPTH,
                    reliability=QoSReliabilityPolicy.RELIABLE
                    if self._reliability == "reliable"
                    else QoSReliabilityPolicy.BEST_EFFORT,
                ),
            )
            self._spin(seconds + _DISCOVERY, until=lambda: bool(self._images))
            if self._images:
                self._spin(seconds)
        return Sight(
            topic=self._topic,
            publishers=self._publishers(),
            other_topics=self._other_topics(),
            images=tuple(self._images),
            calibration_topic=self._calibration_topic,
            calibration_publishers=self._node.count_publishers(self._calibration_topic),
            calibrations=tuple(self._calibrations),
            seconds=seconds,
        )

    def _spin(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        deadline = time.monotonic() + seconds
        while not until() and (left := deadline - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=min(left, 0.1))

    def _image_type(self) -> str:
        """The type of images on the topic, raw ones before compressed ones; or ""."""
        types = {publisher.type for publisher in self._publishers()}
        return next((kind for kind in IMAGE_TYPES if kind in types), "")

    def _publishers(self) -> tuple[TopicPublisher, ...]:
        best_effort = QoSReliabilityPolicy.BEST_EFFORT
        return tuple(
            TopicPublisher(
                f"{info.node_namespace.rstrip('/')}/{info.node_name}",
                info.topic_type,
                "best_effort" if info.qos_profile.reliability == best_effort else "reliable",
            )
            for info in self._node.get_publishers_info_by_topic(self._topic)
        )

    def _other_topics(self) -> tuple[str, ...]:
        return tuple(
            sorted(
                name
                for name, types in self._node.get_topic_names_and_types()
                if name != self._topic
                and set(types) & set(IMAGE_TYPES)
                and self._node.count_publishers(name)
            )
        )

    def _on_clock(self, message: Clock) -> None:
        self._clock = stamp_to_ns(message.clock)

    def _on_calibration(self, message: CameraInfo) -> None:
        problem = ""
        try:
            CameraModel.from_message(message)
        except CalibrationError as error:
            problem = str(error)
        self._calibrations.append(
            Calibration(stamp_to_ns(message.header.stamp), message.width, message.height, problem)
        )

    def _on_image(self, message: Any) -> None:
        arrived, now = time.monotonic_ns(), time.time_ns()
        stamp = stamp_to_ns(message.header.stamp)
        height, width, unreadable, nothing = 0, 0, "", ""
        try:
            image = decode_message(message)
            height, width = image.shape[:2]
            # By arrival: stamps may be wrong, and then say nothing of how long it is frozen.
            nothing = self._quality.judge(image, arrived)
        except ImageError as error:
            unreadable = str(error)
        self._images.append(
            SightedImage(
                arrived=arrived / NANOSECONDS_PER_SECOND,
                stamp_ns=stamp,
                age=(now - stamp) / NANOSECONDS_PER_SECOND,
                simulated_age=None
                if self._clock is None
                else (self._clock - stamp) / NANOSECONDS_PER_SECOND,
                frame_id=message.header.frame_id,
                width=width,
                height=height,
                size=len(message.data),
                unreadable=unreadable,
                shows_nothing=nothing,
            )
        )
