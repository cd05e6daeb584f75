"""Drives the node's lifecycle to active from launch, and tells why where it cannot."""

from __future__ import annotations

import re
import time
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
_ANSWER = 0.3  # seconds to wait for it; the first answers are often lost while DDS connects
_LOST = 1.0  # seconds after which the answer to a transition is no longer on its way
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
        self._asked: Any = None
        self._changing: Any = None
        self._changing_from, self._changing_to = 0, ""
        self._asked_at = self._changed_at = self._next_try = 0.0
        self._wanted = False
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
        self._asked = self._changing = None
        self._next_try = 0.0
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
        if (self._asked and now < self._asked_at + _ANSWER) or not self._get.service_is_ready():
            return
        if self._asked:
            self._get.remove_pending_request(self._asked)
        self._asked, self._asked_at = self._get.call_async(GetState.Request()), now
        self._asked.add_done_callback(self._on_state)

    def _on_state(self, future: Any) -> None:
        if future is not self._asked:
            return
        self._asked, state = None, future.result().current_state.id
        if state == State.PRIMARY_STATE_ACTIVE:
            self._wanted, self._changing = False, None
            self._logger.info(f"{self._node.node_name} is active")
        elif self._changing and state == self._changing_from:
            self._miss_answer()
        elif state == State.PRIMARY_STATE_UNCONFIGURED:
            self._ask_for(Transition.TRANSITION_CONFIGURE, "configure", state)
        elif state == State.PRIMARY_STATE_INACTIVE:
            self._ask_for(Transition.TRANSITION_ACTIVATE, "activate", state)

    def _ask_for(self, transition: int, name: str, state: int) -> None:
        request = ChangeState.Request()
        request.transition.id = transition
        self._reason, self._changing_from, self._changed_at = "", state, time.monotonic()
        self._changing_to, self._changing = name, self._change.call_async(request)
        self._changing.add_done_callback(self._on_change)

    def _on_change(self, future: Any) -> None:
        if future is self._changing:
            self._changing = None
            if not future.result().success:
                self._fail(self._changing_to)

    def _miss_answer(self) -> None:
        """The node has time to tell its state, so it is not in the transition: was that refused,
        or has the request or its answer been lost, as while both sides get to know each other?
        """
        if time.monotonic() > self._changed_at + _LOST:
            self._changing = None
            if self._reason:
                self._fail(self._changing_to)

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
