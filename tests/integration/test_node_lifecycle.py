"""The node's lifecycle: what it refuses, how it recovers, how it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import State, TransitionEvent
from lifecycle_msgs.srv import ChangeState

from tests.support.graphs import write_tiny_bundle
from tests.support.node import NODE, STATES, TRANSITIONS, end_by, running_node

pytestmark = pytest.mark.ros

SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


def test_a_node_that_refused_configures_once_the_cause_is_mended(
    bundle: Path, tmp_path: Path
) -> None:
    with running_node(tmp_path, bundle=bundle, tolerance=9.0, threads=-3) as node:
        diagnostics = node.collect(DiagnosticArray, "/diagnostics")
        assert not node.change_state("activate"), "it is not configured yet"
        assert "transition 3 refused" in node.log
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


@pytest.mark.parametrize("number", SIGNALS)
def test_signals_end_a_node_that_is_loading_its_model(
    tmp_path: Path, number: signal.Signals
) -> None:
    # The shipped bundle: loading it takes long enough to be interrupted.
    with running_node(tmp_path) as node:
        events = node.collect(TransitionEvent, f"{NODE}/transition_event")
        node.wait_until(
            lambda: node.node.count_publishers(f"{NODE}/transition_event") == 1, "discovery"
        )
        node.spin(0.3)
        client = node.node.create_client(ChangeState, f"{NODE}/change_state")
        node.wait_until(client.service_is_ready, "the service")
        request = ChangeState.Request()
        request.transition.id = TRANSITIONS["configure"]
        client.call_async(request)
        node.wait_until(lambda: events, "the transition to begin")
        assert events[0].goal_state.id == State.TRANSITION_STATE_CONFIGURING
        assert "] [convlstm_perception]: model" not in node.log
        assert end_by(node, number) == 0
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
