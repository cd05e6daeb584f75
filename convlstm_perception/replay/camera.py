"""One camera of a replay: which images it answers, what is written of it, what became of them."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any, Self

from convlstm_perception.bags import BagWriter
from convlstm_perception.bags.messages import bag_message_types
from convlstm_perception.bags.reader import seconds_text, stamp_of
from convlstm_perception.bags.types import type_store
from convlstm_perception.data.image_message import decode_compressed, decode_image
from convlstm_perception.demo.media import VideoFile
from convlstm_perception.engine import ModelBundle
from convlstm_perception.messages import detections_message, trajectories_message
from convlstm_perception.replay.plan import ANSWERS_TYPE, CameraPlan
from convlstm_perception.types import (
    NANOSECONDS_PER_SECOND,
    AnswerStatus,
    Frame,
    Image,
    PerceptionResult,
)
from convlstm_perception.visualization.overlay import OverlayRenderer

_DETECTIONS_TYPE = "vision_msgs/msg/Detection2DArray"
_RATES = (1.0, 240.0)  # of a video


class ReplayedCamera:
    """Chooses a camera's images, and writes their answers; the video is complete after the block.

    Args:
        plan: of the camera.
        bundle: that answers.
        every_frame: answer also images that the node did not.
        rate: images a second in the bag, where it holds no answers.
        video: file of the overlay; None draws none.
    """

    def __init__(
        self,
        plan: CameraPlan,
        bundle: ModelBundle,
        *,
        every_frame: bool,
        rate: float,
        video: Path | None,
    ) -> None:
        self.plan = plan
        self._bundle, self._types = bundle, bag_message_types()
        self._recorded: dict[int, deque[bytes]] = defaultdict(deque)
        for answer in plan.answers:
            self._recorded[answer.stamp_ns].append(answer.content)
        self._chosen = (
            None
            if every_frame or not plan.answers
            else Counter(answer.stamp_ns for answer in plan.answers)
        )
        self._renderer = OverlayRenderer(title=bundle.model_id)
        self._video_path, self._rate = video, self._frame_rate(rate)
        self._video: VideoFile | None = None
        self._refused: Counter[str] = Counter()
        self._status: Counter[AnswerStatus] = Counter()
        self._ids: set[int] = set()
        self._images = self._people = self._identical = 0
        self._different: list[int] = []

    @property
    def expected(self) -> int | None:
        """Number of images to answer, or None where it is all of them."""
        return None if self._chosen is None else self._chosen.total()

    def frame(self, message: Any) -> Frame | None:
        """An image message as a frame to answer; None where the node did not answer it.

        Raises:
            ImageError: when it cannot be used.
        """
        self._images += 1
        stamp_ns = stamp_of(message)
        if self._chosen is not None:
            if not self._chosen[stamp_ns]:
                return None
            self._chosen[stamp_ns] -= 1
        decode: Any = decode_compressed if hasattr(message, "format") else decode_image
        return Frame(decode(message), stamp_ns, message.header.frame_id)

    def refuse(self, error: Exception) -> None:
        """Count a frame that cannot be answered, as the node would."""
        self._refused[str(error)] += 1

    def answer(
        self, bag: BagWriter, time_ns: int, header: Any, image: Image, result: PerceptionResult
    ) -> None:
        """Write an answer.

        Args:
            bag: to write to.
            time_ns: when the image was received.
            header: of the image's message.
            image: as it was answered.
            result: for it.
        """
        message = trajectories_message(self._types, result, header, self._bundle.model_id)
        bag.write(f"{self.plan.prefix}/trajectories", ANSWERS_TYPE, time_ns, message)
        if result.status != AnswerStatus.UNUSABLE:
            detections = detections_message(self._types, result, header, self._bundle.classes[0])
            bag.write(f"{self.plan.prefix}/detections", _DETECTIONS_TYPE, time_ns, detections)
        self._count(result, bytes(type_store().serialize_cdr(message, ANSWERS_TYPE)))
        if self._video_path:
            # How long it took differs from replay to replay; what is drawn must not.
            self._draw(self._video_path, image, replace(result, latencies={}))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the video; a SourceError where not all of it could be written."""
        if self._video:
            self._video.__exit__(kind, error, trace)

    def summary(self) -> dict[str, Any]:
        """What became of the images, in numbers."""
        answered = self._status.total()
        compared = self._identical + len(self._different)
        return {
            "image_topic": self.plan.image_topic,
            "answers": f"{self.plan.prefix}/trajectories",
            "images": self._images,
            "answered": answered,
            "degraded": self._status[AnswerStatus.DEGRADED],
            "unusable": self._status[AnswerStatus.UNUSABLE],
            "refused": dict(self._refused),
            "tracks_per_image": round(self._people / answered, 3) if answered else 0.0,
            "track_ids": len(self._ids),
            "recorded_answers": len(self.plan.answers),
            "without_image": self._chosen.total() if self._chosen is not None else 0,
            "identical": self._identical,
            "different": len(self._different),
            "first_difference": seconds_text(self._different[0]) if self._different else "",
            "last_difference": seconds_text(self._different[-1]) if self._different else "",
            "compared": compared,
            "overlay": self._video_path.name if self._video_path and answered else "",
        }

    def _count(self, result: PerceptionResult, content: bytes) -> None:
        self._status[result.status] += 1
        self._people += len(result.tracks)
        self._ids |= set(result.tracks.ids.tolist())
        recorded = self._recorded[result.stamp_ns]
        if not recorded:
            return
        if recorded.popleft() == content:
            self._identical += 1
        else:
            self._different.append(result.stamp_ns)

    def _draw(self, path: Path, image: Image, result: PerceptionResult) -> None:
        drawn = self._renderer.draw(image, result)
        if self._video is None:
            height, width = image.shape[:2]
            self._video = VideoFile(path, "mp4v", self._rate, width, height)
        self._video.write(drawn)

    def _frame_rate(self, otherwise: float) -> float:
        stamps = [answer.stamp_ns for answer in self.plan.answers]
        steps = [after - before for before, after in pairwise(stamps)]
        step = median(steps) / NANOSECONDS_PER_SECOND if steps else 0.0
        return min(max(1 / step if step > 0 else otherwise, _RATES[0]), _RATES[1])
