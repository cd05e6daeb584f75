"""Publish a simulated street to ROS in simulated time, with everything that is true of it.

The simulator is a process of its own: its numpy is older than that of the ROS wheels.
"""

from __future__ import annotations

import argparse
import array
import json
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import rclpy
from builtin_interfaces.msg import Time
from convlstm_perception_msgs.msg import PredictedTrajectoryArray
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSDurabilityPolicy, QoSProfile
from rclpy.signals import SignalHandlerOptions
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import Image as ImageMessage
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from convlstm_perception.geometry import RigidTransform
from convlstm_perception.geometry.rigid_transform import OPTICAL_AXES
from convlstm_perception.ros.conversions import (
    ns_to_stamp,
    trajectories_to_message,
    transform_to_message,
)
from convlstm_perception.ros.player import Cadence
from convlstm_perception_sim.camera import StreetCamera
from convlstm_perception_sim.process import INTERPRETER, SimulatorError, simulated
from convlstm_perception_sim.snapshot import Snapshot
from convlstm_perception_sim.truth_message import as_result, transform_of

RATE = 10.0  # images a simulated second
CAMERA_FRAME, BASE_FRAME, FIXED_FRAME = "camera_optical", "base_link", "odom"
IMAGE_TOPIC = "camera/image"
_DEPTH = 10
_LAST_IMAGE_SECONDS = 2.0


def mounting(camera: StreetCamera) -> RigidTransform:
    """From the camera's optical frame to base_link."""
    body = RigidTransform.from_euler(0.0, camera.pitch, 0.0, (camera.forward, 0.0, camera.up))
    return body @ RigidTransform.from_matrix(OPTICAL_AXES, (0.0, 0.0, 0.0))


def camera_info(camera: StreetCamera) -> CameraInfo:
    """What the camera is, complete but for the stamp."""
    k = camera.intrinsics
    info = CameraInfo(width=camera.width, height=camera.height)
    info.header.frame_id = CAMERA_FRAME
    info.distortion_model, info.d = "plumb_bob", [0.0] * 5
    info.k, info.r = k.ravel().tolist(), np.eye(3).ravel().tolist()
    info.p = np.hstack([k, np.zeros((3, 1))]).ravel().tolist()
    return info


class SimulatorBridge(Node):
    """Publishes moments of the simulation.

    Args:
        context: of rclpy.
        camera: of the simulation.
    """

    def __init__(self, context: rclpy.Context, camera: StreetCamera) -> None:
        super().__init__("simulator", context=context, start_parameter_services=False)
        latched = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
        self._clock_publisher = self.create_publisher(Clock, "/clock", _DEPTH)
        self._moving = self.create_publisher(TFMessage, "/tf", _DEPTH)
        self._fixed = self.create_publisher(TFMessage, "/tf_static", latched)
        self._infos = self.create_publisher(CameraInfo, "camera/camera_info", _DEPTH)
        self.images = self.create_publisher(ImageMessage, IMAGE_TOPIC, _DEPTH)
        self._truth = self.create_publisher(PredictedTrajectoryArray, "truth", _DEPTH)
        self._info = camera_info(camera)
        mounted = transform_to_message(BASE_FRAME, CAMERA_FRAME, Time(), mounting(camera))
        self._fixed.publish(TFMessage(transforms=[mounted]))

    def publish(self, snapshot: Snapshot, image: NDArray[np.uint8]) -> None:
        """Publish one moment; what an image is read with goes before it.

        Args:
            snapshot: what is true.
            image: (height, width, 3), blue, green, red.
        """
        header = Header(stamp=ns_to_stamp(snapshot.stamp_ns), frame_id=CAMERA_FRAME)
        self._clock_publisher.publish(Clock(clock=header.stamp))
        ego = transform_to_message(
            FIXED_FRAME, BASE_FRAME, header.stamp, transform_of(snapshot.ego)
        )
        self._moving.publish(TFMessage(transforms=[ego]))
        result = as_result(snapshot, CAMERA_FRAME, BASE_FRAME)
        self._truth.publish(trajectories_to_message(result, header, "truth"))
        self._info.header.stamp = header.stamp
        self._infos.publish(self._info)
        height, width, _ = image.shape
        message = ImageMessage(header=header, height=height, width=width, encoding="bgr8")
        message.step = 3 * width
        message.data = array.array("B", image.tobytes())
        self.images.publish(message)


def main() -> int:
    """Simulate, publish, and say how many images that were."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, required=True, help="simulated ones")
    parser.add_argument("--truth", type=Path, required=True, help="file for a line each image")
    parser.add_argument("--report", type=Path, required=True, help="JSON file for the counts")
    parser.add_argument("--namespace", default="/sim", help="of the topics (default %(default)s)")
    parser.add_argument("--wait-for-subscribers", type=int, default=1, help="to the images")
    parser.add_argument("--start-delay", type=float, default=0.0, help="seconds after that")
    parser.add_argument(
        "--python", type=Path, default=INTERPRETER, help="of the simulator (default %(default)s)"
    )
    arguments = parser.parse_args()
    context = rclpy.Context()
    names = ["--ros-args", "-r", f"__ns:={arguments.namespace}"]
    rclpy.init(args=names, context=context, signal_handler_options=SignalHandlerOptions.NO)
    bridge = SimulatorBridge(context, StreetCamera())
    try:
        with suppress(KeyboardInterrupt):
            _run(bridge, arguments)
    except SimulatorError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        bridge.destroy_node()
        context.try_shutdown()
    return 0


def _run(bridge: SimulatorBridge, arguments: argparse.Namespace) -> None:
    cadence, never = Cadence(1.0 / RATE), threading.Event()
    count, first = 0, 0.0
    with (
        simulated(round(arguments.seconds * RATE), arguments.python) as moments,
        arguments.truth.open("w") as truth,
    ):
        for snapshot, image in moments:
            if count == 0:
                while bridge.images.get_subscription_count() < arguments.wait_for_subscribers:
                    time.sleep(0.05)
                time.sleep(arguments.start_delay)
                first = time.monotonic()
                cadence = Cadence(1.0 / RATE)
            cadence.wait(never)  # simulated time is never faster than the clock on the wall
            bridge.publish(snapshot, image)
            truth.write(json.dumps(snapshot.to_values()) + "\n")
            count += 1
    bridge.images.wait_for_all_acked(rclpy.duration.Duration(seconds=_LAST_IMAGE_SECONDS))
    elapsed = time.monotonic() - first
    report = {"images": count, "rate": count / elapsed, "seconds": elapsed}
    arguments.report.write_text(json.dumps(report))


if __name__ == "__main__":
    sys.exit(main())
