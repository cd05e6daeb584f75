"""A subscriber that keeps what the node was given and what it answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
import rclpy
from builtin_interfaces.msg import Duration
from convlstm_perception_msgs.msg import PredictedTrajectory, PredictedTrajectoryArray
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import Point
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image as ImageMessage
from vision_msgs.msg import BoundingBox2D, Detection2DArray

from convlstm_perception.demo.recording import Answer, Recording
from convlstm_perception.messages import stamp_to_ns
from convlstm_perception.ros.conversions import frame_from_message
from convlstm_perception.types import Float64Array, GroundTracks, Tracks, Trajectories

if TYPE_CHECKING:
    from typing_extensions import Self

_QUEUE_DEPTH = 50


class TopicRecorder:
    """Subscribes to images and answers while its block runs; a thread takes them in.

    Args:
        recording: where everything is kept.
        image_topic: images as the node gets them, any encoding the node takes.
        node: full name of the perception node, whose private topics are recorded.
    """

    def __init__(self, recording: Recording, image_topic: str, node: str) -> None:
        self._recording = recording
        self._image_topic = image_topic
        self._node_name = node
        self._context = rclpy.Context()
        self._thread = threading.Thread(target=self._spin, name="recorder", daemon=True)

    def __enter__(self) -> Self:
        rclpy.init(args=[], context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        node = Node("demo_recorder", context=self._context, start_parameter_services=False)
        # Reliable and deep: the recorder must not be the one that misses a frame.
        qos = QoSProfile(depth=_QUEUE_DEPTH, reliability=QoSReliabilityPolicy.RELIABLE)
        node.create_subscription(ImageMessage, self._image_topic, self._on_image, qos)
        node.create_subscription(
            PredictedTrajectoryArray, f"{self._node_name}/trajectories", self._on_trajectories, qos
        )
        node.create_subscription(
            Detection2DArray, f"{self._node_name}/detections", self._on_detections, qos
        )
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, qos)
        self._node = node
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(node)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._executor.shutdown()
        self._thread.join()
        self._node.destroy_node()
        self._context.try_shutdown()

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return

    def _on_image(self, message: ImageMessage) -> None:
        frame = frame_from_message(message)
        self._recording.add_image(frame.stamp_ns, frame.image)

    def _on_trajectories(self, message: PredictedTrajectoryArray) -> None:
        self._recording.add_answer(
            Answer(
                stamp_ns=stamp_to_ns(message.header.stamp),
                received_ns=time.time_ns(),
                frame_id=message.header.frame_id,
                model_id=message.model_id,
                tracks=tracks_from_message(message),
                ground=ground_from_message(message),
            )
        )

    def _on_detections(self, message: Detection2DArray) -> None:
        stamp = stamp_to_ns(message.header.stamp)
        self._recording.add_detections(stamp, len(message.detections))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        own = [status for status in message.status if status.hardware_id == self._node_name]
        if not own:
            return
        for status in own:
            self._recording.add_diagnostics({entry.key: entry.value for entry in status.values})
        errors = [status.message for status in own if status.level == DiagnosticStatus.ERROR]
        self._recording.add_problem("; ".join(errors))


def tracks_from_message(message: PredictedTrajectoryArray) -> Tracks:
    """The likeliest future of every pedestrian of a message, as arrays.

    Args:
        message: all its trajectories have the same future times.

    Returns:
        The tracks, in the order of the message.
    """
    people: list[PredictedTrajectory] = list(message.trajectories)
    futures = [list(person.modes[0].points) if person.modes else [] for person in people]
    points = futures[0] if futures else []
    times = np.array([_seconds(point.time_from_start) for point in points], np.float32)
    shape = (len(people), len(times), 4)
    boxes = np.array([[_box(point.bbox) for point in future] for future in futures], np.float32)
    variances = np.array(
        [[point.covariance[::5] for point in future] for future in futures], np.float32
    )
    return Tracks(
        ids=np.array([int(person.track_id) for person in people], np.int64),
        boxes=np.array([_box(person.bbox) for person in people], np.float32).reshape(-1, 4),
        scores=np.array([person.score for person in people], np.float32),
        coasting=np.array([person.coasting for person in people], np.bool_),
        trajectories=Trajectories(times, boxes.reshape(shape), variances.reshape(shape)),
    )


def ground_from_message(message: PredictedTrajectoryArray) -> GroundTracks:
    """Where every pedestrian of a message is on the ground, with the likeliest future.

    Args:
        message: as for :func:`tracks_from_message`.

    Returns:
        In the order of the message.
    """
    states = [person.ground for person in message.trajectories]
    futures = [list(person.modes[0].points) for person in message.trajectories]
    rows, horizons = len(states), len(futures[0]) if futures else 0

    def numbers(values: Iterable[object], *shape: int) -> Float64Array:
        return np.array(list(values), np.float64).reshape(rows, *shape)

    return GroundTracks(
        frame_id=message.ground_frame_id,
        reason=message.ground_reason,
        compensated=message.ego_motion_compensated,
        reasons=tuple(state.reason for state in states),
        positions=numbers((_place(state.position) for state in states), 3),
        velocities=numbers(((state.velocity.x, state.velocity.y) for state in states), 2),
        covariances=numbers((state.covariance for state in states), 4, 4),
        heights=numbers(state.height for state in states),
        paths=numbers(
            ([_place(point.ground_position) for point in future] for future in futures),
            horizons,
            3,
        ),
        path_covariances=numbers(
            ([point.ground_covariance for point in future] for future in futures), horizons, 2, 2
        ),
        closest_times=numbers(state.closest_approach_time for state in states),
        closest_distances=numbers(state.closest_approach_distance for state in states),
    )


def _place(point: Point) -> tuple[float, float, float]:
    return point.x, point.y, point.z


def _box(box: BoundingBox2D) -> tuple[float, float, float, float]:
    return box.center.position.x, box.center.position.y, box.size_x, box.size_y


def _seconds(duration: Duration) -> float:
    return float(duration.sec) + 1e-9 * float(duration.nanosec)
