"""Run the pipeline over an annotated video, frame by frame, as a camera would send it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from convlstm_perception.data.sequence import FrameTruth
from convlstm_perception.evaluation.detection import DetectionScore, score_detections
from convlstm_perception.stream.pipeline import CameraPipeline
from convlstm_perception.types import NANOSECONDS_PER_SECOND, Frame, Image, PerceptionResult


def answer_sequence(
    pipeline: CameraPipeline,
    images: Iterable[Image],
    frame_rate: float,
    progress: Callable[[], object] = lambda: None,
) -> list[PerceptionResult]:
    """Answer every frame in order, stamped at exactly ``frame_rate`` frames a second.

    ``progress`` is called after each frame.
    """
    results = []
    for number, image in enumerate(images):
        stamp_ns = round(number * NANOSECONDS_PER_SECOND / frame_rate)
        results.append(pipeline.process(Frame(image, stamp_ns)))
        progress()
    return results


def score_sequence(
    results: Sequence[PerceptionResult],
    truths: Mapping[int, FrameTruth],
    every: int,
    overlap: float,
) -> DetectionScore:
    """Average precision of the detections on every n-th frame; all annotated people count."""
    frames = [number for number in range(0, len(results), every) if number in truths]
    found = [results[number].detections for number in frames]
    return score_detections(
        [truths[number].boxes for number in frames],
        [detections.boxes for detections in found],
        [detections.scores for detections in found],
        overlap,
    )
