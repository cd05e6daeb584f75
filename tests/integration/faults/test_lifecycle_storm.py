"""Lifecycle and parameters asked for at random, right and wrong, while images flow."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from convlstm_perception_msgs.msg import PerceptionStatus, PredictedTrajectoryArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.parameter import Parameter

from tests.support.graphs import write_tiny_bundle
from tests.support.load import ProcessView, publisher_counts, streaming
from tests.support.node import NODE, STATES, NodeUnderTest, running_node

TRANSITIONS = 200
SETTINGS = 1000
RATE = 20.0

NEXT = {
    ("unconfigured", "configure"): "inactive",
    ("inactive", "activate"): "active",
    ("inactive", "cleanup"): "unconfigured",
    ("active", "deactivate"): "inactive",
}
"""All else must be refused and change nothing. Ending the node is not asked for rightly."""

IDS = {
    "configure": Transition.TRANSITION_CONFIGURE,
    "activate": Transition.TRANSITION_ACTIVATE,
    "deactivate": Transition.TRANSITION_DEACTIVATE,
    "cleanup": Transition.TRANSITION_CLEANUP,
}
SHUTDOWNS = {
    "unconfigured": Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
    "inactive": Transition.TRANSITION_INACTIVE_SHUTDOWN,
    "active": Transition.TRANSITION_ACTIVE_SHUTDOWN,
}
NONSENSE = (Transition.TRANSITION_CREATE, Transition.TRANSITION_DESTROY, 60, 99, 255)


class Caller:
    """Calls the node's services one after the other."""

    def __init__(self, node: NodeUnderTest) -> None:
        self._node = node
        self._clients: dict[str, Any] = {}

    def call(self, kind: type, name: str, request: Any) -> Any:
        """The answer to a request."""
        if name not in self._clients:
            self._clients[name] = self._node.node.create_client(kind, f"{NODE}/{name}")
            self._node.wait_until(self._clients[name].service_is_ready, name)
        future = self._clients[name].call_async(request)
        self._node.wait_until(future.done, f"the answer of {name}")
        return future.result()

    def set(self, name: str, value: ParameterValue) -> tuple[bool, str]:
        """Set one parameter; whether it was taken, and why not."""
        request = SetParameters.Request(parameters=[ParameterMessage(name=name, value=value)])
        (result,) = self.call(SetParameters, "set_parameters", request).results
        return bool(result.successful), str(result.reason)

    def get(self, names: list[str]) -> list[ParameterValue]:
        """Values of parameters."""
        return self.call(GetParameters, "get_parameters", GetParameters.Request(names=names)).values


def await_answers(node: NodeUnderTest, answers: list[Any], count: int = 5) -> None:
    """Wait for some more answers."""
    until = len(answers) + count
    node.wait_until(lambda: len(answers) >= until, f"{count} more answers")


def test_two_hundred_transitions_at_random_leave_a_sound_node(tmp_path: Path) -> None:
    """Of 200 transitions at random the wrong ones are refused, and nothing leaks."""
    bundle = write_tiny_bundle(tmp_path / "tiny")
    choose = random.Random(7)
    with running_node(tmp_path, bundle=bundle) as node, streaming([node.images], RATE):
        caller = Caller(node)
        answers = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        process = ProcessView(node.child.pid)
        # Once round, and then a picture of the active node to compare with.
        node.reach("active")
        await_answers(node, answers)
        assert node.change_state("deactivate") and node.change_state("cleanup")
        node.reach("active")
        await_answers(node, answers)
        node.settle()
        threads, handles = process.threads, process.handles
        publishers, memory = publisher_counts(node), 0.0

        state, taken = "active", 0
        for number in range(TRANSITIONS):
            kind = choose.choice([*IDS, *IDS, *IDS, "label", "nonsense", "wrong shutdown"])
            request, goal = ChangeState.Request(), None
            if kind == "nonsense":
                request.transition.id = choose.choice(NONSENSE)
            elif kind == "wrong shutdown":
                others = [number for name, number in SHUTDOWNS.items() if name != state]
                request.transition.id = choose.choice(others)
            else:
                name = choose.choice([*IDS]) if kind == "label" else kind
                goal = NEXT.get((state, name))
                request.transition.id = 0 if kind == "label" else IDS[name]
                request.transition.label = name if kind == "label" else ""
            success = caller.call(ChangeState, "change_state", request).success
            assert success == (goal is not None), (number, state, kind, request, node.log)
            state, taken = goal or state, taken + success
            assert node.state() == STATES[state], (number, kind)
            if choose.random() < 0.2:
                node.spin(0.1)
            if number == TRANSITIONS // 4:
                memory = process.rss_mb
        assert taken > TRANSITIONS // 5
        grown = process.rss_mb / memory - 1.0

        for name in {"unconfigured": ["configure", "activate"], "inactive": ["activate"]}.get(
            state, []
        ):
            assert node.change_state(name), node.log
        await_answers(node, answers)
        node.settle()
        assert (process.threads, process.handles) == (threads, handles)
        assert publisher_counts(node) == publishers
        assert node.images.get_subscription_count() == 1
        assert grown < 0.05, f"memory grew by {grown:.1%}"
        assert "Traceback" not in node.log


