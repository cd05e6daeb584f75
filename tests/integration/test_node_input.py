"""What the node does with cameras that do not suit it, and with inference that fails."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from convlstm_perception.engine import write_manifest
from convlstm_perception.toml import tomllib

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from convlstm_perception_msgs.msg import PredictedTrajectoryArray
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from tests.support.graphs import write_tiny_bundle
from tests.support.node import (
    NODE,
    ON_HUMBLE_TOO,
    NodeUnderTest,
    image_message,
    running_node,
)

pytestmark = pytest.mark.ros


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


class Health:
    """The newest diagnostics of the node."""

    def __init__(self, node: NodeUnderTest) -> None:
        self._node = node
        self._messages = node.collect(DiagnosticArray, "/diagnostics")

    @property
    def status(self) -> DiagnosticStatus:
        """The newest status."""
        return self._messages[-1].status[0] if self._messages else DiagnosticStatus()

    @property
    def values(self) -> dict[str, str]:
        """Its values."""
        return {entry.key: entry.value for entry in self.status.values}

    def await_words(self, words: str, level: bytes) -> None:
        """Wait until the status says ``words`` at ``level``."""
        self._node.wait_until(
            lambda: words in self.status.message and self.status.level == level,
            f"{words!r} in the diagnostics; they say {self.status.message!r}",
        )


def test_compressed_images_are_answered_and_a_broken_one_survived(
    bundle: Path, tmp_path: Path
) -> None:
    with running_node(tmp_path, bundle=bundle, transport="compressed") as node:
        camera = node.node.create_publisher(CompressedImage, "/image/compressed", 5)
        answers = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        health = Health(node)
        assert node.change_state("configure") and node.change_state("activate")
        node.wait_until(lambda: camera.get_subscription_count() == 1, "the subscription")
        node.settle()
        for step in range(3):
            raw = image_message(step)
            pixels = np.frombuffer(raw.data, np.uint8).reshape(raw.height, raw.width, 3)
            data = cv2.imencode(".jpg", pixels)[1].tobytes()
            if step == 1:
                data = b"not a JPEG at all"
            camera.publish(CompressedImage(header=raw.header, format="jpeg", data=data))
            expected = (step + 2) // 2
            node.wait_until(
                lambda step=step, expected=expected: (
                    len(answers) == expected
                    and health.values.get("rejected") == str(int(step >= 1))
                ),
                f"frame {step}",
            )
            assert answers[-1].header == raw.header or step == 1
        health.await_words("cannot be decoded; JPEG and PNG can", DiagnosticStatus.WARN)
        assert "overlay p50 (ms)" not in health.values, "drawn though nobody looks"


@ON_HUMBLE_TOO
def test_a_camera_with_another_qos_is_told_with_the_mend(
    bundle: Path, tmp_path: Path, program: tuple[str, ...]
) -> None:
    with running_node(
        tmp_path, program=program, bundle=bundle, image_reliability="reliable"
    ) as node:
        node.node.destroy_publisher(node.images)
        best_effort = QoSProfile(depth=1, reliability=QoSReliabilityPolicy.BEST_EFFORT)
        camera = node.node.create_publisher(Image, "/image", best_effort)
        health = Health(node)
        assert node.change_state("configure") and node.change_state("activate")
        health.await_words("image_reliability to best_effort", DiagnosticStatus.ERROR)
        for step in range(3):
            camera.publish(image_message(step))
            node.spin(0.2)
        assert node.log.count("set the parameter image_reliability to best_effort") == 1
        assert health.values["received"] == health.values["matched publishers"] == "0"


@ON_HUMBLE_TOO
def test_a_camera_that_is_missing_or_silent_or_of_another_type_is_told(
    bundle: Path, tmp_path: Path, program: tuple[str, ...]
) -> None:
    with running_node(tmp_path, program=program, bundle=bundle, image_timeout=0.5) as node:
        health = Health(node)
        node.reach("active")
        health.await_words("/image sends nothing", DiagnosticStatus.STALE)
        node.settle()
        node.send(image_message(0))
        node.wait_until(lambda: health.values.get("received") == "1", "the image")
        assert health.values["matched publishers"] == "1"
        health.await_words("no image for", DiagnosticStatus.STALE)
        node.node.destroy_publisher(node.images)
        health.await_words("no publisher on /image; start the camera", DiagnosticStatus.STALE)
        node.node.create_publisher(CompressedImage, "/image", 5)
        health.await_words(
            "carries sensor_msgs/msg/CompressedImage, not sensor_msgs/msg/Image",
            DiagnosticStatus.STALE,
        )


def fail_on_white(bundle: Path) -> None:
    """Change a tiny bundle's motion graph so that a white image makes it fail."""
    model = onnx.load(str(bundle / "motion.onnx"))
    graph = model.graph
    (boxes,) = (node for node in graph.node if "boxes" in node.output)
    boxes.output[0] = "boxes_before"
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name == "boxes":
                node.input[place] = "boxes_before"
    for name, value in {"everywhere": [0, 1, 2, 3], "only": [0.0]}.items():
        kind = np.int64 if name == "everywhere" else np.float32
        graph.initializer.append(numpy_helper.from_array(np.array(value, kind), name))
    graph.node.extend(
        [
            helper.make_node("ReduceMean", ["skip", "everywhere"], ["light"], keepdims=0),
            # 1 for a white image, else 0; the table has no place 1.
            helper.make_node("Cast", ["light"], ["index"], to=TensorProto.INT64),
            helper.make_node("Gather", ["only", "index"], ["nought"]),
            helper.make_node("Add", ["boxes_before", "nought"], ["boxes"]),
        ]
    )
    onnx.save(model, str(bundle / "motion.onnx"))
    manifest = tomllib.loads((bundle / "model.toml").read_text())
    del manifest["format"], manifest["files"]
    write_manifest(bundle, manifest)


