"""The node as its users meet it: a process, DDS, real images, real inference."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from convlstm_perception_msgs.msg import PredictedTrajectoryArray  # noqa: E402
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402
from vision_msgs.msg import Detection2DArray  # noqa: E402

from convlstm_perception.engine import EngineSettings, Environment, decide_engine  # noqa: E402
from tests.support.graphs import HORIZONS, write_tiny_bundle  # noqa: E402
from tests.support.node import (  # noqa: E402
    NODE,
    STATES,
    NodeUnderTest,
    end_by,
    image_message,
    running_node,
    values_of,
)

pytestmark = pytest.mark.ros


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


def answer(node: NodeUnderTest, received: list, message: Image) -> object:
    """Send an image and wait for the answer with its stamp."""
    node.send(message)
    stamp = message.header.stamp
    node.wait_until(lambda: any(m.header.stamp == stamp for m in received), "an answer")
    return next(m for m in received if m.header.stamp == stamp)


def test_images_become_detections_trajectories_and_diagnostics(
    bundle: Path, tmp_path: Path
) -> None:
    with running_node(tmp_path, bundle=bundle) as node:
        detections = node.collect(Detection2DArray, f"{NODE}/detections")
        trajectories = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        overlays = node.collect(Image, f"{NODE}/overlay")
        diagnostics = node.collect(DiagnosticArray, "/diagnostics")
        node.reach("active")
        node.wait_until(lambda: node.node.count_publishers(f"{NODE}/overlay") == 1, "the outputs")
        node.settle()
        for step in range(6):
            last = answer(node, trajectories, image_message(step))
        assert last.header.frame_id == "camera_optical"
        assert last.model_id == "tiny-1.0.0"
        (person,) = last.trajectories
        (mode,) = person.modes
        times = [p.time_from_start.sec + 1e-9 * p.time_from_start.nanosec for p in mode.points]
        assert times == pytest.approx(HORIZONS)
        assert mode.probability == 1.0
        covariance = np.array(mode.points[0].covariance).reshape(4, 4)
        assert (np.diag(covariance) > 0).all()
        assert np.count_nonzero(covariance - np.diag(np.diag(covariance))) == 0
        node.wait_until(lambda: len(detections) == 6 and len(overlays) == 6, "every output")
        (detection,) = detections[-1].detections
        assert detection.id == person.track_id
        assert detection.bbox == person.bbox
        assert detection.results[0].hypothesis.class_id == "pedestrian"
        assert detections[-1].header == last.header
        centre = detection.bbox.center.position
        assert centre.x == pytest.approx(20 + 15 + 9, abs=8)
        assert centre.y == pytest.approx(50, abs=8)
        assert overlays[-1].encoding == "bgr8"
        assert bytes(overlays[-1].data) != bytes(image_message(5).data)
        node.wait_until(
            lambda: diagnostics and values_of(diagnostics).get("answered") == "6", "diagnostics"
        )
        values = values_of(diagnostics)
        assert values["skipped"] == values["rejected"] == "0"
        decision = decide_engine(EngineSettings(), Environment())
        assert values["engine chosen because"] == decision.why
        assert f"on {values['engine']}; {decision.why}" in node.log
        for stage in ("receive", "convert", "encoder", "motion", "track", "publish"):
            assert float(values[f"{stage} p50 (ms)"]) >= 0 or stage == "receive"


def spoiled(number: int, **fields: object) -> Image:
    message = image_message(number)
    for name, value in fields.items():
        setattr(message, name, value)
    return message


def test_bad_images_are_rejected_with_their_reason_and_the_node_goes_on(
    bundle: Path, tmp_path: Path
) -> None:
    bad = {
        "encoding 'yuv999' is not supported": {"encoding": "yuv999"},
        "fewer than height x step": {"data": b"\0" * 100},
        "the image is 0x96 pixels": {"width": 0},
        "step 10 is less than a row": {"step": 10},
    }
    with running_node(tmp_path, bundle=bundle) as node:
        trajectories = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        diagnostics = node.collect(DiagnosticArray, "/diagnostics")
        node.reach("active")
        node.settle()
        answer(node, trajectories, image_message(0))
        for number, (reason, fields) in enumerate(bad.items(), start=1):
            node.send(spoiled(number, **fields))
            node.wait_until(
                lambda reason=reason: (
                    diagnostics and reason in values_of(diagnostics)["last error"]
                ),
                reason,
            )
        assert values_of(diagnostics)["rejected"] == "4"
        assert any(message.status[0].level == DiagnosticStatus.WARN for message in diagnostics)
        answer(node, trajectories, image_message(10))
        answer(node, trajectories, spoiled(11, encoding="rgb8"))
        # A double frame is refused too, and is no reason to stop.
        node.send(image_message(11))
        node.wait_until(
            lambda: "older than the last one" in values_of(diagnostics)["last error"], "the refusal"
        )
        answer(node, trajectories, image_message(12))


def test_the_newest_image_wins_and_skipped_ones_are_counted(bundle: Path, tmp_path: Path) -> None:
    with running_node(tmp_path, bundle=bundle) as node:
        trajectories = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        diagnostics = node.collect(DiagnosticArray, "/diagnostics")
        # Drawing large overlays takes the node longer than the images take to come.
        node.collect(Image, f"{NODE}/overlay")
        node.reach("active")
        node.settle()
        large = [image_message(step, 1080, 1920) for step in range(40)]
        for message in large:
            node.send(message)
            node.spin(0.001)
        newest = large[-1].header.stamp
        node.wait_until(
            lambda: trajectories and trajectories[-1].header.stamp == newest, "the newest answer"
        )
        node.wait_until(
            lambda: diagnostics and int(values_of(diagnostics)["answered"]) == len(trajectories),
            "diagnostics",
        )
        values = {k: int(v) for k, v in values_of(diagnostics).items() if v.isdigit()}
        assert values["skipped"] > 0
        assert values["answered"] + values["skipped"] == values["received"]
        stamps = [(m.header.stamp.sec, m.header.stamp.nanosec) for m in trajectories]
        assert stamps == sorted(stamps)


def test_deactivate_stops_the_answers_and_activate_resumes_them(
    bundle: Path, tmp_path: Path
) -> None:
    with running_node(tmp_path, bundle=bundle) as node:
        trajectories = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        node.reach("active")
        node.settle()
        answer(node, trajectories, image_message(0))
        assert node.change_state("deactivate")
        count = len(trajectories)
        node.send(image_message(1))
        node.spin(0.5)
        assert len(trajectories) == count
        assert node.change_state("cleanup")
        assert node.state() == STATES["unconfigured"]
        trajectories.clear()
        node.reach("active")
        node.settle()
        answer(node, trajectories, image_message(2))


def test_a_corrupt_bundle_refuses_configure(bundle: Path, tmp_path: Path) -> None:
    broken = write_tiny_bundle(tmp_path / "broken")
    (broken / "motion.onnx").write_bytes(b"something else")
    with running_node(tmp_path, bundle=broken) as node:
        assert not node.change_state("configure")
        assert node.state() == STATES["unconfigured"]
        assert "configure refused" in node.log
        assert "motion.onnx: sha256 is" in node.log


@pytest.mark.parametrize(
    ("name", "value"), [("tolerance", 9.0), ("threads", -3), ("engine", "abacus")]
)
def test_a_parameter_out_of_range_refuses_configure(
    bundle: Path, tmp_path: Path, name: str, value: object
) -> None:
    with running_node(tmp_path, bundle=bundle, **{name: value}) as node:
        assert not node.change_state("configure")
        assert node.state() == STATES["unconfigured"]
        assert f"parameter '{name}'" in node.log
        assert str(value) in node.log


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("state", ["unconfigured", "inactive", "active"])
def test_signals_end_the_node_in_every_state(
    bundle: Path, tmp_path: Path, state: str, number: signal.Signals
) -> None:
    with running_node(tmp_path, bundle=bundle) as node:
        node.reach(state)
        assert end_by(node, number) == 0
        assert "Traceback" not in node.log
