"""perception.launch.py brings the node to active and says why it cannot; where launch exists."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

pytest.importorskip("launch_ros", reason="launch has no PyPI wheels: needs a ROS 2 installation")
launch_pytest = pytest.importorskip(
    "launch_pytest", reason="launch_pytest has no PyPI wheels: needs a ROS 2 installation"
)

from ament_index_python.packages import (  # noqa: E402
    PackageNotFoundError,
    get_package_share_directory,
)
from launch import LaunchDescription  # noqa: E402
from launch.actions import GroupAction  # noqa: E402
from lifecycle_msgs.msg import State  # noqa: E402

from convlstm_perception.demo.processes import ChildError, free_domain  # noqa: E402
from tests.support.graphs import write_tiny_bundle  # noqa: E402
from tests.support.launched import (  # noqa: E402
    in_domain,
    launch_file,
    launched,
    watching,
)
from tests.support.node import NODE, NodeUnderTest  # noqa: E402

try:
    get_package_share_directory("convlstm_perception")
except PackageNotFoundError:
    pytest.skip("convlstm_perception is not installed: colcon build", allow_module_level=True)

ACTIVE = State.PRIMARY_STATE_ACTIVE
UNCONFIGURED = State.PRIMARY_STATE_UNCONFIGURED


@pytest.fixture(scope="module")
def domain() -> int:
    return free_domain()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


@launch_pytest.fixture
def started(domain: int, bundle: Path) -> LaunchDescription:
    return in_domain(
        domain,
        launch_file(
            "perception",
            namespace="front",
            image="/test/image",
            camera_info="/elsewhere/camera_info",
            target_frame="base_link",
            bundle=str(bundle),
            engine="onnxruntime-cpu",
            use_sim_time="true",
        ),
    )


@launch_pytest.fixture
def waiting(domain: int, bundle: Path, tmp_path: Path) -> LaunchDescription:
    file = tmp_path / "own.yaml"
    file.write_text(f"/**:\n  ros__parameters:\n    bundle: {bundle}\n    tolerance: 0.07\n")
    return in_domain(
        domain,
        launch_file("perception", namespace="front", params_file=str(file), autostart="false"),
    )


@launch_pytest.fixture
def two(domain: int, bundle: Path) -> LaunchDescription:
    """Two nodes by one description; groups keep their arguments apart."""
    left = launch_file("perception", namespace="left", image="/left/image", bundle=str(bundle))
    right = launch_file("perception", namespace="right", bundle=str(bundle))
    return in_domain(domain, GroupAction([left]), GroupAction([right]))


def reaches(node: NodeUnderTest, state: int) -> None:
    """Wait until the node is in a state."""
    node.wait_until(lambda: node.state() == state, f"state {state}")


@pytest.mark.launch(fixture=started)
def test_the_node_becomes_active_with_the_arguments_as_parameters(
    domain: int, bundle: Path
) -> None:
    with watching(domain, "/front/convlstm_perception") as node:
        reaches(node, ACTIVE)
        node.wait_until(lambda: node.node.count_subscribers("/test/image") == 1, "/test/image")
        assert node.node.count_subscribers("/elsewhere/camera_info") == 1
        values = node.get_parameters("bundle", "use_sim_time", "target_frame", "engine")
        assert values == [str(bundle), True, "base_link", "onnxruntime-cpu"]


@pytest.mark.launch(fixture=waiting)
def test_without_autostart_it_waits_and_the_parameter_file_counts(
    domain: int, bundle: Path
) -> None:
    with watching(domain, "/front/convlstm_perception") as node:
        node.spin(1.0)
        assert node.state() == UNCONFIGURED
        assert node.get_parameters("bundle", "tolerance") == [str(bundle), 0.07]


@pytest.mark.launch(fixture=two)
def test_it_can_be_included_twice(domain: int) -> None:
    for side, image in (("left", "/left/image"), ("right", "/camera/image_raw")):
        with watching(domain, f"/{side}/convlstm_perception") as node:
            reaches(node, ACTIVE)
            node.wait_until(lambda topic=image: node.node.count_subscribers(topic) == 1, image)


def test_ctrl_c_ends_it_cleanly(bundle: Path, tmp_path: Path) -> None:
    with launched(tmp_path, "perception", bundle=str(bundle)) as node:
        reaches(node, ACTIVE)
        assert node.child.stop() == 0
        assert "process has finished cleanly" in node.log


def test_a_refused_configure_is_shown_with_its_reason(tmp_path: Path) -> None:
    with launched(tmp_path, "perception", bundle=str(tmp_path / "none")) as node:
        node.wait_until(lambda: "configure failed" in node.log, "the failure")
        (line,) = re.findall(r"\[bring_up\]: .*configure failed.*", node.log)
        assert "none/model.toml: no such file" in line and "ros2 lifecycle set" in line
        node.spin(1.0)
        assert node.state() == UNCONFIGURED
        assert node.log.count("configure failed") == 1


def test_with_retry_it_comes_up_when_the_cause_is_mended(tmp_path: Path) -> None:
    bundle = tmp_path / "late"
    with launched(tmp_path, "perception", bundle=str(bundle), retry="0.5") as node:
        node.wait_until(lambda: node.log.count("trying again in 0.5 s") >= 2, "two failures")
        write_tiny_bundle(bundle)
        reaches(node, ACTIVE)


def test_with_respawn_a_killed_node_becomes_active_again(bundle: Path, tmp_path: Path) -> None:
    with launched(tmp_path, "perception", bundle=str(bundle), respawn="true") as node:
        active = f"{NODE} is active"
        node.wait_until(lambda: active in node.log, "the node")
        started = r"convlstm_perception_node-1\]: process started with pid \[(\d+)\]"
        (pid,) = re.findall(started, node.log)
        os.kill(int(pid), signal.SIGKILL)
        node.wait_until(lambda: node.log.count(active) == 2, "its return")
        assert len(re.findall(started, node.log)) == 2


def test_a_node_that_its_user_deactivates_is_left_alone(bundle: Path, tmp_path: Path) -> None:
    with launched(tmp_path, "perception", bundle=str(bundle), retry="0.5") as node:
        node.wait_until(lambda: f"{NODE} is active" in node.log, "the node")
        assert node.change_state("deactivate")
        node.spin(1.5)
        assert node.state() == State.PRIMARY_STATE_INACTIVE


def test_an_unknown_choice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ChildError), launched(tmp_path, "perception", log_level="loud"):
        pass
    assert "log_level" in (tmp_path / "launch.log").read_text()
