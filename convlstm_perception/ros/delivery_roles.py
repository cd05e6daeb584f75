"""The two processes between which delivery is measured: one sends images, one takes the time.

    python -m convlstm_perception.ros.delivery_roles send|receive OUTPUT --streams 1280x720:reliable

The sender waits until both know each other on every topic, sends the streams one after another and
ends; the receiver ends on SIGINT. Each writes what it saw to OUTPUT as JSON, by topic.
"""

from __future__ import annotations

import argparse
import array
import contextlib
import itertools
import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSDurabilityPolicy, QoSProfile, QoSReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image
from std_msgs.msg import Empty

from convlstm_perception.ros.delivery import RATE, SENT, Stream
from convlstm_perception.ros.rclpy_differences import count_matched_publishers

_NANOSECONDS = 10**9
_DEPTH = 5  # of sensor data
_PATIENCE = 20.0  # seconds to find each other
_PAUSE = 0.5  # seconds for what is still under way when a stream ends
_READY = "delivery/ready"
_READY_QOS = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)


def send(node: Node, streams: Sequence[Stream], seconds: float) -> dict[str, list[int]]:
    """Send the streams; the stamps of each topic, monotonic nanoseconds."""
    publishers = [node.create_publisher(Image, s.topic, _image_qos(s)) for s in streams]
    ready: list[Empty] = []
    node.create_subscription(Empty, _READY, ready.append, _READY_QOS)
    deadline = time.monotonic() + _PATIENCE
    while not (ready and all(publisher.get_subscription_count() for publisher in publishers)):
        if time.monotonic() > deadline:
            sys.exit(
                f"The two processes did not find each other in {_PATIENCE:.0f} s: DDS discovery "
                "on this machine fails. Check that the loopback interface is up (ip addr show lo)."
            )
        rclpy.spin_once(node, timeout_sec=0.05)
    stamps: dict[str, list[int]] = {}
    for stream, publisher in zip(streams, publishers, strict=True):
        stamps[stream.topic] = sent = []
        turn = itertools.cycle(_images(stream))
        start = time.monotonic()
        for number in range(max(1, round(seconds * RATE))):
            time.sleep(max(0.0, start + number / RATE - time.monotonic()))
            message = next(turn)
            now = time.monotonic_ns()
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(now, _NANOSECONDS)
            publisher.publish(message)
            sent.append(now)
        time.sleep(_PAUSE)
        print(SENT + stream.topic)
    return stamps


def receive(node: Node, streams: Sequence[Stream]) -> dict[str, list[tuple[int, int]]]:
    """Note stamp and time of each image until SIGINT."""
    arrivals: dict[str, list[tuple[int, int]]] = {stream.topic: [] for stream in streams}
    subscriptions = []
    for stream in streams:

        def take_time(
            message: Image, arrived: list[tuple[int, int]] = arrivals[stream.topic]
        ) -> None:
            now, stamp = time.monotonic_ns(), message.header.stamp
            arrived.append((stamp.sec * _NANOSECONDS + stamp.nanosec, now))

        subscription = node.create_subscription(Image, stream.topic, take_time, _image_qos(stream))
        subscriptions.append(subscription)
    ready = node.create_publisher(Empty, _READY, _READY_QOS)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    with contextlib.suppress(KeyboardInterrupt):
        while not all(count_matched_publishers(node, each) for each in subscriptions):
            executor.spin_once(timeout_sec=0.05)
        ready.publish(Empty())
        while True:  # not spin(), which hears of a signal only when a message comes
            executor.spin_once(timeout_sec=0.1)
    return arrivals


def _image_qos(stream: Stream) -> QoSProfile:
    policy = QoSReliabilityPolicy
    return QoSProfile(
        depth=_DEPTH, reliability=policy.RELIABLE if stream.reliable else policy.BEST_EFFORT
    )


def _images(stream: Stream) -> list[Image]:
    """Some that differ, made beforehand: filling one takes milliseconds."""
    images = []
    for brightness in (20, 60, 100):
        pixels = np.full((stream.height, stream.width, 3), brightness, np.uint8)
        message = Image(height=stream.height, width=stream.width, encoding="bgr8")
        message.step = 3 * stream.width
        message.data = array.array("B", pixels.tobytes())  # Humble looks at each element of bytes
        images.append(message)
    return images


def _stream(text: str) -> Stream:
    """Of ``1280x720:reliable``."""
    size, reliability = text.split(":")
    width, height = map(int, size.split("x"))
    return Stream(width, height, reliability == "reliable")


def main() -> None:
    """Run a role."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("role", choices=["send", "receive"])
    parser.add_argument("output", type=Path)
    parser.add_argument("--streams", type=_stream, nargs="+", required=True)
    parser.add_argument("--seconds", type=float, required=True, help="of each stream")
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Not rclpy's own handlers: they would end the context before the receiver is done with it.
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = rclpy.create_node(f"delivery_{arguments.role}")
        if arguments.role == "send":
            seen: object = send(node, arguments.streams, arguments.seconds)
        else:
            seen = receive(node, arguments.streams)
        node.destroy_node()
    finally:
        rclpy.shutdown()  # else Fast DDS leaves its shared memory behind
    arguments.output.write_text(json.dumps(seen))


if __name__ == "__main__":
    main()
