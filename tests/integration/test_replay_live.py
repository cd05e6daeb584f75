"""A node that skips images: the replay answers those that it answered, to the last bit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from convlstm_perception_msgs.msg import PredictedTrajectoryArray
from rclpy.serialization import deserialize_message, serialize_message
from rosbags.rosbag2 import Reader
from sensor_msgs.msg import Image

from convlstm_perception.bags import BagWriter
from convlstm_perception.cli.main import main
from convlstm_perception.messages import TRAJECTORIES
from convlstm_perception.ros.conversions import stamp_to_ns
from tests.support.graphs import write_tiny_bundle
from tests.support.node import NODE, image_message, running_node
from tests.support.streams import plain

pytestmark = pytest.mark.ros


def large_image(step: int) -> Image:
    """As image_message, five times as large, so that the node cannot keep up."""
    message = image_message(step)
    pixels = np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)
    pixels = pixels.repeat(5, axis=0).repeat(5, axis=1)
    message.height, message.width = pixels.shape[:2]
    message.step, message.data = 3 * message.width, pixels.tobytes()
    return message


def test_images_in_bursts(tmp_path: Path) -> None:
    bundle = write_tiny_bundle(tmp_path / "tiny")
    messages = [large_image(step) for step in range(45)]
    with running_node(tmp_path, bundle=bundle) as node:
        live = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        node.reach("active")
        node.settle()
        for start in range(0, len(messages), 5):
            burst = messages[start : start + 5]
            for message in burst:
                node.send(message)
            last = burst[-1].header.stamp
            node.wait_until(
                lambda last=last: live and live[-1].header.stamp == last, "the newest answer"
            )
    assert 9 <= len(live) < len(messages), "the node was to skip some"
    with BagWriter(tmp_path / "bag") as bag:
        for message in messages:
            time_ns = stamp_to_ns(message.header.stamp)
            bag.write("/image", "sensor_msgs/msg/Image", time_ns, serialize_message(message))
        for answer in live:
            time_ns = stamp_to_ns(answer.header.stamp) + 1
            bag.write(f"{NODE}/trajectories", TRAJECTORIES, time_ns, serialize_message(answer))
    output = tmp_path / "out"
    words = ["--bundle", str(bundle), "--output", str(output), "--no-overlay"]
    assert main(["replay", str(tmp_path / "bag"), *words]) == 0
    (camera,) = json.loads((output / "summary.json").read_text())["cameras"]
    assert (camera["identical"], camera["different"]) == (len(live), 0)
    assert camera["passed_over"] == len(messages) - len(live)
    with Reader(output / "results") as reader:
        replayed = [
            deserialize_message(bytes(data), PredictedTrajectoryArray)
            for connection, _, data in reader.messages()
            if connection.msgtype == TRAJECTORIES
        ]
    assert plain(replayed) == plain(live)
    assert any(answer.trajectories for answer in live)
