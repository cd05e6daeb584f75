"""The node as a process of its own, driven over DDS as a user's programs would."""

from __future__ import annotations

import os
import signal
import sys
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rclpy
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter, parameter_value_to_python
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

from convlstm_perception.demo.processes import Child, free_domain, isolated_environment

NODE = "/convlstm_perception"
NODE_PROGRAM = ("-m", "convlstm_perception.ros.node")
HUMBLE_PROGRAM = ("-m", "tests.support.humble_node")
ON_HUMBLE_TOO = pytest.mark.parametrize(
    "program", [NODE_PROGRAM, HUMBLE_PROGRAM], ids=["as rclpy is", "as on Humble"]
)
PATIENCE = 20.0  # seconds
PROFILE = Path(__file__).resolve().parents[2] / "config" / "fastdds.xml"
STATES = {"unconfigured": State.PRIMARY_STATE_UNCONFIGURED}
STATES |= {"finalized": State.PRIMARY_STATE_FINALIZED}
STATES |= {"inactive": State.PRIMARY_STATE_INACTIVE, "active": State.PRIMARY_STATE_ACTIVE}
TRANSITIONS = {
    "configure": Transition.TRANSITION_CONFIGURE,
    "activate": Transition.TRANSITION_ACTIVATE,
    "deactivate": Transition.TRANSITION_DEACTIVATE,
    "cleanup": Transition.TRANSITION_CLEANUP,
    "shutdown": Transition.TRANSITION_ACTIVE_SHUTDOWN,
}


class NodeUnderTest:
    """The running node, and a ROS node of the test's own that talks to it."""

    def __init__(self, child: Child | None, context: rclpy.Context, name: str = NODE) -> None:
        self._child = child
        self.node = rclpy.create_node("test_of_the_node", context=context)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self.node)
        self._change = self.node.create_client(ChangeState, f"{name}/change_state")
        self._get = self.node.create_client(GetState, f"{name}/get_state")
        # Not rclpy's AsyncParameterClient, which Humble lacks.
        self._get_values = self.node.create_client(GetParameters, f"{name}/get_parameters")
        self._set_values = self.node.create_client(SetParameters, f"{name}/set_parameters")
        self.images = self.node.create_publisher(Image, "/image", QoSProfile(depth=5))
        self.wait_until(self._change.service_is_ready, "the node's lifecycle services")

    @property
    def log(self) -> str:
        """Everything the node's process has printed."""
        return self._child.log.read_text(errors="replace") if self._child else ""

    @property
    def child(self) -> Child:
        """The node's process, where the test has started it."""
        assert self._child
        return self._child

    def collect(self, kind: type, topic: str) -> list[Any]:
        """Subscribe; the list fills while the test waits."""
        received: list[Any] = []
        self.node.create_subscription(kind, topic, received.append, QoSProfile(depth=50))
        return received

    def wait_until(
        self, condition: Callable[[], object], what: str, patience: float = PATIENCE
    ) -> None:
        """Let messages flow until ``condition`` holds."""
        deadline = time.monotonic() + patience
        while not condition():
            if self._child:
                self._child.check_running()
            assert time.monotonic() < deadline, f"waited in vain for {what}\n{self.log}"
            self._executor.spin_once(timeout_sec=0.05)

    def spin(self, seconds: float) -> None:
        """Let messages flow for a while."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=0.02)

    def settle(self) -> None:
        """Wait until both sides surely know each other: Fast DDS repeats a lost announcement of
        a publisher or subscriber after three seconds.
        """
        self.spin(3.5)

    def change_state(self, transition: str) -> bool:
        """Ask for a transition; True when it succeeded."""
        request = ChangeState.Request(transition=Transition(id=TRANSITIONS[transition]))
        future = self._change.call_async(request)
        self.wait_until(future.done, f"the answer to {transition}")
        return bool(future.result().success)

    def state(self) -> int:
        """The node's lifecycle state."""
        future = self._get.call_async(GetState.Request())
        self.wait_until(future.done, "the lifecycle state")
        return int(future.result().current_state.id)

    def reach(self, state: str) -> None:
        """Drive a fresh node to a state."""
        for transition in {"unconfigured": [], "inactive": ["configure"]}.get(
            state, ["configure", "activate"]
        ):
            assert self.change_state(transition), self.log
        if state == "active":
            self.wait_until(
                lambda: self.images.get_subscription_count() > 0, "the node's subscription"
            )

    def set_parameter(self, name: str, value: object) -> str:
        """Set a parameter of the node; the reason of its refusal, or ""."""
        request = SetParameters.Request(
            parameters=[Parameter(name, value=value).to_parameter_msg()]
        )
        future = self._set_values.call_async(request)
        self.wait_until(future.done, f"the answer to setting {name}")
        (result,) = future.result().results
        return "" if result.successful else str(result.reason)

    def get_parameters(self, *names: str) -> list[object]:
        """Values of the node's parameters."""
        future = self._get_values.call_async(GetParameters.Request(names=list(names)))
        self.wait_until(future.done, f"the values of {', '.join(names)}")
        return [parameter_value_to_python(value) for value in future.result().values]

    def send(self, image: Image) -> None:
        """Publish one image to the node."""
        self.images.publish(image)


@contextmanager
def running_node(
    folder: Path, *, program: Sequence[str] = NODE_PROGRAM, **parameters: object
) -> Iterator[NodeUnderTest]:
    """Start the node with parameters in a ROS domain of its own; end it with the block.

    Args:
        folder: of its log.
        program: arguments of Python that run it.
        parameters: of the node.
    """
    domain = free_domain()
    command = [sys.executable, *program, "--ros-args"]
    for name, value in parameters.items():
        command += ["-p", f"{name}:={value}"]
    environment = {**os.environ, **isolated_environment(domain, PROFILE)}
    context = rclpy.Context()
    with Child("node", command, folder / "node.log", environment) as child:
        rclpy.init(
            context=context, domain_id=domain, signal_handler_options=SignalHandlerOptions.NO
        )
        try:
            yield NodeUnderTest(child, context)
        finally:
            context.try_shutdown()


def values_of(diagnostics: list[Any]) -> dict[str, str]:
    """The values of the newest diagnostics, of every camera and of the engine."""
    statuses = diagnostics[-1].status if diagnostics else []
    return {entry.key: entry.value for status in statuses for entry in status.values}


def end_by(node: NodeUnderTest, number: signal.Signals) -> int:
    """Send a signal to the node's process and return its exit code."""
    os.kill(node.child.pid, number)
    return node.child._process.wait(PATIENCE)


def image_message(step: int, height: int = 96, width: int = 160) -> Image:
    """A dark image in which a bright figure walks to the right, stamped 0.1 s a step."""
    pixels = np.full((height, width, 3), 20, np.uint8)
    left = 20 + 3 * step % (width - 40)
    pixels[30:70, left : left + 18] = 255
    message = Image(height=height, width=width, encoding="bgr8", step=3 * width)
    message.header.frame_id = "camera_optical"
    message.header.stamp.sec, tenths = divmod(1000 + step, 10)
    message.header.stamp.nanosec = tenths * 100_000_000
    message.data = array("B", pixels.tobytes())  # Humble looks at every element of bytes
    return message
