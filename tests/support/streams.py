"""A camera's stream put to the running node frame by frame, and what it must answer."""

from __future__ import annotations

import math
import time
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from convlstm_perception_msgs.msg import CameraStatus, PerceptionStatus, PredictedTrajectoryArray
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CompressedImage, Image
from vision_msgs.msg import Detection2DArray

from convlstm_perception.engine import EngineSettings, ModelBundle, MotionModel
from convlstm_perception.errors import FrameOrderError, ImageError
from convlstm_perception.ros.conversions import (
    detections_to_message,
    frame_from_message,
    ns_to_stamp,
    stamp_to_ns,
    trajectories_to_message,
)
from convlstm_perception.stream import CameraPipeline, PipelineSettings
from convlstm_perception.types import AnswerStatus
from tests.support.node import NODE, NodeUnderTest, image_message

PERIOD_NS = 100_000_000
UNANSWERED = 0.1  # seconds that a frame gets which will not be answered

Answer = tuple[PredictedTrajectoryArray, Detection2DArray | None]
"""What is published for one frame; an unusable one has no detections."""

COUNTS = {
    "received": "received",
    "answered": "answered",
    "unusable": "unusable",
    "skipped": "skipped",
    "rejected": "rejected",
    "disordered": "double or out of order",
    "expired": "older than max_age",
    "failed": "failed",
    "restarts": "restarts",
}
"""Our short names of the counts, and theirs in the diagnostics."""


def stamp_of(message: Image | CompressedImage | PredictedTrajectoryArray) -> int:
    """A message's stamp in nanoseconds."""
    return stamp_to_ns(message.header.stamp)


def at(message: Image, stamp_ns: int) -> Image:
    """The message with another stamp."""
    message.header.stamp = ns_to_stamp(stamp_ns)
    return message


def enlarged(message: Image) -> Image:
    """The image twice as high and wide."""
    pixels = np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)
    message.data = array("B", pixels.repeat(2, axis=0).repeat(2, axis=1).tobytes())
    message.height, message.width, message.step = (
        2 * message.height,
        2 * message.width,
        2 * message.step,
    )
    return message


def filled(grey: int, step: int) -> Image:
    """The image of a step, all of one grey level."""
    message = image_message(step)
    message.data = bytes([grey]) * len(message.data)
    return message


def plain(message: Any) -> Any:
    """A message's values: nested lists of numbers and strings, which compare bit for bit.

    Not its serialised bytes: those between the values are whatever lay there. NaN, which equals
    nothing, becomes None.
    """
    if hasattr(message, "get_fields_and_field_types"):
        return [plain(getattr(message, name)) for name in message.get_fields_and_field_types()]
    if hasattr(message, "tolist"):
        message = message.tolist()
    if isinstance(message, (list, tuple)):
        return [plain(entry) for entry in message]
    return None if isinstance(message, float) and math.isnan(message) else message


def bare(answer: Answer) -> list[Any]:
    """Every value of an answer but the tracks' ids, which are never used twice."""
    trajectories, detections = answer
    for trajectory in trajectories.trajectories:
        trajectory.track_id = ""
    for detection in detections.detections if detections else ():
        detection.id = ""
    return [plain(message) for message in answer if message is not None]


class Offline:
    """Answers frames in this process: what a node would say that was started with the first.

    Args:
        bundle: that the node answers with.
    """

    def __init__(self, bundle: Path) -> None:
        self._bundle = ModelBundle.load(bundle)
        self._model = MotionModel.load(self._bundle, EngineSettings())
        self.slots = self._bundle.slots
        self.renew()

    def renew(self) -> None:
        """Be a fresh start."""
        self._pipeline = CameraPipeline(self._model, PipelineSettings())

    def answer(self, message: Image) -> Answer:
        """What a node is to publish for the next frame.

        Raises:
            FrameOrderError: nothing, for the frame is out of order.
            ImageError: nothing, for the image cannot be read.
        """
        result = self._pipeline.process(frame_from_message(message))
        header = message.header
        usable = result.status != AnswerStatus.UNUSABLE
        return (
            trajectories_to_message(result, header, self._bundle.model_id),
            detections_to_message(result, header, self._bundle.classes[0]) if usable else None,
        )

    def fresh(self, messages: Iterable[Image]) -> list[Answer]:
        """What a fresh start answers to frames."""
        self.renew()
        return [self.answer(message) for message in messages]


