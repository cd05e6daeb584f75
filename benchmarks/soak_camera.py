"""A camera of the soak: generated images at a fixed rate, stamped now; a process of its own.

Each stamp is written to a file before its image is published, so that answers can be held against
what was sent even when the process is killed.
"""

from __future__ import annotations

import argparse
import array
import os
import time
from collections.abc import Iterator

import numpy as np
import rclpy
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from sensor_msgs.msg import Image

from convlstm_perception.data.synthetic_scene import SyntheticScene

STAMP_BYTES = 8
"""Of a stamp in the file: nanoseconds, signed, little-endian."""

_FRAMES = 60
_EVENT_EVERY = 20.0  # seconds between faults, on average
_FAULTS = ("gap", "black", "thinned")
_LONGEST = 1.5  # seconds of a fault
_KEPT_SHARE = 0.3  # of the frames of a thinned stretch


def render(width: int, height: int, rate: float, seed: int) -> list[array.array[int]]:
    """The images of a scene to and fro, as the data of messages."""
    scene = SyntheticScene(
        width=width, height=height, frame_rate=rate, frame_count=_FRAMES, seed=seed
    )
    there = [array.array("B", image.tobytes()) for image in scene]
    return there + there[-2:0:-1]


def faults(random: np.random.Generator) -> Iterator[str]:
    """For each moment that it is asked: the fault that is on, or ""."""
    begin = time.monotonic() + random.exponential(_EVENT_EVERY)
    while True:
        while time.monotonic() < begin:
            yield ""
        end, fault = time.monotonic() + random.uniform(0.2, _LONGEST), str(random.choice(_FAULTS))
        while time.monotonic() < end:
            yield fault
        begin = time.monotonic() + random.exponential(_EVENT_EVERY)


def main() -> None:
    """Publish until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--height", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--stamps", required=True, help="file that stamps are added to")
    parser.add_argument("--faults", action="store_true")
    arguments = parser.parse_args()

    images = render(arguments.width, arguments.height, arguments.rate, arguments.seed)
    black = array.array("B", bytes(len(images[0])))
    random = np.random.default_rng([arguments.seed, time.time_ns()])
    fault_now = faults(random)
    rclpy.init()
    node = rclpy.create_node("camera_driver")
    qos = QoSProfile(depth=1, reliability=QoSReliabilityPolicy.BEST_EFFORT)
    publisher = node.create_publisher(Image, arguments.topic, qos)
    message = Image(height=arguments.height, width=arguments.width, encoding="bgr8")
    message.step = 3 * arguments.width
    message.header.frame_id = "camera_optical"
    period, due, number = 1.0 / arguments.rate, time.monotonic(), 0
    log = os.open(arguments.stamps, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        while rclpy.ok():
            # A camera that comes late does not catch up: it goes on at its rate.
            due = max(due + period, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
            fault = next(fault_now) if arguments.faults else ""
            number += 1
            if fault == "gap" or (fault == "thinned" and random.random() > _KEPT_SHARE):
                continue
            message.data = black if fault == "black" else images[number % len(images)]
            stamp = time.time_ns()
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 10**9)
            os.write(log, stamp.to_bytes(STAMP_BYTES, "little", signed=True))
            publisher.publish(message)
    except KeyboardInterrupt:
        pass
    finally:
        os.close(log)


if __name__ == "__main__":
    main()
