"""What a contender offers, and how a mere detector becomes one."""

from __future__ import annotations

import time
from typing import Protocol

import numpy as np

from convlstm_perception.stream.decode import strongest
from convlstm_perception.stream.forecast import ConstantVelocityForecaster
from convlstm_perception.stream.settings import TrackerSettings
from convlstm_perception.stream.tracker import Tracker
from convlstm_perception.types import (
    Detections,
    Float32Array,
    Frame,
    Image,
    PerceptionResult,
    Trajectories,
)

OVERLAP_THRESHOLD = 0.45
"""Of two boxes of a baseline that overlap more, the weaker is dropped: what the examples of both
Yolo-Fastest and FastestDet use."""

# So wide, in pixels squared, that the tracker's own constant velocity alone decides.
_NO_KNOWLEDGE = 1e8


class Contender(Protocol):
    """Answers the frames of one camera.

    Attributes:
        name: in JSON and in the report.
        description: what it is, in a few words.
    """

    name: str
    description: str

    def process(self, frame: Frame) -> PerceptionResult:
        """Answer one frame, newer than the one before."""
        ...

    def reset(self) -> None:
        """Forget every frame."""
        ...


class Detector(Protocol):
    """Finds people in single images.

    Attributes:
        name, description: as of a :class:`Contender`.
        detection_threshold: score from which a box may begin a track.
        low_threshold: score from which a box may continue a track.
    """

    name: str
    description: str
    detection_threshold: float
    low_threshold: float

    def detect(self, image: Image) -> tuple[Float32Array, Float32Array]:
        """Find people.

        Args:
            image: (height, width, 3) uint8, channels blue, green, red.

        Returns:
            (N, 4) boxes in pixels of the image and (N,) scores in [0, 1], falling.
        """
        ...


class DetectorContender:
    """A detector with this package's tracker, whose tracks go on at constant velocity.

    A detection itself says nothing of the future: it is published as standing still.

    Args:
        detector: to be measured.
        times: (H,) seconds of the horizons.
    """

    def __init__(self, detector: Detector, times: Float32Array) -> None:
        self.name, self.description = detector.name, detector.description
        self._detector, self._times = detector, times
        self._tracker = Tracker(
            TrackerSettings(),
            times,
            detector.detection_threshold,
            ConstantVelocityForecaster(times),
            detector.low_threshold,
        )

    def reset(self) -> None:
        """Drop every track."""
        self._tracker.reset()

    def process(self, frame: Frame) -> PerceptionResult:
        """Answer one frame."""
        start = time.perf_counter()
        boxes, scores = self._detector.detect(frame.image)
        found = time.perf_counter()
        shape = (len(boxes), len(self._times), 4)
        detections = Detections(
            boxes,
            scores,
            Trajectories(
                self._times,
                np.broadcast_to(boxes[:, None], shape),
                np.broadcast_to(np.float32(_NO_KNOWLEDGE), shape),
            ),
        )
        tracks = self._tracker.update(detections, frame.stamp_ns, frame.image)
        return PerceptionResult(
            frame.stamp_ns,
            frame.frame_id,
            detections,
            tracks,
            valid_slots=1,
            latencies={"detect": found - start, "track": time.perf_counter() - found},
        )


def without_doubles(boxes: Float32Array, scores: Float32Array) -> tuple[Float32Array, Float32Array]:
    """The boxes by falling score, less those that a stronger one overlaps."""
    order = np.argsort(-scores, kind="stable")
    boxes, scores = boxes[order].astype(np.float32), scores[order].astype(np.float32)
    kept = strongest(boxes, OVERLAP_THRESHOLD)
    return boxes[kept], scores[kept]
