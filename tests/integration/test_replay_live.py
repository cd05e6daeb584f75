"""What the live node answered, a replay answers to the last bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

rclpy = pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from convlstm_perception_msgs.msg import PredictedTrajectoryArray  # noqa: E402
from rclpy.serialization import deserialize_message, serialize_message  # noqa: E402
from rosbags.rosbag2 import Reader  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402
from vision_msgs.msg import Detection2DArray  # noqa: E402

from convlstm_perception.bags import BagWriter  # noqa: E402
from convlstm_perception.engine import default_bundle_path  # noqa: E402
from convlstm_perception.replay import ReplayRequest, replay  # noqa: E402
from convlstm_perception.ros.conversions import stamp_to_ns  # noqa: E402
from tests.support.graphs import write_tiny_bundle  # noqa: E402
from tests.support.node import NODE, image_message, running_node  # noqa: E402

pytestmark = pytest.mark.ros

IMAGE = "sensor_msgs/msg/Image"
KINDS: dict[str, Any] = {
    "trajectories": (
        "convlstm_perception_msgs/msg/PredictedTrajectoryArray",
        PredictedTrajectoryArray,
    ),
    "detections": ("vision_msgs/msg/Detection2DArray", Detection2DArray),
}


def live_answers(
    bundle: Path, folder: Path, messages: list[Image], at_once: int
) -> dict[str, list[Any]]:
    """Give a node images, ``at_once`` without waiting: of these it answers the newest."""
    with running_node(folder, bundle=bundle) as node:
        answers = {name: node.collect(kind, f"{NODE}/{name}") for name, (_, kind) in KINDS.items()}
        node.reach("active")
        node.settle()
        for start in range(0, len(messages), at_once):
            burst = messages[start : start + at_once]
            for message in burst:
                node.send(message)
            last = burst[-1].header.stamp
            for name, received in answers.items():
                node.wait_until(
                    lambda received=received, last=last: any(
                        answer.header.stamp == last for answer in received
                    ),
                    name,
                )
    return answers


@pytest.mark.parametrize(
    ("shipped", "count", "at_once"), [(False, 24, 1), (False, 60, 3), (True, 16, 1)]
)
def test_every_field_of_every_answer_is_the_same(
    tmp_path: Path, shipped: bool, count: int, at_once: int
) -> None:
    bundle = default_bundle_path() if shipped else write_tiny_bundle(tmp_path / "tiny")
    messages = [image_message(step) for step in range(count)]
    live = live_answers(bundle, tmp_path, messages, at_once)
    with BagWriter(tmp_path / "bag") as bag:
        for message in messages:
            bag.write(
                "/image", IMAGE, stamp_to_ns(message.header.stamp), serialize_message(message)
            )
        for name, (type_name, _) in KINDS.items():
            for answer in live[name]:
                time_ns = stamp_to_ns(answer.header.stamp) + 1
                bag.write(f"{NODE}/{name}", type_name, time_ns, serialize_message(answer))
    request = ReplayRequest(tmp_path / "bag", tmp_path / "out", bundle, overlay=False)
    summary = replay(request, lambda name, total: lambda: None)
    (camera,) = summary["cameras"].values()
    answered = len(live["trajectories"])
    assert camera["answered"] == camera["identical"] == answered >= count // at_once
    if not shipped:
        assert camera["track_ids"] >= 1
    with Reader(tmp_path / "out/results") as reader:
        replayed: dict[str, list[Any]] = {name: [] for name in KINDS}
        for connection, _, data in reader.messages():
            name = connection.topic.rpartition("/")[2]
            replayed[name].append(deserialize_message(bytes(data), KINDS[name][1]))
    assert replayed == live
