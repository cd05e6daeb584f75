"""Drives the node's lifecycle to active from launch, and tells why where it cannot."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from typing import Any

from launch import Action, LaunchContext
from launch.actions import OpaqueFunction, RegisterEventHandler
from launch.event_handlers import OnProcessIO, OnProcessStart
from launch.events.process import ProcessIO
from launch.logging import get_logger
from launch_ros.actions import LifecycleNode
from launch_ros.event_handlers import OnStateTransition
from launch_ros.ros_adapters import get_ros_node
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState

_LOOK = 0.1  # seconds between looks at the node's state until it is active
_ANSWER = 2.0  # seconds to wait for it; the services of a killed process remain known for a while
_REASON = re.compile(r"(?:configure refused|on_\w+ failed|the device has failed): (.+)")


class BringUp(Action):
    """Configures and activates a node whenever its process starts.

    launch_ros's own ``autostart`` and its ChangeState event act once: a process that is
    respawned would stay unconfigured, and a request that goes to the services of a process
    just killed, which DDS still knows, is never answered. So this one looks at the state
    until the node is active, asks again where no answer comes, and begins anew when the
    process does, or when an error has taken the node back to unconfigured. A node that its
    user deactivates is left alone.

    To be executed before the node.

    Args:
        node: to bring up.
        retry: seconds after which a failed transition is tried again; 0 does not.
    """

    def __init__(self, node: LifecycleNode, retry: float) -> None:
        super().__init__()
        self._node, self._retry = node, retry
        self._logger = get_logger("bring_up")
        self._change: Any = None
        self._get: Any = None
        self._pending: Any = None
        self._wanted = False
        self._asked = self._next_try = 0.0
        self._reason = ""

    def execute(self, context: LaunchContext) -> list[Action]:
        """Follow the node's process, its output and its errors."""
        begin = OpaqueFunction(function=self._begin)
        return [
            RegisterEventHandler(OnProcessStart(target_action=self._node, on_start=[begin])),
            RegisterEventHandler(
                OnProcessIO(target_action=self._node, on_stderr=self._remember_reason)
            ),
            RegisterEventHandler(
                OnStateTransition(
                    target_lifecycle_node=self._node,
                    start_state="errorprocessing",
                    goal_state="unconfigured",
                    entities=[OpaqueFunction(function=self._begin_again)],
                )
            ),
        ]

    def _begin(self, context: LaunchContext) -> None:
        if self._change is None:
            ros, name = get_ros_node(context), self._node.node_name
            self._change = ros.create_client(ChangeState, f"{name}/change_state")
            self._get = ros.create_client(GetState, f"{name}/get_state")
            ros.create_timer(_LOOK, lambda: self._look(context))
        self._pending, self._reason, self._next_try = None, "", 0.0
        self._wanted = True

    def _begin_again(self, context: LaunchContext) -> None:
        """After an error while it was active; one in a transition is told by the response."""
        if not self._wanted and self._retry:
            self._fail("answering")

    def _remember_reason(self, event: ProcessIO) -> None:
        found = _REASON.findall(event.text.decode(errors="replace"))
        self._reason = found[-1] if found else self._reason

    def _look(self, context: LaunchContext) -> None:
        """Ask for the state; called in the thread of launch's ROS node, as all below."""
        now = time.monotonic()
        if not self._wanted or context.is_shutdown or now < self._next_try:
            return
        waiting = self._pending is not None and now < self._asked + _ANSWER
        if waiting or not self._get.service_is_ready():
            return
        self._ask(self._get, GetState.Request(), self._on_state)

    def _ask(self, client: Any, request: Any, answer: Callable[[Any], None]) -> None:
        def done(future: Any) -> None:
            if future is self._pending:  # else it has been given up, or the process has ended
                self._pending = None
                answer(future.result())

        self._asked = time.monotonic()
        self._pending = client.call_async(request)
        self._pending.add_done_callback(done)

    def _on_state(self, response: GetState.Response) -> None:
        state = response.current_state.id
        if state == State.PRIMARY_STATE_UNCONFIGURED:
            self._ask_for(Transition.TRANSITION_CONFIGURE, "configure")
        elif state == State.PRIMARY_STATE_INACTIVE:
            self._ask_for(Transition.TRANSITION_ACTIVATE, "activate")
        elif state == State.PRIMARY_STATE_ACTIVE:
            self._wanted = False
            self._logger.info(f"{self._node.node_name} is active")

    def _ask_for(self, transition: int, name: str) -> None:
        def answer(response: ChangeState.Response) -> None:
            if not response.success:
                self._fail(name)

        request = ChangeState.Request()
        request.transition.id = transition
        self._ask(self._change, request, answer)
        # Building an engine takes minutes; meanwhile the state cannot be asked for.
        self._asked = math.inf

    def _fail(self, what: str) -> None:
        self._wanted = bool(self._retry)
        self._next_try = time.monotonic() + self._retry
        then = (
            f"trying again in {self._retry:g} s"
            if self._retry
            else "the node stays as it is; mend the cause and start it again, or configure it by "
            f"'ros2 lifecycle set {self._node.node_name} configure'"
        )
        reason = self._reason or "its log tells why"
        self._logger.error(f"{self._node.node_name}: {what} failed: {reason}; {then}")