def _double(value: float) -> ParameterValue:
    return Parameter("x", value=float(value)).get_parameter_value()


def _any(value: object) -> ParameterValue:
    return Parameter("x", value=value).get_parameter_value()


Draw = Callable[[random.Random], ParameterValue]

VALID: dict[str, Draw] = {
    "max_coast": lambda choose: _double(choose.uniform(0.1, 5.0)),
    "match_distance": lambda choose: _double(choose.uniform(0.1, 4.0)),
    "overlap_threshold": lambda choose: _double(choose.uniform(0.2, 1.0)),
    "image_timeout": lambda choose: _double(choose.uniform(0.2, 50.0)),
    "max_age": lambda choose: _double(choose.choice([0.0, 30.0])),
    "black_level": lambda choose: _any(choose.randint(-1, 10)),
    "publish_detections": lambda choose: _any(choose.random() < 0.5),
    "frozen_after": lambda choose: _double(choose.uniform(0.5, 50.0)),
}
INVALID: dict[str, Draw] = {
    # Out of range, not numbers, of another type, none at all.
    "max_coast": lambda choose: _double(choose.choice([-1.0, 1e9, math.nan, math.inf, -math.inf])),
    "overlap_threshold": lambda choose: choose.choice([_any("much"), _any(1), _double(math.nan)]),
    "image_timeout": lambda choose: choose.choice([_any(True), ParameterValue(), _double(0.0)]),
    "black_level": lambda choose: _any(choose.choice([-2, 256, 10**15])),
    "publish_detections": lambda choose: choose.choice([_any("yes"), ParameterValue()]),
    "max_age": lambda choose: choose.choice([_double(math.nan), _any([1.0, 2.0])]),
    # Not while in use.
    "bundle": lambda choose: _any("elsewhere"),
    "threads": lambda choose: _any(choose.randint(1, 4)),
    "cameras": lambda choose: _any(["front", "rear"]),
    "tolerance": lambda choose: _double(0.1),
    "sync": lambda choose: _any("approximate"),
    "image_topic": lambda choose: _any("/elsewhere"),
    "engine": lambda choose: _any("onnxruntime-cpu"),
    # Do not go together with the detection_threshold, which is 0.5.
    "low_threshold": lambda choose: _double(choose.uniform(0.51, 1.0)),
    # Not there.
    "no_such_parameter": lambda choose: _any(1),
    "max_coast ": lambda choose: _double(1.0),
}


def test_a_thousand_settings_while_images_flow(tmp_path: Path) -> None:
    """Of 1000 settings the wrong ones are refused with a reason, the right ones are in force."""
    bundle = write_tiny_bundle(tmp_path / "tiny")
    choose = random.Random(11)
    in_force: dict[str, ParameterValue] = {}
    refused = 0
    parameters = {"bundle": bundle, "detection_threshold": 0.5, "low_threshold": 0.4}
    with running_node(tmp_path, **parameters) as node, streaming([node.images], RATE) as sent:
        caller = Caller(node)
        answers = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        statuses = node.collect(PerceptionStatus, f"{NODE}/status")
        node.reach("active")
        await_answers(node, answers)
        before = dict(zip(INVALID, caller.get([*INVALID][:-2]), strict=False))
        began, answered = sent[0], len(answers)
        for number in range(SETTINGS):
            valid = choose.random() < 0.5
            name = choose.choice([*(VALID if valid else INVALID)])
            value = (VALID if valid else INVALID)[name](choose)
            success, reason = caller.set(name, value)
            if number % 10 == 0:
                node.spin(0.04)  # some images for each ten settings
            assert success == valid, (number, name, value, reason)
            if valid:
                in_force[name] = value
            else:
                refused += 1
                assert reason, (name, value)
        assert refused > SETTINGS // 3 and set(in_force) == set(VALID)
        # All the while it answered: of what was sent, nearly everything.
        span = sent[0] - began
        assert span > 50
        await_answers(node, answers)
        assert len(answers) - answered > 0.7 * span
        # What was accepted is in force, and nothing else has changed.
        expected = {**before, **in_force}
        assert dict(zip(expected, caller.get([*expected]), strict=True)) == expected
        node.spin(1.2)
        assert statuses[-1].cameras[0].failed == 0
        for threshold, expect in ((1.0, False), (0.5, True)):
            changes = [("detection_threshold", threshold), ("max_coast", 0.0)]
            assert all(caller.set(name, _double(value))[0] for name, value in changes)
            node.wait_until(
                lambda expect=expect: bool(answers[-1].trajectories) == expect,
                f"tracks: {expect}",
            )
        assert "Traceback" not in node.log
