"""Detection as it stands when it is published, while the world has moved on.

After Li et al. 2020, "Towards Streaming Perception", section 3: at the time of every annotated
frame the newest answer published by then is scored against the people of that frame.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.evaluation.answered import AnsweredSequence, values_at
from convlstm_perception.evaluation.detection import score_detections
from convlstm_perception.types import Detections, Float32Array, Int64Array

_ROUNDING = 1e-9  # seconds


@dataclass(frozen=True)
class StreamingSummary:
    """Average precision at overlap 0.5 over all sequences; NaN without people.

    Attributes:
        instant_ap50: of every frame's own answer, as if it took no time.
        published_ap50: of the newest published answer's boxes as they were.
        moved_ap50: of those boxes moved to the annotated time along their own trajectories; a box
            whose trajectory ends before that time stays where it ends.
        mean_latency: of one frame in seconds.
        mean_age: time from an answer's exposure to the annotated time it is scored at, in seconds;
            NaN when nothing was published.
        processed_share: share of the frames that were processed, the others were skipped.
    """

    instant_ap50: float
    published_ap50: float
    moved_ap50: float
    mean_latency: float
    mean_age: float
    processed_share: float


@dataclass(frozen=True)
class PublishedAnswers:
    """What one busy worker publishes.

    Attributes:
        frames: (P,) numbers of the processed frames, rising.
        times: (P,) seconds after frame 0 at which each was published, rising.
    """

    frames: Int64Array
    times: NDArray[np.float64]

    def newest_at(self, seconds: float) -> int | None:
        """Number of the frame whose answer is the newest at a time; None before the first."""
        index = int(np.searchsorted(self.times, seconds + _ROUNDING, side="right")) - 1
        return None if index < 0 else int(self.frames[index])


def publish_times(latencies: NDArray[np.floating], frame_rate: float) -> PublishedAnswers:
    """Process the newest frame whenever free; frames that arrive meanwhile wait, the newest wins.

    Args:
        latencies: (frames,) seconds that each frame takes when it is processed.
        frame_rate: frames a second; frame n arrives at ``n / frame_rate``.

    Raises:
        ValueError: when a latency is negative.
    """
    if (np.asarray(latencies) < 0).any():
        raise ValueError("latencies: one is negative")
    frames: list[int] = []
    times: list[float] = []
    free, frame = 0.0, 0
    while frame < len(latencies):
        free = max(free, frame / frame_rate) + float(latencies[frame])
        frames.append(frame)
        times.append(free)
        newest = math.floor((free + _ROUNDING) * frame_rate)
        frame = max(frame + 1, min(newest, len(latencies) - 1))
    return PublishedAnswers(np.array(frames, np.int64), np.array(times, np.float64))


def streaming_summary(
    sequences: Sequence[AnsweredSequence],
    latencies: Sequence[NDArray[np.floating]] | None = None,
) -> StreamingSummary:
    """Score the detections at the times of the annotated frames.

    The recorded answers saw every frame; what skipping frames does to a tracker is not in them.

    Args:
        sequences: the recorded answers.
        latencies: per sequence, (frames,) seconds a frame; None takes the sums of the stages that
            the answers recorded.

    Raises:
        ValueError: when the latencies do not fit the sequences, or one is negative.
    """
    if latencies is None:
        latencies = [
            np.array([sum(result.latencies.values()) for result in sequence.results], np.float64)
            for sequence in sequences
        ]
    truths: list[Float32Array] = []
    ignored: list[Float32Array] = []
    instant: list[Detections] = []
    published: list[Detections] = []
    moved: list[Float32Array] = []
    ages: list[float] = []
    processed = 0
    for sequence, taken in zip(sequences, latencies, strict=True):
        if len(taken) != len(sequence.results):
            raise ValueError(
                f"{sequence.name}: {len(taken)} latencies for {len(sequence.results)} answers"
            )
        answers = publish_times(taken, sequence.frame_rate)
        processed += len(answers.frames)
        for frame in sequence.frames():
            truths.append(sequence.truths[frame].boxes)
            ignored.append(sequence.truths[frame].ignored)
            instant.append(sequence.results[frame].detections)
            newest = answers.newest_at(frame / sequence.frame_rate)
            if newest is None:
                published.append(instant[-1].take(np.zeros(0, np.intp)))
                moved.append(published[-1].boxes)
                continue
            published.append(sequence.results[newest].detections)
            ages.append((frame - newest) / sequence.frame_rate)
            moved.append(boxes_after(published[-1], ages[-1]))

    def ap50(boxes: Sequence[Float32Array], detections: Sequence[Detections]) -> float:
        scores = [found.scores for found in detections]
        score = score_detections(truths, boxes, scores, ignored=ignored)
        return score.average_precision if score.people else math.nan

    taken_all = np.concatenate([*latencies, np.zeros(0)])
    return StreamingSummary(
        instant_ap50=ap50([found.boxes for found in instant], instant),
        published_ap50=ap50([found.boxes for found in published], published),
        moved_ap50=ap50(moved, published),
        mean_latency=float(taken_all.mean()) if len(taken_all) else math.nan,
        mean_age=float(np.mean(ages)) if ages else math.nan,
        processed_share=processed / len(taken_all) if len(taken_all) else math.nan,
    )


def boxes_after(detections: Detections, seconds: float) -> Float32Array:
    """(N, 4) the boxes moved along their own trajectories; they stay where those end."""
    times = detections.trajectories.times
    until = min(seconds, float(times[-1])) if len(times) else 0.0
    moved = values_at(times, detections.boxes, detections.trajectories.boxes, np.array([until]))
    return np.asarray(moved[:, 0], np.float32)
