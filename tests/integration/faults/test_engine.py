"""Engines that fail, answer nonsense or hang."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from convlstm_perception_msgs.msg import CameraStatus, PerceptionStatus, PredictedTrajectoryArray
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from convlstm_perception.engine import EngineSettings, ModelBundle, MotionModel
from convlstm_perception.ros.conversions import (
    frame_from_message,
    trajectories_to_message,
)
from convlstm_perception.stream import CameraPipeline, PipelineSettings
from tests.support.graphs import SLOTS, write_tiny_bundle
from tests.support.load import spoil_white, streaming, white_message, write_slowed_node
from tests.support.node import NODE, STATES, NodeUnderTest, image_message, running_node
from tests.support.streams import plain

NAN_STEPS = (4, 5, 9)


def status_says(messages: list[DiagnosticArray], task: str) -> tuple[bytes, str]:
    """Level and message of a task in the newest diagnostics."""
    for status in messages[-1].status if messages else []:
        if status.name == f"{NODE}: {task}":
            return status.level, status.message
    return b"", ""


def await_status(
    node: NodeUnderTest, messages: list[DiagnosticArray], task: str, level: bytes, words: str
) -> None:
    """Wait until a task is at a level and says some words."""

    def holds() -> bool:
        told = status_says(messages, task)
        return told[0] == level and words in told[1]

    node.wait_until(holds, f"{words!r} of {task}; it says {status_says(messages, task)}")


@pytest.mark.parametrize("memory", ["window", "stateful"])
def test_nan_is_not_answered_but_counted_and_leaves_no_trace(tmp_path: Path, memory: str) -> None:
    """Not a number is not answered but told, and all that follows is as if it had never been.

    Bit for bit: compared with a pipeline that never saw those frames.
    """
    bundle = spoil_white(write_tiny_bundle(tmp_path / "poisoned"), "nan")
    model = MotionModel.load(
        ModelBundle.load(bundle), EngineSettings(engine="onnxruntime-cpu", memory=memory)
    )
    reference = CameraPipeline(model, PipelineSettings())
    parameters = {"bundle": bundle, "saturated_level": 256, "memory": memory}
    with running_node(tmp_path, **parameters) as node:
        answers = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        diagnostics = node.collect(DiagnosticArray, "/diagnostics")
        statuses = node.collect(PerceptionStatus, f"{NODE}/status")
        node.reach("active")
        node.settle()
        failed, answered = 0, 0
        for step in range(3 * SLOTS + 4):
            nan = step in NAN_STEPS
            message = white_message(step) if nan else image_message(step)
            node.send(message)
            failed, answered = failed + nan, answered + (not nan)
            if nan:
                node.wait_until(
                    lambda failed=failed: statuses and statuses[-1].cameras[0].failed == failed,
                    f"{failed} failures",
                )
                await_status(node, diagnostics, "/image", DiagnosticStatus.ERROR, "is not finite")
                assert len(answers) == answered
                continue
            node.wait_until(
                lambda answered=answered: len(answers) == answered, f"answer {answered}"
            )
            result = reference.process(frame_from_message(message))
            expected = trajectories_to_message(result, message.header, model.bundle.model_id)
            assert plain(answers[-1]) == plain(expected)
        assert sum(len(answer.trajectories) for answer in answers) > SLOTS
        node.wait_until(lambda: statuses[-1].cameras[0].answered == answered, "the counts")
        assert statuses[-1].cameras[0].received == failed + answered


def test_an_engine_error_of_one_batch_costs_that_batch_only(tmp_path: Path) -> None:
    """An error of the engine costs the frames of that batch, and no other.

    Three cameras answered together; one of them makes the engine fail, twice.
    """
    bundle = spoil_white(write_tiny_bundle(tmp_path / "faulty"), "error")
    names = ("front", "left", "right")
    parameters = {
        "bundle": bundle,
        "saturated_level": 256,
        "cameras": f"[{', '.join(names)}]",
        "sync": "approximate",
        "sync_timeout": 3.0,
    }
    with running_node(tmp_path, **parameters) as node:
        answers = {
            name: node.collect(PredictedTrajectoryArray, f"{NODE}/{name}/trajectories")
            for name in names
        }
        diagnostics = node.collect(DiagnosticArray, "/diagnostics")
        statuses = node.collect(PerceptionStatus, f"{NODE}/status")
        assert node.change_state("configure") and node.change_state("activate"), node.log
        cameras = {
            name: node.node.create_publisher(Image, f"/{name}/image", QoSProfile(depth=5))
            for name in names
        }
        for camera in cameras.values():
            node.wait_until(lambda camera=camera: camera.get_subscription_count(), "a subscription")
        node.settle()
        answered = failed = 0
        for step in range(4 + SLOTS):
            fails = step in (1, 2)
            for name, camera in cameras.items():
                white = fails and name == "left"
                camera.publish(white_message(step) if white else image_message(step))
            answered, failed = answered + (not fails), failed + fails
            node.wait_until(
                lambda answered=answered, failed=failed: (
                    statuses
                    and [(c.answered, c.failed) for c in statuses[-1].cameras]
                    == [(answered, failed)] * 3
                ),
                f"{answered} answered and {failed} failed of each",
            )
            assert [len(got) for got in answers.values()] == [answered] * 3
            if fails:
                for name in names:
                    await_status(
                        node, diagnostics, f"camera {name}", DiagnosticStatus.ERROR, "frames fail"
                    )
        for got in answers.values():
            assert got[-1].header.stamp == image_message(3 + SLOTS).header.stamp
            assert got[-1].status == PredictedTrajectoryArray.OK, "the window is whole again"


def test_an_engine_that_hangs_is_told_and_the_node_goes_on_when_it_returns(
    tmp_path: Path,
) -> None:
    """An engine that hangs is called stuck after 5 s; services answer, and nothing queues up."""
    bundle = write_tiny_bundle(tmp_path / "tiny")
    program = write_slowed_node(tmp_path, hang=6.0)
    with running_node(tmp_path, program=program, bundle=bundle) as node:
        answers = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        diagnostics = node.collect(DiagnosticArray, "/diagnostics")
        statuses = node.collect(PerceptionStatus, f"{NODE}/status")
        node.reach("active")
        node.settle()
        with streaming([node.images], 20.0):
            node.wait_until(lambda: len(answers) > 10, "answers")
            (tmp_path / "hang").touch()
            await_status(
                node, diagnostics, "engine", DiagnosticStatus.ERROR, "inference is stuck: a frame"
            )
            held = len(answers)
            node.wait_until(
                lambda: statuses[-1].level == CameraStatus.ERROR, "the status for machines"
            )
            # The executor is not held up by it: services are answered.
            assert node.state() == STATES["active"]
            assert node.set_parameter("max_coast", 0.5) == ""
            assert node.set_parameter("threads", 7) != ""
            node.wait_until(lambda: len(answers) > held + 10, "answers again")
            await_status(node, diagnostics, "engine", DiagnosticStatus.OK, "active")
        # Nothing was kept for later: at most the frame in work was sent before the engine came
        # back; all others are new.
        stamps = np.array([m.header.stamp.sec + 1e-9 * m.header.stamp.nanosec for m in answers])
        after = stamps[np.diff(stamps).argmax() :]
        assert np.diff(stamps).max() > 5.0 and len(after) > 10
        assert node.change_state("deactivate") and node.change_state("cleanup")
        assert "Traceback" not in node.log


def test_an_error_that_nobody_foresaw_does_not_end_the_inference_thread(tmp_path: Path) -> None:
    """An error that nobody foresaw is told as a failed frame, and the next one is answered."""
    bundle = write_tiny_bundle(tmp_path / "tiny")
    program, file = tmp_path / "surprised_node.py", tmp_path / "surprise"
    program.write_text(
        "import os, sys\n"
        "from convlstm_perception.ros.node import main\n"
        "from convlstm_perception.stream import CameraRig\n"
        "answer = CameraRig.process\n"
        "def process(self, frames):\n"
        f"    if os.path.exists({str(file)!r}):\n"
        f"        os.remove({str(file)!r})\n"
        "        raise KeyError('nobody foresaw this')\n"
        "    return answer(self, frames)\n"
        "CameraRig.process = process\n"
        "sys.exit(main())\n"
    )
    with running_node(tmp_path, program=[str(program)], bundle=bundle) as node:
        answers = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        diagnostics = node.collect(DiagnosticArray, "/diagnostics")
        node.reach("active")
        node.settle()
        node.send(image_message(0))
        node.wait_until(lambda: len(answers) == 1, "the first answer")
        file.touch()
        node.send(image_message(1))
        await_status(node, diagnostics, "/image", DiagnosticStatus.ERROR, "nobody foresaw this")
        node.send(image_message(2))
        node.wait_until(lambda: len(answers) == 2, "the answer after it")
        assert answers[-1].header == image_message(2).header
        assert node.state() == STATES["active"]
