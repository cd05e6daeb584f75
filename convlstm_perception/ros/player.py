"""A player that publishes a video or a folder of images as a camera driver would."""

from __future__ import annotations

import array
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import cv2
import rclpy
from rclpy.duration import Duration
from rclpy.exceptions import InvalidTopicNameException
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSHistoryPolicy, QoSProfile, QoSReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, CompressedImage
from sensor_msgs.msg import Image as ImageMessage

from convlstm_perception.data.video import FrameSource, ReadAhead
from convlstm_perception.errors import ParameterError
from convlstm_perception.ros.calibration import camera_info
from convlstm_perception.types import NANOSECONDS_PER_SECOND, Image

RATE_WITHOUT_CLAIM = 10.0
"""Images a second where the source claims no rate, as a folder of images."""

_QUEUE_DEPTH = 5
_JPEG_QUALITY = 90
_ACKNOWLEDGE_SECONDS = 5.0
_LAST_IMAGE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class PlayerSettings:
    """How a source is published.

    Attributes:
        topic: of the images; ``camera_info`` stands beside it, ``compressed`` below it.
        rate: images a second; "source" for what the source claims, "max" for the next
            image as soon as every reliable subscriber has acknowledged the last. With
            best effort nothing is acknowledged, so "max" is then as fast as it decodes.
        loop: begin again after the last image.
        frames: stop after so many images, or None.
        compressed: also publish JPEG.
        camera_info: calibration file, or None for an uncalibrated camera.
        frame_id: of every message.
        reliable: reliable or best-effort publishers.
        stamps: "now" for the time of publication, "nominal" for exact periods.
        wait_for_subscribers: start when so many subscribers listen.
        start_delay: seconds before the first image.
    """

    topic: str = "/camera/image"
    rate: float | str = "source"
    loop: bool = False
    frames: int | None = None
    compressed: bool = False
    camera_info: Path | None = None
    frame_id: str = "camera"
    reliable: bool = True
    stamps: str = "now"
    wait_for_subscribers: int = 0
    start_delay: float = 0.0


@dataclass(slots=True)
class PlayReport:
    """What was published.

    Attributes:
        images: number of images.
        seconds: from the first image to the last.
        late: images published more than a period after their time; the schedule then
            moves, so that none is lost and none follows in a burst.
    """

    images: int = 0
    seconds: float = 0.0
    late: int = 0

    @property
    def rate(self) -> float:
        """Images a second; 0 for fewer than two images."""
        return (self.images - 1) / self.seconds if self.seconds > 0.0 else 0.0

    def __str__(self) -> str:
        return (
            f"published {self.images} images in {self.seconds:.2f} s ({self.rate:.2f} Hz), "
            f"{self.late} late"
        )


@dataclass(slots=True)
class Cadence:
    """When each image is due, on the monotonic clock.

    Attributes:
        period: seconds between images; 0 for no pacing.
        due: time at which the next image is due.
        late: times that ``wait`` was called more than a period too late.
    """

    period: float
    due: float = field(default_factory=time.monotonic)
    late: int = 0

    def wait(self, stop: threading.Event) -> bool:
        """Wait until the next image is due; False when stopped meanwhile."""
        behind = time.monotonic() - self.due
        if behind < 0.0 and stop.wait(-behind):
            return False
        if behind > self.period > 0.0:
            self.late += 1
            self.due += behind
        self.due += self.period
        return not stop.is_set()


@dataclass(frozen=True, slots=True)
class _Messages:
    """The messages of one image, complete but for the stamp."""

    image: ImageMessage
    compressed: CompressedImage | None


