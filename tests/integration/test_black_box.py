"""The last seconds of a real node: written on request and on failure, and replayed bit for bit."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from convlstm_perception_msgs.msg import PredictedTrajectoryArray
from rclpy.serialization import serialize_message
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2DArray

from convlstm_perception.bags import BagReader, message_types
from convlstm_perception.cli.main import main
from convlstm_perception.messages import DETECTIONS, TRAJECTORIES
from convlstm_perception.replay.recording import recorded_parameters
from tests.integration.test_node_input import fail_on_white
from tests.support.graphs import write_tiny_bundle
from tests.support.node import NODE, NodeUnderTest, image_message, running_node

pytestmark = pytest.mark.ros


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


def save(node: NodeUnderTest) -> Trigger.Response:
    client = node.node.create_client(Trigger, f"{NODE}/save_buffer")
    node.wait_until(client.service_is_ready, "the service")
    future = client.call_async(Trigger.Request())
    node.wait_until(future.done, "the answer of save_buffer")
    return future.result()


def saved_bag(node: NodeUnderTest) -> Path:
    """Ask for the black box and wait until it is there."""
    response = save(node)
    assert response.success, response.message
    path = Path(response.message)
    node.wait_until(path.exists, "the bag")
    return path


def contents(path: Path, *kinds: str) -> dict[tuple[str, int], object]:
    """Messages by topic and stamp."""
    with BagReader(path) as bag:
        return {
            (
                m.topic,
                m.message.header.stamp.nanosec + 10**9 * m.message.header.stamp.sec,
            ): m.message
            for m in bag.messages(bag.topics(*kinds))
        }


def in_cdr(path: Path, kind: str) -> list[bytes]:
    return [bytes(message_types().serialize_cdr(m, kind)) for m in contents(path, kind).values()]


def published_in_cdr(messages: list, kind: str) -> list[bytes]:
    """By the same library: rmw leaves what it pads with to chance."""
    types = message_types()
    read = [types.deserialize_cdr(serialize_message(message), kind) for message in messages]
    return [bytes(types.serialize_cdr(message, kind)) for message in read]


def test_what_the_node_saw_and_answered_is_written_and_replayed_bit_for_bit(
    bundle: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "boxes"
    with running_node(tmp_path, bundle=bundle, black_box_folder=folder, threads=1) as node:
        trajectories = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        detections = node.collect(Detection2DArray, f"{NODE}/detections")
        assert "nothing is kept" in save(node).message
        node.reach("active")
        node.settle()
        assert node.set_parameter("overlap_threshold", 0.5) == ""
        sent = [image_message(step) for step in (0, 1, 2, 4, 5, 6, 7, 8)]
        for number, message in enumerate(sent, start=1):
            node.send(message)
            node.wait_until(
                lambda number=number: len(trajectories) == len(detections) == number, "the answers"
            )
        bag = saved_bag(node)
    assert bag.parent == folder and bag.name.endswith("Z_asked")
    images = contents(bag, "sensor_msgs/msg/Image")
    assert [bytes(image.data) for image in images.values()] == [bytes(m.data) for m in sent]
    assert {topic for topic, _ in images} == {"/image"}
    parameters = recorded_parameters(bag)
    assert parameters["overlap_threshold"] == 0.5 and parameters["cameras"] == [""]
    with BagReader(bag) as opened:
        assert opened.topics("diagnostic_msgs/msg/DiagnosticArray") == ["/diagnostics"]
    # Bit for bit what was published, and what a replay makes of it.
    live = {TRAJECTORIES: trajectories, DETECTIONS: detections}
    words = ["--bundle", str(bundle), "--output", str(tmp_path / "again"), "--threads", "1"]
    assert main(["replay", str(bag), "--no-overlay", *words]) == 0
    summary = json.loads((tmp_path / "again" / "summary.json").read_text())
    assert (summary["cameras"][0]["identical"], summary["cameras"][0]["different"]) == (8, 0)
    for kind, published in live.items():
        expected = published_in_cdr(published, kind)
        assert in_cdr(bag, kind) == expected
        assert in_cdr(tmp_path / "again" / "results", kind) == expected


def test_a_frame_that_fails_writes_the_box_once_with_the_frame_in_it(tmp_path: Path) -> None:
    faulty = write_tiny_bundle(tmp_path / "faulty")
    fail_on_white(faulty)
    folder = tmp_path / "boxes"
    with running_node(
        tmp_path, bundle=faulty, saturated_level=256, black_box_folder=folder
    ) as node:
        trajectories = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        node.reach("active")
        node.settle()
        for step in range(3):
            node.send(image_message(step))
            node.wait_until(lambda step=step: len(trajectories) == step + 1, "the answer")
        for step in (3, 4):
            white = image_message(step)
            white.data = b"\xff" * len(white.data)
            node.send(white)
            node.wait_until(lambda: list(folder.glob("*frame_failed")), "the bag")
            node.spin(0.3)
        node.wait_until(lambda: "black box written" in node.log, "its mention")
        (bag,) = folder.iterdir()
        stamps = [stamp for _, stamp in contents(bag, "sensor_msgs/msg/Image")]
        assert len(stamps) == 4 and len(contents(bag, TRAJECTORIES)) == 3
        node.send(image_message(5))
        node.wait_until(lambda: len(trajectories) == 4, "the next answer")


def test_memory_is_bounded_and_the_newest_are_kept(bundle: Path, tmp_path: Path) -> None:
    large = {"height": 480, "width": 640}  # 0.92 MB
    with running_node(
        tmp_path, bundle=bundle, black_box_folder=tmp_path / "boxes", black_box_memory=3
    ) as node:
        trajectories = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        node.reach("active")
        node.settle()
        for step in range(7):
            node.send(image_message(step, **large))
            node.wait_until(lambda step=step: len(trajectories) == step + 1, "the answer")
        bag = saved_bag(node)
    newest = [image_message(step, **large).header.stamp for step in (4, 5, 6)]
    stamps = [stamp for _, stamp in contents(bag, "sensor_msgs/msg/Image")]
    assert stamps == [stamp.sec * 10**9 + stamp.nanosec for stamp in newest]


def test_a_folder_that_cannot_be_written_to_is_told_and_the_node_goes_on(
    bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    folder = tmp_path / "file" / "boxes"
    with running_node(tmp_path, bundle=bundle, black_box_folder=folder) as node:
        trajectories = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        node.reach("active")
        node.settle()
        node.send(image_message(0))
        node.wait_until(lambda: trajectories, "the answer")
        response = save(node)
        assert not response.success
        assert "cannot be written to" in response.message and str(folder) in response.message
        node.send(image_message(1))
        node.wait_until(lambda: len(trajectories) == 2, "the next answer")


def test_old_boxes_give_way_and_foreign_files_stay(bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "boxes"
    foreign = folder / "holiday"
    foreign.mkdir(parents=True)
    (foreign / "picture").write_bytes(bytes(2_000_000))
    with running_node(tmp_path, bundle=bundle, black_box_folder=folder, black_box_limit=3) as node:
        trajectories = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        node.reach("active")
        node.settle()
        node.send(image_message(0, height=480, width=640))
        node.wait_until(lambda: trajectories, "the answer")
        bags = []
        for _ in range(4):
            bags.append(saved_bag(node))
            time.sleep(0.01)
    kept = sorted(path.name for path in folder.iterdir())
    assert "holiday" in kept and (foreign / "picture").stat().st_size == 2_000_000
    assert bags[-1].name in kept and bags[0].name not in kept