class Stream:
    """One camera of the running node.

    Args:
        node: that answers.
        camera: its name; may be empty.
        kind: of the images' messages.
    """

    def __init__(
        self, node: NodeUnderTest, camera: str = "", kind: type[Image | CompressedImage] = Image
    ) -> None:
        self.node, self.camera = node, camera
        self.expected: Counter[str] = Counter()
        self.published: list[int] = []  # stamps, as they were published
        self._turns = 0  # times that the same stamps were sent again
        self._trajectories: dict[int, PredictedTrajectoryArray] = {}
        self._detections: dict[int, Detection2DArray] = {}
        topic = f"/{camera}/image" if camera else "/image"
        name = f"{NODE}/{camera}" if camera else NODE
        if kind is CompressedImage:
            topic += "/compressed"
        self._publisher = node.node.create_publisher(kind, topic, QoSProfile(depth=50))
        node.node.create_subscription(
            PredictedTrajectoryArray, f"{name}/trajectories", self._on_trajectories, 100
        )
        node.node.create_subscription(
            Detection2DArray, f"{name}/detections", self._on_detections, 100
        )
        self.diagnostics = node.collect(DiagnosticArray, "/diagnostics")
        self.statuses = node.collect(PerceptionStatus, f"{NODE}/status")
        self._title = f": camera {camera}" if camera else f": {topic}"

    def send(self, message: Image | CompressedImage) -> None:
        """Publish a frame."""
        self.expected["received"] += 1
        self._publisher.publish(message)

    def answer(self, message: Image | CompressedImage) -> Answer:
        """Publish a frame and wait for what the node publishes for it."""
        self.send(message)
        stamp = stamp_of(message)
        self.node.wait_until(lambda: stamp in self._trajectories, f"the answer to {stamp}")
        trajectories = self._trajectories[stamp]
        if trajectories.status == PredictedTrajectoryArray.UNUSABLE:
            self.expected["unusable"] += 1
            return trajectories, None
        self.expected["answered"] += 1
        self.node.wait_until(lambda: stamp in self._detections, f"the detections of {stamp}")
        return trajectories, self._detections[stamp]

    def forget(self) -> None:
        """Forget the answers so far: stamps will come again."""
        self._trajectories.clear()
        self._detections.clear()
        self._turns += 1

    def refuse(self, message: Image | CompressedImage, kind: str) -> None:
        """Publish a frame that the node is to refuse and count as ``kind``."""
        before = len(self.published)
        self.send(message)
        self.expected[kind] += 1
        self.node.spin(UNANSWERED)
        assert len(self.published) == before, f"{kind} frame at {stamp_of(message)} answered"

    def play(self, messages: Iterable[Image], offline: Offline) -> list[Answer]:
        """Send frames one by one; each must be answered, or refused, bit for bit as offline."""
        answers = []
        for message in messages:
            try:
                expected = offline.answer(message)
            except FrameOrderError:
                self.refuse(message, "disordered")
                continue
            except ImageError:
                self.refuse(message, "rejected")
                continue
            answers.append(self.answer(message))
            assert bare(answers[-1]) == bare(expected), f"frame at {stamp_of(message)} differs"
        return answers

    def repeat(self, messages: Sequence[Image], offline: Offline) -> None:
        """Send frames; every answer must be that of a fresh start, whoever is in it."""
        for message, expected in zip(messages, offline.fresh(messages), strict=True):
            assert bare(self.answer(message)) == bare(expected), stamp_of(message)

    def given(self, stamp_ns: int) -> Answer:
        """What was published for the frame of a stamp."""
        return self._trajectories[stamp_ns], self._detections.get(stamp_ns)

    def recover(
        self, messages: Sequence[Image], offline: Offline, *, detections_after: int, after: int
    ) -> None:
        """Send the frames after a fault; the answers must become those of a fresh start.

        Args:
            messages: in order.
            offline: with the node's bundle.
            detections_after: frames from which on the detections are the same bit for bit.
            after: frames from which on everything is.
        """
        assert len(messages) > after >= detections_after
        fresh = offline.fresh(messages)
        for count, (message, expected) in enumerate(zip(messages, fresh, strict=True)):
            answer = self.answer(message)
            live, wanted = bare(answer), bare(expected)
            if count >= detections_after:
                assert live[1:] == wanted[1:], f"detections differ {count} frames after the fault"
            if count >= after:
                assert live == wanted, f"trajectories differ {count} frames after the fault"
        assert answer[1] and answer[1].detections, "nobody was there to compare"

    @property
    def values(self) -> dict[str, str]:
        """The newest diagnostics of the camera."""
        return {entry.key: entry.value for entry in self.diagnosis.values}

    @property
    def diagnosis(self) -> DiagnosticStatus:
        """The newest diagnostic status of the camera."""
        for message in reversed(self.diagnostics):
            for status in message.status:
                if status.name.endswith(self._title):
                    return status
        return DiagnosticStatus()

    @property
    def status(self) -> CameraStatus:
        """The newest of ``~/status`` on the camera."""
        for message in reversed(self.statuses):
            for status in message.cameras:
                if status.camera == self.camera:
                    return status
        return CameraStatus()

    def counts(self) -> dict[str, int]:
        """The newest counts of the camera."""
        values = self.values
        return {short: int(values.get(long, 0)) for short, long in COUNTS.items()}

    def balance(self) -> None:
        """The books must come to show what was sent, and nothing published that was not."""
        expected = {name: self.expected[name] for name in COUNTS if name != "restarts"}

        def agree() -> bool:
            counts = self.counts()
            return all(counts[name] == count for name, count in expected.items())

        try:
            self.node.wait_until(agree, "the counts", patience=5.0)
        except AssertionError:
            raise AssertionError(f"counted {self.counts()}\nexpected {expected}") from None
        outcomes = sum(expected.values()) - expected["received"]
        assert outcomes == expected["received"]
        assert len(self.published) == expected["answered"] + expected["unusable"]
        if not self._turns:
            assert len(set(self.published)) == len(self.published), "a stamp was published twice"

    def await_level(self, level: int, words: str = "") -> float:
        """Wait until both topics say a level and the words; the wall time when they did so."""

        def told() -> bool:
            diagnosis, status = self.diagnosis, self.status
            return (
                (diagnosis.level[0], status.level) == (level, level)
                and words in diagnosis.message
                and words in status.message
            )

        self.node.wait_until(told, f"level {level} and {words!r}; last: {self.diagnosis.message}")
        return time.time()

    def _on_trajectories(self, message: PredictedTrajectoryArray) -> None:
        stamp = stamp_of(message)
        self.published.append(stamp)
        self._trajectories[stamp] = message

    def _on_detections(self, message: Detection2DArray) -> None:
        self._detections[stamp_to_ns(message.header.stamp)] = message
