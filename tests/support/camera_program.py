"""A camera as a program of its own, which can be killed: the walking figure, ten times a second.

The stamps are the wall clock's on a grid of 0.1 s, and a picture is told by its stamp.
"""

from __future__ import annotations

import sys
import time

import rclpy
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from tests.support.node import image_message
from tests.support.streams import PERIOD_NS, at


def picture(stamp_ns: int) -> Image:
    """The image that the program publishes with a stamp."""
    return at(image_message(stamp_ns // PERIOD_NS), stamp_ns)


def main() -> None:
    """Publish until killed."""
    rclpy.init()
    publisher = rclpy.create_node("camera").create_publisher(
        Image, sys.argv[1], QoSProfile(depth=5)
    )
    while True:
        stamp = (time.time_ns() // PERIOD_NS + 1) * PERIOD_NS
        time.sleep(max(0.0, (stamp - time.time_ns()) / 1e9))
        publisher.publish(picture(stamp))


if __name__ == "__main__":
    main()