class CameraPlayer(Node):
    """Publishes the images of a source.

    Args:
        source: what to publish.
        settings: how.
        context: ROS context to live in.

    Raises:
        SourceError: the calibration file cannot be used for this source.
        ParameterError: the topic is no valid name.
    """

    def __init__(
        self, source: FrameSource, settings: PlayerSettings, context: rclpy.Context
    ) -> None:
        super().__init__("camera_player", context=context, start_parameter_services=False)
        self._source = source
        self._settings = settings
        self._camera_info = camera_info(
            source.width, source.height, settings.frame_id, settings.camera_info
        )
        reliability = (
            QoSReliabilityPolicy.RELIABLE if settings.reliable else QoSReliabilityPolicy.BEST_EFFORT
        )
        qos = QoSProfile(
            history=QoSHistoryPolicy.KEEP_LAST, depth=_QUEUE_DEPTH, reliability=reliability
        )
        namespace = settings.topic.rpartition("/")[0]
        info_topic = f"{namespace}/camera_info" if "/" in settings.topic else "camera_info"
        try:
            self._images = self.create_publisher(ImageMessage, settings.topic, qos)
            self._infos = self.create_publisher(CameraInfo, info_topic, qos)
            self._compressed: Publisher | None = None
            if settings.compressed:
                self._compressed = self.create_publisher(
                    CompressedImage, f"{settings.topic}/compressed", qos
                )
        except InvalidTopicNameException as error:
            raise ParameterError(
                f"--topic {settings.topic}: no valid topic name: {error}. "
                "Use letters, digits, underscores and slashes, such as /camera/image."
            ) from error

    def play(self, stop: threading.Event) -> PlayReport:
        """Publish until the source ends or ``stop`` is set.

        Args:
            stop: ends the playing.

        Returns:
            What was published.

        Raises:
            SourceError: an image of the source cannot be read.
        """
        if not self._await_subscribers(stop) or stop.wait(self._settings.start_delay):
            return PlayReport()
        as_fast_as_possible = self._settings.rate == "max"
        period = self._period()
        report = PlayReport()
        with ReadAhead(self._source, self._prepare, loop=self._settings.loop) as ahead:
            cadence = Cadence(0.0 if as_fast_as_possible else period)
            first = last = time.monotonic()
            stamps = rising_stamps(self._settings.stamps, period)
            for messages in ahead:
                if not cadence.wait(stop):
                    break
                last = time.monotonic()
                first = first if report.images else last
                self._publish(messages, next(stamps))
                report.images += 1
                if report.images == self._settings.frames:
                    break
                if as_fast_as_possible:
                    self._await_acknowledgement(_ACKNOWLEDGE_SECONDS, stop)
        report.seconds, report.late = last - first, cadence.late
        # Leaving at once would take the last image along.
        self._await_acknowledgement(_LAST_IMAGE_SECONDS, stop)
        stop.wait(0.2)
        return report

    def _period(self) -> float:
        rate = self._settings.rate
        if not isinstance(rate, float):
            rate = self._source.frame_rate or RATE_WITHOUT_CLAIM
        return 1.0 / rate

    def _prepare(self, image: Image) -> _Messages:
        """Build the messages of one image; called in the thread that reads ahead."""
        message = ImageMessage()
        message.header.frame_id = self._settings.frame_id
        message.height, message.width = image.shape[:2]
        message.encoding = "bgr8"
        message.step = 3 * message.width
        message.data = array.array("B", image.tobytes())
        if self._compressed is None:
            return _Messages(message, None)
        compressed = CompressedImage()
        compressed.header.frame_id = self._settings.frame_id
        compressed.format = "bgr8; jpeg compressed bgr8"
        _, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        compressed.data = array.array("B", jpeg.tobytes())
        return _Messages(message, compressed)

    def _publish(self, messages: _Messages, stamp_ns: int) -> None:
        stamp = Time(nanoseconds=stamp_ns).to_msg()
        self._camera_info.header.stamp = stamp
        self._infos.publish(self._camera_info)
        messages.image.header.stamp = stamp
        self._images.publish(messages.image)
        if self._compressed is not None and messages.compressed is not None:
            messages.compressed.header.stamp = stamp
            self._compressed.publish(messages.compressed)

    def _await_subscribers(self, stop: threading.Event) -> bool:
        wanted = self._settings.wait_for_subscribers
        told = time.monotonic()
        while (have := self._subscribers()) < wanted:
            if stop.wait(0.05):
                return False
            if time.monotonic() - told > 5.0:
                told = time.monotonic()
                topic = self._images.topic_name
                self.get_logger().info(f"{have} of {wanted} subscribers listen to {topic}")
        return not stop.is_set()

    def _subscribers(self) -> int:
        count = self._images.get_subscription_count()
        if self._compressed is not None:
            count += self._compressed.get_subscription_count()
        return int(count)

    def _await_acknowledgement(self, longest: float, stop: threading.Event) -> None:
        """Wait until every reliable subscriber has the images; not for ever for a dead one."""
        deadline = time.monotonic() + longest
        pending = [self._images] if self._compressed is None else [self._images, self._compressed]
        while pending and not stop.is_set() and time.monotonic() < deadline:
            if pending[0].wait_for_all_acked(Duration(seconds=0.1)):
                pending.pop(0)


def play(source: FrameSource, settings: PlayerSettings) -> PlayReport:
    """Publish a source in a ROS context of its own until its end, SIGINT or SIGTERM.

    Args:
        source: what to publish.
        settings: how.

    Returns:
        What was published.

    Raises:
        SourceError: an image or the calibration file cannot be read.
        ParameterError: the topic is no valid name.
    """
    context = rclpy.Context()
    with _stop_on_signal() as stop:
        rclpy.init(args=[], context=context, signal_handler_options=SignalHandlerOptions.NO)
        try:
            player = CameraPlayer(source, settings, context)
            try:
                return player.play(stop)
            finally:
                player.destroy_node()
        finally:
            context.try_shutdown()


@contextmanager
def _stop_on_signal() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, in place of what they did before."""
    stop = threading.Event()

    def set_stop(number: int, frame: FrameType | None) -> None:
        stop.set()

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, set_stop) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def rising_stamps(kind: str, period: float) -> Iterator[int]:
    """Stamps in nanoseconds since the epoch, made when asked for; the first is now.

    Args:
        kind: "now" for the system's time, never twice the same; "nominal" for stamps
            exactly one period apart.
        period: seconds between nominal stamps.
    """
    first = last = time.time_ns()
    index = 0
    while True:
        yield last
        index += 1
        if kind == "nominal":
            last = first + round(index * period * NANOSECONDS_PER_SECOND)
        else:
            last = max(time.time_ns(), last + 1)
