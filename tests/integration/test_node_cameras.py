"""Several cameras in one node, and what may change while it runs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from convlstm_perception_msgs.msg import PerceptionStatus, PredictedTrajectoryArray
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from tests.support.graphs import write_tiny_bundle
from tests.support.node import (
    NODE,
    NODE_PROGRAM,
    ON_HUMBLE_TOO,
    STATES,
    NodeUnderTest,
    image_message,
    running_node,
)

pytestmark = pytest.mark.ros


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


def camera(node: NodeUnderTest, topic: str) -> Publisher:
    """A camera that the node knows."""
    publisher = node.node.create_publisher(Image, topic, QoSProfile(depth=5))
    node.wait_until(lambda: publisher.get_subscription_count() == 1, f"a subscription to {topic}")
    return publisher


def levels(message: DiagnosticArray | None) -> dict[str, tuple[int, str]]:
    """Level and message by task."""
    statuses = message.status if message else []
    return {
        status.name.removeprefix(f"{NODE}: "): (status.level[0], status.message)
        for status in statuses
    }


def test_each_camera_has_its_own_topics_answers_and_status(bundle: Path, tmp_path: Path) -> None:
    parameters = {
        "cameras": "[front, rear, side]",
        "front.image_topic": "/front/image_raw",
        "side.enabled": False,
    }
    with running_node(tmp_path, bundle=bundle, **parameters) as node:
        answers = {
            name: node.collect(PredictedTrajectoryArray, f"{NODE}/{name}/trajectories")
            for name in ("front", "rear", "side")
        }
        detections = node.collect(Detection2DArray, f"{NODE}/rear/detections")
        statuses = node.collect(PerceptionStatus, f"{NODE}/status")
        diagnostics = node.collect(DiagnosticArray, "/diagnostics")
        assert node.change_state("configure") and node.change_state("activate"), node.log
        front, rear = camera(node, "/front/image_raw"), camera(node, "/rear/image")
        assert node.node.count_subscribers("/side/image") == 0
        node.settle()
        for step in range(6):
            front.publish(image_message(step))
            rear.publish(image_message(step + 3000, height=120, width=200))
            node.wait_until(
                lambda step=step: len(answers["front"]) == len(answers["rear"]) == step + 1,
                "an answer of each",
            )
        for name, first in (("front", 100), ("rear", 400)):
            assert [m.header.stamp.sec for m in answers[name]] == [first] * 6
            assert [m.status for m in answers[name]][:3] == [PredictedTrajectoryArray.DEGRADED] * 3
            assert [m.status for m in answers[name]][3:] == [PredictedTrajectoryArray.OK] * 3
        node.wait_until(lambda: len(detections) == 6, "the detections")
        assert not answers["side"]
        node.wait_until(
            lambda: statuses and [c.answered for c in statuses[-1].cameras] == [6, 6, 0], "status"
        )
        status = statuses[-1]
        assert [c.camera for c in status.cameras] == ["front", "rear", "side"]
        assert [c.topic for c in status.cameras][:2] == ["/front/image_raw", "/rear/image"]
        assert status.cameras[0].slots_filled == status.cameras[0].slots == 4
        assert status.model_id == "tiny-1.0.0" and "ONNX Runtime" in status.engine
        assert {"camera front", "camera rear", "camera side", "engine"} == set(
            levels(diagnostics[-1])
        )
        assert levels(diagnostics[-1])["camera side"] == (0, "disabled")

        # The third is enabled while the node runs.
        assert node.set_parameter("side.enabled", True) == ""
        side = camera(node, "/side/image")
        node.settle()
        side.publish(image_message(0))
        node.wait_until(lambda: answers["side"], "an answer of the enabled camera")
        assert node.set_parameter("rear.enabled", False) == ""
        node.wait_until(lambda: rear.get_subscription_count() == 0, "the end of a subscription")


def test_a_camera_that_stops_is_stale_within_a_second_and_resumes(
    bundle: Path, tmp_path: Path
) -> None:
    with running_node(tmp_path, bundle=bundle) as node:
        diagnostics = node.collect(DiagnosticArray, "/diagnostics")
        answers = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        node.reach("active")
        node.settle()

        def level() -> int:
            return levels(diagnostics[-1] if diagnostics else None).get("/image", (-1, ""))[0]

        for step in range(8):
            node.send(image_message(step))
            node.spin(0.1)
        # A warning: the images' stamps are of another clock than the node's.
        node.wait_until(lambda: level() == DiagnosticStatus.WARN[0], "images")
        assert "behind the node's clock" in levels(diagnostics[-1])["/image"][1]
        last = time.monotonic()
        node.wait_until(lambda: level() == DiagnosticStatus.STALE[0], "STALE")
        # The promise is one second from the last image, which came 0.1 s before this was read.
        assert time.monotonic() - last < 1.0
        assert "sends nothing" in levels(diagnostics[-1])["/image"][1]
        count = len(answers)
        for step in range(8, 14):
            node.send(image_message(step))
            node.spin(0.1)
        node.wait_until(lambda: level() == DiagnosticStatus.WARN[0], "images again")
        assert len(answers) == count + 6


@ON_HUMBLE_TOO
def test_thresholds_and_outputs_change_while_the_node_answers_and_the_rest_does_not(
    bundle: Path, tmp_path: Path, program: tuple[str, ...]
) -> None:
    with running_node(tmp_path, program=program, bundle=bundle) as node:
        trajectories = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        detections = node.collect(Detection2DArray, f"{NODE}/detections")
        node.reach("active")
        node.settle()

        def answer(step: int) -> PredictedTrajectoryArray:
            node.send(image_message(step))
            stamp = image_message(step).header.stamp
            node.wait_until(
                lambda: any(m.header.stamp == stamp for m in trajectories), f"answer {step}"
            )
            return trajectories[-1]

        answer(0)
        assert len(answer(1).trajectories) == 1
        # Nobody is that certain: the track is no longer supported, and coasts until it ends.
        assert node.set_parameter("detection_threshold", 1.0) == ""
        assert node.set_parameter("low_threshold", 1.0) == ""
        assert node.set_parameter("max_coast", 0.0) == ""
        assert not answer(2).trajectories
        assert node.set_parameter("publish_detections", False) == ""
        count = len(detections)
        answer(3)
        node.spin(0.3)
        assert len(detections) == count
        assert "outside" in node.set_parameter("overlap_threshold", 7.0) or "range" in (
            node.set_parameter("overlap_threshold", 7.0)
        )
        assert "above detection_threshold" in node.set_parameter("detection_threshold", 0.5)
        for name, value in (("threads", 3), ("bundle", "elsewhere"), ("cameras", ["a"])):
            assert "is in use; deactivate and clean up" in node.set_parameter(name, value)


@pytest.mark.parametrize(
    ("cameras", "reason"),
    [
        ("[front, front]", "front is there twice"),
        ("[front, '2nd']", "'2nd'; a name is letters"),
    ],
)
def test_camera_names_that_make_no_topics_refuse_configure(
    bundle: Path, tmp_path: Path, cameras: str, reason: str
) -> None:
    with running_node(tmp_path, bundle=bundle, cameras=cameras) as node:
        assert not node.change_state("configure")
        assert node.state() == STATES["unconfigured"]
        assert reason in node.log
        assert node.set_parameter("cameras", ["front", "rear"]) == ""
        assert node.change_state("configure"), node.log
        assert "is in use" in node.set_parameter("rear.image_topic", "/elsewhere")


def test_the_example_of_two_cameras_needs_no_more_than_its_file(
    bundle: Path, tmp_path: Path
) -> None:
    example = Path(__file__).resolve().parents[2] / "config" / "two_cameras.params.yaml"
    program = (*NODE_PROGRAM, "--ros-args", "--params-file", str(example))
    with running_node(tmp_path, program=program, bundle=bundle) as node:
        assert node.change_state("configure") and node.change_state("activate"), node.log
        assert "answering /front/image_raw, /rear/image_raw/compressed" in node.log


def test_frames_of_one_time_are_answered_together_under_sync_approximate(
    bundle: Path, tmp_path: Path
) -> None:
    parameters = {"cameras": "[front, rear]", "sync": "approximate", "sync_timeout": 1.5}
    with running_node(tmp_path, bundle=bundle, **parameters) as node:
        order: list[str] = []
        for name in ("front", "rear"):
            node.node.create_subscription(
                PredictedTrajectoryArray,
                f"{NODE}/{name}/trajectories",
                lambda message, name=name: order.append(name),
                QoSProfile(depth=5),
            )
        assert node.change_state("configure") and node.change_state("activate"), node.log
        front, rear = camera(node, "/front/image"), camera(node, "/rear/image")
        node.settle()
        front.publish(image_message(0))
        node.spin(0.5)
        assert not order, "it waits for the other"
        rear.publish(image_message(0))
        node.wait_until(lambda: sorted(order) == ["front", "rear"], "both")
        start = time.monotonic()
        front.publish(image_message(1))
        node.wait_until(lambda: len(order) == 3, "an answer without the other")
        assert time.monotonic() - start >= 1.4
