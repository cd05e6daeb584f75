#!/usr/bin/env python3
"""Whether the node is alive and able to answer: exit code 0 when ~/status comes and is no ERROR.

A camera that is silent (STALE) or dark (WARN) is no fault of the node, and a restart mends neither.

    healthcheck.py [/name_of_the_node/status]
"""

from __future__ import annotations

import sys
import time

import rclpy
from convlstm_perception_msgs.msg import CameraStatus, PerceptionStatus
from rclpy.signals import SignalHandlerOptions

PATIENCE = 8.0  # seconds; the status comes once a second, and DDS repeats a lost greeting after 3


def main() -> int:
    """Wait for one status."""
    topic = sys.argv[1] if len(sys.argv) > 1 else "/convlstm_perception/status"
    received: list[PerceptionStatus] = []
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = rclpy.create_node("convlstm_perception_healthcheck")
        node.create_subscription(PerceptionStatus, topic, received.append, 1)
        deadline = time.monotonic() + PATIENCE
        while not received and time.monotonic() < deadline:
            rclpy.spin_once(node, timeout_sec=0.1)
    finally:
        rclpy.shutdown()
    if not received:
        print(f"no message on {topic} in {PATIENCE:g} s")
        return 1
    print(received[0].message)
    return int(received[0].level == CameraStatus.ERROR)


if __name__ == "__main__":
    sys.exit(main())
