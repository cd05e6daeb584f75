"""perception.launch.py starts the node and brings it to active; runs where launch exists."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

pytest.importorskip("launch_ros", reason="launch has no PyPI wheels: needs a ROS 2 installation")
launch_pytest = pytest.importorskip(
    "launch_pytest", reason="launch_pytest has no PyPI wheels: needs a ROS 2 installation"
)

import rclpy  # noqa: E402
from launch import LaunchDescription  # noqa: E402
from launch.actions import IncludeLaunchDescription  # noqa: E402
from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402
from lifecycle_msgs.msg import State  # noqa: E402
from lifecycle_msgs.srv import GetState  # noqa: E402

LAUNCH_FILE = Path(__file__).resolve().parents[2] / "launch" / "perception.launch.py"


@launch_pytest.fixture
def perception() -> LaunchDescription:
    arguments = {"namespace": "front", "image": "/test/image"}
    return LaunchDescription(
        [
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(str(LAUNCH_FILE)),
                launch_arguments=arguments.items(),
            ),
            launch_pytest.actions.ReadyToTest(),
        ]
    )


@pytest.mark.launch(fixture=perception)
def test_the_node_becomes_active_and_listens_to_the_camera() -> None:
    rclpy.init()
    try:
        node = rclpy.create_node("launch_test")
        client = node.create_client(GetState, "/front/convlstm_perception/get_state")
        assert client.wait_for_service(timeout_sec=30)
        deadline, state = time.monotonic() + 30, None
        while state != State.PRIMARY_STATE_ACTIVE and time.monotonic() < deadline:
            future = client.call_async(GetState.Request())
            rclpy.spin_until_future_complete(node, future, timeout_sec=5)
            state = future.result().current_state.id if future.done() else None
            time.sleep(0.2)
        assert state == State.PRIMARY_STATE_ACTIVE
        assert node.count_subscribers("/test/image") == 1
    finally:
        rclpy.try_shutdown()
