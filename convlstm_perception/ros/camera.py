"""One camera of the node: subscription, newest-frame mailbox, inference thread, outputs."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.lifecycle import LifecycleNode, LifecyclePublisher
from rclpy.qos import QoSProfile, QoSReliabilityPolicy, qos_policy_name_from_kind
from rclpy.time import Time
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as ImageMessage
from std_msgs.msg import Header

from convlstm_perception.engine import MotionModel, Runtime
from convlstm_perception.errors import DeviceError, EngineError, FrameOrderError, ImageError
from convlstm_perception.ros.conversions import (
    detections_to_message,
    frame_from_compressed,
    frame_from_image,
    image_to_message,
    trajectories_to_message,
)
from convlstm_perception.ros.mailbox import Mailbox
from convlstm_perception.ros.parameters import NodeSettings
from convlstm_perception.ros.statistics import StreamReport, StreamStatistics
from convlstm_perception.stream import CameraPipeline
from convlstm_perception.types import Frame, PerceptionResult
from convlstm_perception.visualization.overlay import OverlayRenderer

_THROTTLE = 5.0  # seconds between log messages of one kind
_TYPE_NAMES = {
    ImageMessage: "sensor_msgs/msg/Image",
    CompressedImage: "sensor_msgs/msg/CompressedImage",
}


@dataclass(frozen=True)
class CameraPublishers:
    """Where a camera's answers go."""

    detections: LifecyclePublisher
    trajectories: LifecyclePublisher
    overlay: LifecyclePublisher


@dataclass(frozen=True)
class _Arrival:
    message: ImageMessage | CompressedImage
    time: float  # monotonic
    delay: float  # seconds from the stamp to the callback, on the node's clock