def test_inference_that_fails_is_counted_and_the_next_frame_answered(tmp_path: Path) -> None:
    faulty = write_tiny_bundle(tmp_path / "faulty")
    fail_on_white(faulty)
    with running_node(tmp_path, bundle=faulty, saturated_level=256) as node:
        answers = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        health = Health(node)
        node.reach("active")
        node.settle()
        white = image_message(1)
        white.data = b"\xff" * len(white.data)
        steps = [(image_message(0), 1, 0), (white, 1, 1), (image_message(2), 2, 1)]
        for message, answered, failed in steps:
            node.send(message)
            node.wait_until(
                lambda answered=answered, failed=failed: (
                    len(answers) == answered and health.values.get("failed") == str(failed)
                ),
                f"{answered} answers and {failed} failures",
            )
        assert answers[-1].header == image_message(2).header
        health.await_words("frames fail", DiagnosticStatus.ERROR)
        assert "frame not answered" in node.log


def shifting_calibration(shift: float, width: int = 160, height: int = 96) -> CameraInfo:
    """Of an ideal camera whose rectified image is its image, moved to the right."""
    info = CameraInfo(width=width, height=height, distortion_model="plumb_bob", d=[0.0] * 5)
    info.k = [100.0, 0.0, width / 2, 0.0, 100.0, height / 2, 0.0, 0.0, 1.0]
    info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    info.p = [100.0, 0.0, width / 2 + shift, 0.0, 0.0, 100.0, height / 2, 0.0, 0.0, 0.0, 1.0, 0.0]
    return info


def test_images_are_rectified_once_their_calibration_has_come(bundle: Path, tmp_path: Path) -> None:
    with running_node(tmp_path, bundle=bundle, rectify=True) as node:
        answers = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        health = Health(node)
        node.reach("active")
        infos = node.node.create_publisher(CameraInfo, "/camera_info", 1)
        node.wait_until(lambda: infos.get_subscription_count() == 1, "the subscription")
        node.settle()
        node.send(image_message(0))
        health.await_words("no calibration has come on /camera_info", DiagnosticStatus.WARN)
        places = {}
        for shift, steps in ((0.0, (1, 2, 3)), (32.0, (11, 12, 13))):
            infos.publish(shifting_calibration(shift))
            node.spin(0.3)
            for step in steps:
                node.send(image_message(step))
                stamp = image_message(step).header.stamp
                node.wait_until(
                    lambda stamp=stamp: answers and answers[-1].header.stamp == stamp, "an answer"
                )
            (person,) = answers[-1].trajectories
            places[shift] = person.bbox.center.position.x - 3 * steps[-1]
        assert places[32.0] - places[0.0] == pytest.approx(32.0, abs=8.0)  # a cell of the grid
        node.send(image_message(14, height=120, width=200))
        health.await_words("the calibration is for 160x96", DiagnosticStatus.WARN)


def test_a_calibration_file_that_cannot_be_read_refuses_configure(
    bundle: Path, tmp_path: Path
) -> None:
    with running_node(tmp_path, bundle=bundle, rectify=True, calibration="/gone.yaml") as node:
        assert not node.change_state("configure")
        assert "/gone.yaml: the calibration cannot be read" in node.log
        assert "Traceback" not in node.log
