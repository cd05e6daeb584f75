"""Cameras with one fault each, as a program: /FAULT/image, twenty times a second, until killed.

With the argument ``simulated`` it is one camera whose stamps follow the /clock that it publishes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import String

from convlstm_perception.ros.conversions import ns_to_stamp
from tests.support.node import image_message
from tests.support.streams import enlarged, filled

_PERIOD = 0.05
Spoil = Callable[[Image, CameraInfo, int], None]


def _set(path: str, value: object) -> Spoil:
    """Sets a field of the image."""

    def spoil(image: Image, info: CameraInfo, number: int) -> None:
        *owners, name = path.split(".")
        target: object = image
        for owner in owners:
            target = getattr(target, owner)
        setattr(target, name, value)

    return spoil


def _resize(image: Image, info: CameraInfo, number: int) -> None:
    if number % 2:
        enlarged(image)


def _frozen(image: Image, info: CameraInfo, number: int) -> None:
    image.data = image_message(0).data


def _uncalibrated(image: Image, info: CameraInfo, number: int) -> None:
    info.k = [0.0] * 9


def _other_size(image: Image, info: CameraInfo, number: int) -> None:
    info.width *= 2


SPOILED: dict[str, Spoil] = {
    "sound": lambda image, info, number: None,
    "unknown_encoding": _set("encoding", "32FC1"),
    "black": _set("data", filled(0, 0).data),
    "saturated": _set("data", filled(255, 0).data),
    "frozen": _frozen,
    "no_stamp": _set("header.stamp", ns_to_stamp(0)),
    "old_stamp": _set("header.stamp", ns_to_stamp(1_700_000_000_000_000_000)),
    "no_frame": _set("header.frame_id", ""),
    "changing_size": _resize,
    "uncalibrated": _uncalibrated,
    "other_size": _other_size,
}
"""Faults of messages; those of the graph and of the pace are made in main()."""


def sound(number: int, stamp_ns: int) -> tuple[Image, CameraInfo]:
    """A picture and the calibration beside it."""
    image = image_message(number)
    image.header.stamp = ns_to_stamp(stamp_ns)
    info = CameraInfo(header=image.header, width=image.width, height=image.height)
    info.distortion_model, info.d = "plumb_bob", [0.0] * 5
    info.k = [100.0, 0.0, 80.0, 0.0, 100.0, 48.0, 0.0, 0.0, 1.0]
    return image, info


class Camera:
    """One of them."""

    def __init__(self, node: Node, name: str, spoil: Spoil, qos: QoSProfile, every: int) -> None:
        self._spoil, self._every = spoil, every
        self._images = node.create_publisher(Image, f"/{name}/image", qos)
        self._infos = node.create_publisher(CameraInfo, f"/{name}/camera_info", qos)

    def publish(self, number: int, stamp_ns: int) -> None:
        """The picture of a number, unless it is left out."""
        if number % self._every:
            return
        image, info = sound(number, stamp_ns)
        self._spoil(image, info, number)
        self._images.publish(image)
        self._infos.publish(info)


def main() -> None:
    """Publish until killed."""
    rclpy.init()
    node = rclpy.create_node("faulty_cameras")
    reliable = QoSProfile(depth=5)
    best_effort = QoSProfile(depth=5, reliability=QoSReliabilityPolicy.BEST_EFFORT)
    simulated = "simulated" in sys.argv
    if simulated:
        cameras = [Camera(node, "simulated", SPOILED["sound"], reliable, 1)]
    else:
        cameras = [Camera(node, name, spoil, reliable, 1) for name, spoil in SPOILED.items()]
        cameras.append(Camera(node, "slow", SPOILED["sound"], reliable, 5))
        cameras.append(Camera(node, "best_effort", SPOILED["sound"], best_effort, 1))
        node.create_publisher(Image, "/silent/image", reliable)
    lonely = node.create_publisher(Image, "/no_info/image", reliable)
    text = node.create_publisher(String, "/text/image", reliable)
    clock = node.create_publisher(Clock, "/clock", reliable) if simulated else None
    start, number = time.monotonic(), 0
    while True:
        time.sleep(max(0.0, start + number * _PERIOD - time.monotonic()))
        now = 10**9 + int(number * _PERIOD * 1e9) if clock else time.time_ns()
        if clock:
            clock.publish(Clock(clock=ns_to_stamp(now)))
        for camera in cameras:
            camera.publish(number, now)
        lonely.publish(sound(number, now)[0])
        text.publish(String(data="no image"))
        number += 1


if __name__ == "__main__":
    main()
