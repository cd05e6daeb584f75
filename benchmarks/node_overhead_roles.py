"""The processes of node_overhead.py beside the node: cameras, and those who only take the time.

    python -m benchmarks.node_overhead_roles ROLE OUTPUT TOPIC ... [options]

Each ends on SIGINT and writes what it saw to OUTPUT as JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import rclpy
from convlstm_perception_msgs.msg import PerceptionStatus, PredictedTrajectoryArray
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from sensor_msgs.msg import Image

NODE = "/convlstm_perception"
_NANOSECONDS = 10**9


def camera(node: Node, topics: list[str], arguments: argparse.Namespace) -> Callable[[], object]:
    """Publishes images to every topic at the rate, stamped when they are sent."""
    width, height = map(int, arguments.size.split("x"))
    generator = np.random.default_rng(0)
    images = []
    for _ in range(4):  # none is the same as the one before
        pixels = generator.integers(20, 90, (height, width, 3), np.uint8)
        images.append(Image(height=height, width=width, encoding="bgr8", step=3 * width))
        images[-1].data = pixels.tobytes()
    publishers = [node.create_publisher(Image, topic, QoSProfile(depth=5)) for topic in topics]
    stamps: dict[str, list[int]] = {topic: [] for topic in topics}
    turn = itertools.cycle(images)

    def publish() -> None:
        message = next(turn)
        for topic, publisher in zip(topics, publishers, strict=True):
            now = time.time_ns()
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(now, _NANOSECONDS)
            publisher.publish(message)
            stamps[topic].append(now)

    node.create_timer(1.0 / arguments.rate, publish)
    return lambda: {"published": list(stamps.values())}


def stamper(node: Node, topics: list[str], arguments: argparse.Namespace) -> Callable[[], object]:
    """A bare subscriber: it takes the time at which each message comes, and does nothing else.

    One that waits for answers also reads what the node says that it received.
    """
    kind = Image if arguments.role == "images" else PredictedTrajectoryArray
    reliability = (
        QoSReliabilityPolicy.BEST_EFFORT
        if arguments.role == "images"
        else QoSReliabilityPolicy.RELIABLE
    )
    qos = QoSProfile(depth=1 if arguments.role == "images" else 50, reliability=reliability)
    arrivals: list[list[tuple[int, int]]] = [[] for _ in topics]
    for topic, arrived in zip(topics, arrivals, strict=True):

        def take_time(message: Image, arrived: list[tuple[int, int]] = arrived) -> None:
            now, stamp = time.time_ns(), message.header.stamp
            arrived.append((stamp.sec * _NANOSECONDS + stamp.nanosec, now))

        node.create_subscription(kind, topic, take_time, qos)
    received: list[int] = []
    if arguments.role == "answers":

        def read_status(message: PerceptionStatus) -> None:
            received[:] = [camera.received for camera in message.cameras]

        node.create_subscription(PerceptionStatus, f"{NODE}/status", read_status, 5)
    return lambda: {"arrivals": arrivals, "received": received}


def main() -> None:
    """Run a role until SIGINT."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("role", choices=["camera", "images", "answers"])
    parser.add_argument("output", type=Path)
    parser.add_argument("topics", nargs="+")
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--rate", type=float, default=30.0)
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    rclpy.init(args=[])
    node = rclpy.create_node(f"overhead_{arguments.role}")
    role = camera if arguments.role == "camera" else stamper
    report = role(node, arguments.topics, arguments)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        executor.spin()
    node.destroy_node()
    rclpy.try_shutdown()  # else Fast DDS leaves its shared memory behind
    arguments.output.write_text(json.dumps(report()))


if __name__ == "__main__":
    main()