class Camera:
    """Answers one camera's newest frames until :meth:`stop`.

    The subscription's callback only stores the message; conversion, inference and publishing
    happen in a thread of this camera's own.

    Args:
        node: that the camera is part of.
        settings: of the node.
        model: to answer with.
        runtime: of the model, for this camera.
        publishers: of the answers.
        on_device_failure: called in that thread, which ends, when the model's device has failed.
    """

    def __init__(
        self,
        node: LifecycleNode,
        settings: NodeSettings,
        model: MotionModel,
        runtime: Runtime,
        publishers: CameraPublishers,
        on_device_failure: Callable[[DeviceError], None],
    ) -> None:
        self._node, self._model, self._publishers = node, model, publishers
        self._on_device_failure = on_device_failure
        self._pipeline = CameraPipeline(model, settings.pipeline, runtime=runtime)
        self._overlay = OverlayRenderer(
            trail_seconds=settings.overlay_trail, title=model.bundle.model_id
        )
        self._statistics = StreamStatistics()
        self._mailbox: Mailbox[_Arrival] = Mailbox()
        self._thread = threading.Thread(target=self._work, name="inference")
        self.mismatched_qos = ""
        self.matched_publishers = 0
        compressed = settings.transport == "compressed"
        topic = node.resolve_topic_name("image") + ("/compressed" if compressed else "")
        reliable = settings.image_reliability == "reliable"
        qos = QoSProfile(
            depth=1,
            reliability=QoSReliabilityPolicy.RELIABLE
            if reliable
            else QoSReliabilityPolicy.BEST_EFFORT,
        )
        self._subscription = node.create_subscription(
            CompressedImage if compressed else ImageMessage,
            topic,
            self._on_image,
            qos,
            event_callbacks=SubscriptionEventCallbacks(
                incompatible_qos=self._on_incompatible_qos, matched=self._on_matched
            ),
        )
        self.topic = self._subscription.topic_name
        # Last, so that no thread is left behind where the subscription is refused.
        self._thread.start()

    def stop(self) -> None:
        """Stop taking frames and wait for the one in work."""
        self._node.destroy_subscription(self._subscription)
        self._mailbox.close()
        self._thread.join()

    def report(self) -> StreamReport:
        """Counts and latencies since the start."""
        return self._statistics.report(self._mailbox.overwritten)

    @property
    def memory_bytes(self) -> int:
        """Memory of the rolling buffer and of what goes into and out of the networks."""
        return self._pipeline.runtime.nbytes

    def missing_publisher(self) -> str:
        """Why no image can come: nobody publishes the topic, or only other types; or ""."""
        types = {info.topic_type for info in self._node.get_publishers_info_by_topic(self.topic)}
        wanted = _TYPE_NAMES[self._subscription.msg_type]
        if not types:
            return f"no publisher on {self.topic}; start the camera, or remap image to its topic"
        if wanted not in types:
            return (
                f"{self.topic} carries {', '.join(sorted(types))}, not {wanted}; remap image, or "
                "set the parameter transport"
            )
        return ""

    def _on_image(self, message: ImageMessage | CompressedImage) -> None:
        self._statistics.arrived()
        self._mailbox.put(_Arrival(message, time.monotonic(), self._since(message.header.stamp)))

    def _on_matched(self, event: Any) -> None:
        self.matched_publishers = event.current_count

    def _on_incompatible_qos(self, event: Any) -> None:
        if self.mismatched_qos:
            return
        policy = qos_policy_name_from_kind(event.last_policy_kind)
        self.mismatched_qos = (
            f"a publisher of {self.topic} offers a {policy} that does not match ours; with "
            "RELIABILITY set the parameter image_reliability to best_effort"
        )
        self._node.get_logger().error(self.mismatched_qos)

    def _since(self, stamp: Any) -> float:
        clock = self._node.get_clock()
        elapsed = clock.now() - Time.from_msg(stamp, clock_type=clock.clock_type)
        return float(elapsed.nanoseconds) * 1e-9

    def _work(self) -> None:
        while (arrival := self._mailbox.take()) is not None:
            logger = self._node.get_logger()
            try:
                self._answer(arrival)
            except (ImageError, FrameOrderError) as error:
                self._statistics.rejected(str(error))
                logger.warning(
                    f"{self.topic}: frame rejected: {error}", throttle_duration_sec=_THROTTLE
                )
            except DeviceError as error:
                self._statistics.failed(str(error))
                self._on_device_failure(error)
                return
            except EngineError as error:
                self._statistics.failed(str(error))
                logger.error(
                    f"{self.topic}: frame not answered: {error}", throttle_duration_sec=_THROTTLE
                )
            except Exception as error:
                # One frame never ends the node; an error that nobody foresaw is shown in full.
                self._statistics.failed(repr(error))
                trace = "".join(traceback.format_exception(error))
                logger.error(
                    f"{self.topic}: frame not answered:\n{trace}",
                    throttle_duration_sec=_THROTTLE,
                )

    def _answer(self, arrival: _Arrival) -> None:
        started = time.monotonic()
        frame = self._frame(arrival.message)
        converted = time.monotonic()
        result = self._pipeline.process(frame)
        if result.restarted:
            self._node.get_logger().warning(
                f"{self.topic}: {result.restarted}; buffer and tracks begin anew",
                throttle_duration_sec=_THROTTLE,
            )
        answered = time.monotonic()
        self._publish(arrival.message.header, result)
        published = time.monotonic()
        latencies = {
            "receive": arrival.delay + (started - arrival.time),
            "convert": converted - started,
            **result.latencies,
            "publish": published - answered,
            "stamp to publish": arrival.delay + (published - arrival.time),
        }
        self._statistics.answered(latencies, result.valid_slots, bool(result.restarted))
        # After the answer is out: who looks at pictures does not delay who acts on numbers.
        if self._publishers.overlay.get_subscription_count():
            drawn = self._overlay.draw(frame.image, result)
            self._publishers.overlay.publish(image_to_message(drawn, arrival.message.header))
            self._statistics.took("overlay", time.monotonic() - published)

    def _frame(self, message: ImageMessage | CompressedImage) -> Frame:
        if isinstance(message, CompressedImage):
            return frame_from_compressed(message)
        return frame_from_image(message)

    def _publish(self, header: Header, result: PerceptionResult) -> None:
        bundle, publishers = self._model.bundle, self._publishers
        publishers.detections.publish(detections_to_message(result, header, bundle.classes[0]))
        publishers.trajectories.publish(trajectories_to_message(result, header, bundle.model_id))
