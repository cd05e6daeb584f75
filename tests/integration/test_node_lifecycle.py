"""The node's lifecycle: what it refuses, how it recovers, how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import State, TransitionEvent
from lifecycle_msgs.srv import ChangeState
from vision_msgs.msg import Detection2DArray

from tests.support.graphs import write_tiny_bundle
from tests.support.node import (
    NODE,
    ON_HUMBLE_TOO,
    STATES,
    TRANSITIONS,
    NodeUnderTest,
    end_by,
    image_message,
    running_node,
)

pytestmark = pytest.mark.ros

SIGNALS = [signal.SIGINT, signal.SIGTERM]
PROMPTLY = 5.0  # seconds


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


@ON_HUMBLE_TOO
def test_a_node_that_refused_configures_once_the_cause_is_mended(
    bundle: Path, tmp_path: Path, program: tuple[str, ...]
) -> None:
    with running_node(tmp_path, program=program, bundle=bundle, tolerance=9.0, threads=-3) as node:
        diagnostics = node.collect(DiagnosticArray, "/diagnostics")
        assert not node.change_state("activate"), "it is not configured yet"
        assert "transition 3" in node.log  # refused by us or, from Kilted on, by rclpy
        assert not node.change_state("configure")
        for wrong in ("parameter 'tolerance'", "9.0", "parameter 'threads'", "-3", "[0.001, 0.5]"):
            assert wrong in node.log
        assert "tolerance" in node.set_parameter("tolerance", 8.0)
        assert node.set_parameter("tolerance", 0.05) == ""
        assert not node.change_state("configure"), "threads is still wrong"
        assert node.set_parameter("threads", 1) == ""
        assert "not one of auto" in node.set_parameter("engine", "abacus")
        # A path that no file system takes: an error that nobody foresaw.
        assert node.set_parameter("bundle", "x" * 5000) == ""
        assert not node.change_state("configure")
        assert node.state() == STATES["unconfigured"]
        node.wait_until(
            lambda: diagnostics and "name too long" in diagnostics[-1].status[0].message,
            "the problem in the diagnostics",
        )
        assert diagnostics[-1].status[0].level == DiagnosticStatus.ERROR
        assert node.set_parameter("bundle", str(bundle)) == ""
        assert node.change_state("configure"), node.log
        assert "deactivate and clean up" in node.set_parameter("tolerance", 0.1)
        assert node.change_state("cleanup")
        assert node.set_parameter("tolerance", 0.1) == ""


def test_a_device_that_fails_leads_by_the_error_state_to_unconfigured(
    bundle: Path, tmp_path: Path
) -> None:
    """The device is the host, which fails as long as a file is there."""
    lost = tmp_path / "lost"
    program = tmp_path / "node_on_a_weak_device.py"
    program.write_text(
        "import os, sys\n"
        "from convlstm_perception.engine.host_runtime import HostRuntime\n"
        "from convlstm_perception.errors import DeviceError\n"
        "from convlstm_perception.ros.node import main\n"
        "answer = HostRuntime.run\n"
        "def run(self, steps):\n"
        f"    if os.path.exists({str(lost)!r}):\n"
        "        raise DeviceError('the device fell off the bus')\n"
        "    return answer(self, steps)\n"
        "HostRuntime.run = run\n"
        "sys.exit(main())\n"
    )
    with running_node(tmp_path, program=[str(program)], bundle=bundle) as node:
        diagnostics = node.collect(DiagnosticArray, "/diagnostics")
        events = node.collect(TransitionEvent, f"{NODE}/transition_event")
        answers = node.collect(Detection2DArray, f"{NODE}/detections")
        node.reach("active")
        node.settle()
        node.send(image_message(0))
        node.wait_until(lambda: answers, "the first answer")
        lost.touch()
        node.send(image_message(1))
        node.wait_until(lambda: node.state() == STATES["unconfigured"], "the end of the error")
        passed = [event.goal_state.id for event in events]
        assert State.TRANSITION_STATE_ERRORPROCESSING in passed
        node.wait_until(
            lambda: "fell off the bus" in diagnostics[-1].status[0].message,
            "the failure in the diagnostics",
        )
        assert diagnostics[-1].status[0].level == DiagnosticStatus.ERROR
        assert len(answers) == 1

        assert not node.change_state("configure"), "warming up fails as well"
        lost.unlink()
        node.reach("active")
        node.settle()
        node.send(image_message(2))
        node.wait_until(lambda: len(answers) == 2, "an answer after configuring anew")
        assert "Traceback" not in node.log


@pytest.mark.parametrize("number", SIGNALS)
def test_signals_end_a_node_that_was_shut_down(
    bundle: Path, tmp_path: Path, number: signal.Signals
) -> None:
    with running_node(tmp_path, bundle=bundle) as node:
        node.reach("active")
        assert node.change_state("shutdown")
        assert node.state() == STATES["finalized"]
        assert end_by(node, number) == 0
        assert "Traceback" not in node.log


def begin(node: NodeUnderTest, transition: str) -> int:
    """Ask for a transition and wait until it has begun, not until it has ended; its state."""
    events = node.collect(TransitionEvent, f"{NODE}/transition_event")
    node.wait_until(
        lambda: node.node.count_publishers(f"{NODE}/transition_event") == 1, "discovery"
    )
    node.spin(0.3)
    client = node.node.create_client(ChangeState, f"{NODE}/change_state")
    node.wait_until(client.service_is_ready, "the service")
    request = ChangeState.Request()
    request.transition.id = TRANSITIONS[transition]
    client.call_async(request)
    node.wait_until(lambda: events, "the transition to begin")
    return int(events[0].goal_state.id)


def end_another_thread_by(node: NodeUnderTest, number: signal.Signals) -> int:
    """Let a thread other than the main one take the signal; return the process's exit code.

    Linux hands a signal to the thread whose id kill() was given if it does not block it. Without
    this a thread that is starting others takes it in one of ten runs or so.
    """
    process = node.child._process
    for status in sorted(Path(f"/proc/{process.pid}/task").glob("*/status")):
        thread = int(status.parent.name)
        blocked = next(line for line in status.read_text().splitlines() if "SigBlk" in line)
        if thread != process.pid and not int(blocked.split()[1], 16) >> (number - 1) & 1:
            os.kill(thread, number)
            return process.wait(PROMPTLY)
    raise AssertionError("all other threads block the signal")


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGINT, None),
        (signal.SIGTERM, 0.0),
        (signal.SIGTERM, 0.02),
        (signal.SIGTERM, 0.05),
    ],
)
def test_signals_end_a_node_that_is_loading_its_model(
    tmp_path: Path, number: signal.Signals, moment: float | None
) -> None:
    # The shipped bundle: loading it takes long enough to be interrupted.
    with running_node(tmp_path) as node:
        assert begin(node, "configure") == State.TRANSITION_STATE_CONFIGURING
        if moment is None:
            assert "] [convlstm_perception]: model" not in node.log
            assert end_by(node, number) == 0
        else:
            time.sleep(moment)
            assert end_another_thread_by(node, number) == 0
        assert "Traceback" not in node.log


@pytest.mark.parametrize("state", ["unconfigured", "inactive", "cleaning up", "active"])
def test_signal_ends_the_node_whichever_thread_takes_it(
    bundle: Path, tmp_path: Path, state: str
) -> None:
    with running_node(tmp_path, bundle=bundle) as node:
        if state == "cleaning up":
            node.reach("inactive")
            assert begin(node, "cleanup") == State.TRANSITION_STATE_CLEANINGUP
        else:
            node.reach(state)
        assert end_another_thread_by(node, signal.SIGTERM) == 0
        assert "Traceback" not in node.log


@pytest.mark.parametrize("broken", ["a: [\n", None])
def test_unreadable_parameter_file_ends_with_the_reason(tmp_path: Path, broken: str | None) -> None:
    file = tmp_path / "broken.yaml"
    if broken is not None:
        file.write_text(broken)
    command = [sys.executable, "-m", "convlstm_perception.ros.node", "--ros-args"]
    result = subprocess.run(
        [*command, "--params-file", str(file)], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 2
    assert str(file) in result.stderr
    assert "--ros-args" in result.stderr
    assert "Traceback" not in result.stderr
