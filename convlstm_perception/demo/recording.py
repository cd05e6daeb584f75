"""What the demo saw on the topics, kept for the pictures and the figures."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from convlstm_perception.errors import ImageError
from convlstm_perception.types import GroundTracks, Image, Tracks

_JPEG_QUALITY = 95


@dataclass(frozen=True, slots=True)
class Answer:
    """The node's answer for one frame, as a subscriber received it.

    Attributes:
        stamp_ns: stamp of the frame answered.
        received_ns: system time at which the answer arrived.
        frame_id: frame_id of the frame answered.
        model_id: model that answered.
        tracks: the pedestrians and their predicted boxes.
        ground: the same pedestrians in metres.
    """

    stamp_ns: int
    received_ns: int
    frame_id: str
    model_id: str
    tracks: Tracks
    ground: GroundTracks

    @property
    def latency(self) -> float:
        """Seconds from the stamp of the frame to the arrival of the answer."""
        return (self.received_ns - self.stamp_ns) * 1e-9


class Recording:
    """Images, answers and diagnostics by stamp; filled by one thread, read by another.

    Args:
        folder: an existing folder where the images are kept as JPEG files, so that the
            memory needed does not grow with the run.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._images: dict[int, Path] = {}
        self._answers: dict[int, Answer] = {}
        self._detections: dict[int, int] = {}
        self._diagnostics: dict[str, str] = {}
        self._problem = ""

    def add_image(self, stamp_ns: int, image: Image) -> None:
        """Keep a frame that was published."""
        path = self._folder / f"{stamp_ns}.jpg"
        cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        with self._lock:
            self._images[stamp_ns] = path

    def add_answer(self, answer: Answer) -> None:
        """Keep the trajectories published for a frame."""
        with self._lock:
            self._answers[answer.stamp_ns] = answer

    def add_detections(self, stamp_ns: int, count: int) -> None:
        """Keep the number of detections published for a frame."""
        with self._lock:
            self._detections[stamp_ns] = count

    def add_diagnostics(self, values: dict[str, str]) -> None:
        """Keep the newest value of each diagnostic key."""
        with self._lock:
            self._diagnostics.update(values)

    def add_problem(self, problem: str) -> None:
        """Keep what the node reports as an error, or "" when all is well."""
        with self._lock:
            self._problem = problem

    @property
    def problem(self) -> str:
        """What the node last reported as an error, or ""."""
        with self._lock:
            return self._problem

    @property
    def counts(self) -> tuple[int, int]:
        """Number of images and of answers so far."""
        with self._lock:
            return len(self._images), len(self._answers)

    @property
    def image_stamps(self) -> list[int]:
        """Stamps of the images that arrived, rising."""
        with self._lock:
            return sorted(self._images)

    @property
    def answers(self) -> list[Answer]:
        """The answers in the order of their stamps."""
        with self._lock:
            return [self._answers[stamp] for stamp in sorted(self._answers)]

    @property
    def detection_counts(self) -> list[int]:
        """Detections published for each answered frame."""
        with self._lock:
            return list(self._detections.values())

    @property
    def diagnostics(self) -> dict[str, str]:
        """The newest value of each diagnostic key."""
        with self._lock:
            return dict(self._diagnostics)

    def answer(self, stamp_ns: int) -> Answer | None:
        """The answer for a frame, or None where it was skipped."""
        with self._lock:
            return self._answers.get(stamp_ns)

    def image(self, stamp_ns: int) -> Image | None:
        """The frame with this stamp, or None where it did not arrive.

        Raises:
            ImageError: the kept file was damaged or removed meanwhile.
        """
        with self._lock:
            path = self._images.get(stamp_ns)
        if path is None:
            return None
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise ImageError(f"{path}: this frame was removed during the run. Run it again.")
        return np.asarray(image, dtype=np.uint8)
