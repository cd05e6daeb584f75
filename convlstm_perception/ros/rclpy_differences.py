"""Where rclpy differs between ROS distributions: one name for each difference.

Whatever Humble (rclpy 3.3) lacks of what later ones have is asked for here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable

from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSCompatibility, qos_check_compatible
from rclpy.subscription import Subscription

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ModuleNotFoundError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks

__all__ = [
    "SubscriptionEventCallbacks",
    "call_after_parameters_are_set",
    "count_matched_publishers",
]


def count_matched_publishers(node: Node, subscription: Subscription) -> int:
    """How many publishers' messages come to a subscription of a node.

    Humble's subscription cannot say, nor has it the event ``matched``: there those are counted
    that DDS tells of and whose type and QoS go with the subscription's.
    """
    if hasattr(subscription, "get_publisher_count"):
        return int(subscription.get_publisher_count())
    kind = subscription.msg_type
    type_name = f"{kind.__module__.partition('.')[0]}/msg/{kind.__name__}"
    return sum(
        info.topic_type == type_name
        and qos_check_compatible(info.qos_profile, subscription.qos_profile)[0]
        != QoSCompatibility.ERROR
        for info in node.get_publishers_info_by_topic(subscription.topic_name)
    )


def call_after_parameters_are_set(node: Node, callback: Callable[[list[Parameter]], None]) -> None:
    """Have a callback called with the parameters of the node that have changed.

    Humble only asks before a change, and whoever is asked after us may still refuse it. There
    the callback comes as the executor's next work, ahead of any request to the node, and is given
    the changes that have come to hold.
    """
    if hasattr(node, "add_post_set_parameters_callback"):
        node.add_post_set_parameters_callback(callback)
        return
    announced: list[Parameter] = []

    def tell() -> None:
        changes = [change for change in announced if _holds(node, change)]
        announced.clear()
        if changes:
            callback(changes)

    told = node.create_guard_condition(tell)

    def note(changes: list[Parameter]) -> SetParametersResult:
        announced.extend(changes)
        told.trigger()
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(note)


def _holds(node: Node, change: Parameter) -> bool:
    """Whether a change was made: the node keeps the very object that it was asked to set."""
    return node.has_parameter(change.name) and node.get_parameter(change.name) is change
