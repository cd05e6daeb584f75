"""perception.launch.py starts the node and brings it to active; runs where launch exists."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("launch_ros", reason="launch has no PyPI wheels: needs a ROS 2 installation")
launch_pytest = pytest.importorskip(
    "launch_pytest", reason="launch_pytest has no PyPI wheels: needs a ROS 2 installation"
)

import rclpy  # noqa: E402
from ament_index_python.packages import (  # noqa: E402
    PackageNotFoundError,
    get_package_share_directory,
)
from launch import LaunchDescription  # noqa: E402
from launch.actions import IncludeLaunchDescription, SetEnvironmentVariable  # noqa: E402
from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402
from lifecycle_msgs.msg import State  # noqa: E402
from lifecycle_msgs.srv import GetState  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.node import Node  # noqa: E402
from rclpy.parameter_client import AsyncParameterClient  # noqa: E402
from rclpy.signals import SignalHandlerOptions  # noqa: E402
from rclpy.task import Future  # noqa: E402

from convlstm_perception.demo.processes import free_domain  # noqa: E402
from tests.support.graphs import write_tiny_bundle  # noqa: E402

try:
    SHARE = Path(get_package_share_directory("convlstm_perception"))
except PackageNotFoundError:
    pytest.skip("convlstm_perception is not installed: colcon build", allow_module_level=True)

NODE = "/front/convlstm_perception"
PATIENCE = 30.0  # seconds


class Watcher:
    """A ROS node that looks at the launched one."""

    def __init__(self, domain: int) -> None:
        self._context = rclpy.Context()
        rclpy.init(
            context=self._context,
            domain_id=domain,
            signal_handler_options=SignalHandlerOptions.NO,
        )
        self.node = Node("watcher", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._state = self.node.create_client(GetState, f"{NODE}/get_state")
        assert self._state.wait_for_service(timeout_sec=PATIENCE)

    def result_of(self, future: Future) -> object:
        """Wait for a service's answer."""
        self._executor.spin_until_future_complete(future, timeout_sec=PATIENCE)
        assert future.done()
        return future.result()

    def state(self) -> int:
        """The lifecycle state of the launched node."""
        return self.result_of(self._state.call_async(GetState.Request())).current_state.id

    def reaches(self, state: int) -> bool:
        """Wait until the launched node is in a state."""
        deadline = time.monotonic() + PATIENCE
        while self.state() != state and time.monotonic() < deadline:
            time.sleep(0.1)
        return self.state() == state

    def parameters(self, *names: str) -> list[object]:
        """Parameters of the launched node."""
        client = AsyncParameterClient(self.node, NODE)
        values = self.result_of(client.get_parameters(list(names))).values
        return [rclpy.parameter.parameter_value_to_python(value) for value in values]

    def close(self) -> None:
        """Leave the domain."""
        self._executor.shutdown()
        self.node.destroy_node()
        self._context.try_shutdown()


@pytest.fixture(scope="module")
def domain() -> int:
    return free_domain()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


@pytest.fixture
def watcher(domain: int) -> Iterator[Watcher]:
    made = Watcher(domain)
    yield made
    made.close()


def launched(domain: int, **arguments: str) -> LaunchDescription:
    """The launch file with arguments, in a ROS domain of its own."""
    return LaunchDescription(
        [
            SetEnvironmentVariable("ROS_DOMAIN_ID", str(domain)),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(str(SHARE / "launch" / "perception.launch.py")),
                launch_arguments={"namespace": "front", **arguments}.items(),
            ),
            launch_pytest.actions.ReadyToTest(),
        ]
    )


@launch_pytest.fixture
def started(domain: int, bundle: Path) -> LaunchDescription:
    return launched(domain, image="/test/image", bundle=str(bundle), use_sim_time="true")


@launch_pytest.fixture
def waiting(domain: int, bundle: Path, tmp_path: Path) -> LaunchDescription:
    file = tmp_path / "own.yaml"
    file.write_text(f"/**:\n  ros__parameters:\n    bundle: {bundle}\n    tolerance: 0.07\n")
    return launched(domain, params_file=str(file), autostart="false")


@pytest.mark.launch(fixture=started)
def test_the_node_becomes_active_and_listens_to_the_camera(watcher: Watcher, bundle: Path) -> None:
    assert watcher.reaches(State.PRIMARY_STATE_ACTIVE)
    assert watcher.node.count_subscribers("/test/image") == 1
    assert watcher.parameters("bundle", "use_sim_time") == [str(bundle), True]


@pytest.mark.launch(fixture=waiting)
def test_without_autostart_it_waits_and_the_parameter_file_counts(
    watcher: Watcher, bundle: Path
) -> None:
    time.sleep(1.0)
    assert watcher.state() == State.PRIMARY_STATE_UNCONFIGURED
    assert watcher.parameters("bundle", "tolerance") == [str(bundle), 0.07]
