"""What the node has from us where its rclpy lacks it, beside what rclpy itself does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

import rclpy
from rcl_interfaces.msg import SetParametersResult
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image

from convlstm_perception.demo.processes import free_domain
from convlstm_perception.ros.rclpy_differences import (
    call_after_parameters_are_set,
    count_matched_publishers,
)

LACKING = {
    "add_post_set_parameters_callback": Node,
    "get_publisher_count": Subscription,
}
RELIABLE, BEST_EFFORT = (
    QoSProfile(depth=1, reliability=policy)
    for policy in (QoSReliabilityPolicy.RELIABLE, QoSReliabilityPolicy.BEST_EFFORT)
)


@pytest.fixture(params=["as rclpy is", "as on Humble"])
def node(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    if request.param == "as on Humble":
        for name, kind in LACKING.items():
            monkeypatch.delattr(kind, name, raising=False)
    with new_node("differing", free_domain()) as node:
        yield node


@contextmanager
def new_node(name: str, domain: int) -> Iterator[Node]:
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain, signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node(name, context=context)
    try:
        yield node
    finally:
        node.destroy_node()
        context.try_shutdown()


def spin(node: Node, until: Callable[[], object], patience: float) -> bool:
    """Let the node work until something holds; False when it did not come."""
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    deadline = time.monotonic() + patience
    while not until() and time.monotonic() < deadline:
        executor.spin_once(timeout_sec=0.02)
    executor.shutdown()
    return bool(until())


def set_all(node: Node, **values: float) -> bool:
    """Set parameters, all or none."""
    changes = [Parameter(name, value=value) for name, value in values.items()]
    return bool(node.set_parameters_atomically(changes).successful)


def test_the_callback_comes_when_the_parameters_have_their_values(node: Node) -> None:
    seen: list[dict[str, tuple[float, float]]] = []
    node.declare_parameters("", [("near", 1.0), ("far", 2.0)])
    call_after_parameters_are_set(
        node,
        lambda changes: seen.append(
            {each.name: (each.value, node.get_parameter(each.name).value) for each in changes}
        ),
    )
    assert set_all(node, near=3.0, far=4.0)
    assert spin(node, lambda: seen, 5.0)
    assert seen == [{"near": (3.0, 3.0), "far": (4.0, 4.0)}]


def test_a_change_that_anybody_refuses_is_not_told(node: Node) -> None:
    told: list[str] = []
    node.declare_parameters("", [("near", 1.0), ("far", 2.0)])

    def refuse_far(changes: list[Parameter]) -> SetParametersResult:
        return SetParametersResult(successful=all(each.name != "far" for each in changes))

    # Humble asks the newest first: one who is asked after ours, and one before.
    node.add_on_set_parameters_callback(refuse_far)
    call_after_parameters_are_set(node, lambda changes: told.extend(c.name for c in changes))
    assert not set_all(node, near=3.0, far=4.0), "all or none"
    assert not spin(node, lambda: told, 0.3)
    assert set_all(node, near=3.0)
    assert spin(node, lambda: told, 5.0) and told == ["near"]
    node.add_on_set_parameters_callback(refuse_far)
    assert not set_all(node, near=5.0, far=4.0)
    assert not spin(node, lambda: len(told) > 1, 0.3)


def test_publishers_count_whose_type_and_qos_go_with_the_subscription(node: Node) -> None:
    subscription = node.create_subscription(Image, "~/image", lambda message: None, RELIABLE)
    topic = subscription.topic_name

    def count() -> int:
        return count_matched_publishers(node, subscription)

    def others() -> int:
        return len(node.get_publishers_info_by_topic(topic))

    domain = node.context.get_domain_id()
    # Nodes of their own: DDS lets no participant have a topic with two types.
    with new_node("compressed", domain) as compressed, new_node("camera", domain) as camera:
        compressed.create_publisher(CompressedImage, topic, RELIABLE)
        best_effort = camera.create_publisher(Image, topic, BEST_EFFORT)
        assert spin(node, lambda: others() == 2, 5.0)
        assert count() == 0, "one is of another type, the other promises less than is asked for"
        reliable = camera.create_publisher(Image, topic, RELIABLE)
        assert spin(node, lambda: count() == 1, 5.0)
        camera.destroy_publisher(best_effort)
        assert spin(node, lambda: others() == 2, 5.0) and count() == 1
        camera.destroy_publisher(reliable)
        assert spin(node, lambda: count() == 0, 5.0)
