"""The node's program without what Humble's rclpy lacks of what the node uses where it is."""

from __future__ import annotations

import sys

from rclpy.node import Node
from rclpy.subscription import Subscription


def hide_what_humble_lacks() -> None:
    """From now on; for a process of its own."""
    for kind, name in (
        (Node, "add_post_set_parameters_callback"),
        (Subscription, "get_publisher_count"),
    ):
        if hasattr(kind, name):
            delattr(kind, name)
    if "rclpy.event_handler" in sys.modules:
        sys.modules["rclpy.qos_event"] = sys.modules["rclpy.event_handler"]
        sys.modules["rclpy.event_handler"] = None  # type: ignore[assignment]


if __name__ == "__main__":
    hide_what_humble_lacks()
    from convlstm_perception.ros.node import main

    sys.exit(main())
