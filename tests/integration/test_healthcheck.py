"""The containers' health check, run against a real publisher."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS 2's rclpy")

from convlstm_perception_msgs.msg import CameraStatus, PerceptionStatus  # noqa: E402
from rclpy.qos import QoSProfile  # noqa: E402
from rclpy.signals import SignalHandlerOptions  # noqa: E402

from convlstm_perception.demo.processes import free_domain, isolated_environment  # noqa: E402

pytestmark = pytest.mark.ros
SCRIPT = Path(__file__).resolve().parents[2] / "docker" / "healthcheck.py"
TOPIC = "/convlstm_perception/status"


@contextmanager
def publishing(domain: int, level: int) -> Iterator[None]:
    """A node's status, five times a second."""
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain, signal_handler_options=SignalHandlerOptions.NO)
    publisher = rclpy.create_node("node", context=context).create_publisher(
        PerceptionStatus, TOPIC, QoSProfile(depth=5)
    )
    ended = threading.Event()

    def publish() -> None:
        while not ended.wait(0.2):
            publisher.publish(PerceptionStatus(level=level, message=f"level {level}"))

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        context.try_shutdown()


def check(domain: int) -> subprocess.CompletedProcess[str]:
    """Run the script in a domain."""
    return subprocess.run(
        [sys.executable, str(SCRIPT)],
        env=os.environ | isolated_environment(domain, None),
        capture_output=True,
        text=True,
    )


@pytest.fixture
def domain(monkeypatch: pytest.MonkeyPatch) -> int:
    """A ROS domain of the test's own, on this machine alone."""
    number = free_domain()
    for name, value in isolated_environment(number, None).items():
        monkeypatch.setenv(name, value)
    return number


@pytest.mark.parametrize(
    ("level", "code"),
    [
        (CameraStatus.OK, 0),
        (CameraStatus.WARN, 0),
        (CameraStatus.STALE, 0),
        (CameraStatus.ERROR, 1),
    ],
)
def test_only_an_error_is_unhealthy(domain: int, level: int, code: int) -> None:
    with publishing(domain, level):
        done = check(domain)
    assert done.returncode == code, done.stderr
    assert f"level {level}" in done.stdout


def test_a_node_that_says_nothing_is_unhealthy(domain: int) -> None:
    done = check(domain)
    assert done.returncode == 1
    assert f"no message on {TOPIC}" in done.stdout
