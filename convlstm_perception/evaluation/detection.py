"""How well people are found: average precision and miss rate of boxes.

Average precision is that of Everingham et al. 2010, "The PASCAL Visual Object Classes"; its mean
over overlaps that of Lin et al. 2014, "Microsoft COCO"; the log-average miss rate and the height
ranges those of Dollar et al. 2012, "Pedestrian Detection: An Evaluation of the State of the Art".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from convlstm_perception.boxes import pairwise_iou
from convlstm_perception.evaluation.answered import AnsweredSequence
from convlstm_perception.evaluation.average_precision import (
    DetectionScore,
    PrecisionRecall,
    average_precision,
    judge,
)
from convlstm_perception.evaluation.matching import IGNORED_SHARE, MATCH_OVERLAP, share_inside
from convlstm_perception.types import BoolArray, Float32Array

__all__ = [
    "DetectionScore",
    "DetectionSummary",
    "HEIGHT_RANGES",
    "HeightRange",
    "PrecisionRecall",
    "RangeScore",
    "detection_summary",
    "log_average_miss_rate",
    "score_detections",
]

OVERLAPS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
FALSE_ALARMS_A_FRAME = np.logspace(-2.0, 0.0, 9)

# Boxes a little outside the range may be found ones of people inside it: Dollar et al. 2012,
# section 3.4, r = 1.25.
_HEIGHT_MARGIN = 1.25


@dataclass(frozen=True)
class HeightRange:
    """People by their height in the image, ``low <= height < high`` in pixels."""

    low: float = 0.0
    high: float = math.inf

    def __str__(self) -> str:
        if math.isinf(self.high):
            return f"{self.low:g} pixels and more"
        return f"{self.low:g} to {self.high:g}" if self.low else f"below {self.high:g}"

    def holds(self, boxes: Float32Array, margin: float = 1.0) -> BoolArray:
        """(N,) which of the (N, 4) boxes are in the range widened by a factor."""
        height = boxes[:, 3]
        return (height >= self.low / margin) & (height < self.high * margin)


HEIGHT_RANGES: Mapping[str, HeightRange] = {
    "near": HeightRange(80.0, math.inf),
    "medium": HeightRange(30.0, 80.0),
    "far": HeightRange(0.0, 30.0),
    "over_32px": HeightRange(32.0, math.inf),  # across the others: what cameras must not miss
}


@dataclass(frozen=True)
class RangeScore:
    """Detection of the people of one height range.

    Attributes:
        ap50: average precision at overlap 0.5; NaN without such people.
        log_average_miss_rate: at overlap 0.5; NaN without such people.
        people: how many were asked for.
    """

    ap50: float
    log_average_miss_rate: float
    people: int


@dataclass(frozen=True)
class DetectionSummary:
    """Detection over all sequences.

    Attributes:
        ap50: average precision at overlap 0.5; NaN without people.
        ap50_95: its mean over the overlaps 0.50, 0.55, ..., 0.95; NaN without people.
        log_average_miss_rate: at overlap 0.5; NaN without people.
        people: annotated people asked for.
        frames: annotated frames.
        by_height: the same by the people's height, keys of ``HEIGHT_RANGES``.
        curve: precision and recall at overlap 0.5.
    """

    ap50: float
    ap50_95: float
    log_average_miss_rate: float
    people: int
    frames: int
    by_height: Mapping[str, RangeScore]
    curve: PrecisionRecall = field(metadata={"table": True})


def score_detections(
    truths: Sequence[Float32Array],
    boxes: Sequence[Float32Array],
    scores: Sequence[Float32Array],
    overlap: float = MATCH_OVERLAP,
    *,
    ignored: Sequence[Float32Array] | None = None,
    heights: HeightRange | None = None,
) -> DetectionScore:
    """Average precision over frames.

    Args:
        truths: per frame, (N, 4) annotated boxes.
        boxes, scores: per frame, (D, 4) detected boxes and their (D,) scores.
        overlap: least intersection over union of a match. Each annotated box is matched once, by
            the most certain detection; a second detection of it is an error.
        ignored: per frame, (M, 4) regions that excuse a detection that matches nobody and has
            half of its area in one of them; None for no such regions.
        heights: ask only for people of these heights. The others excuse the detections that find
            them, and a detection that matches nobody is an error only within the range widened by
            a quarter. None asks for all people.

    Raises:
        ValueError: when the sequences differ in length.
    """
    regions = [np.zeros((0, 4), np.float32)] * len(truths) if ignored is None else ignored
    verdicts = []
    people = 0
    for truth, found, certainty, region in zip(truths, boxes, scores, regions, strict=True):
        excused = share_inside(found, region) >= IGNORED_SHARE
        asked = np.ones(len(truth), bool)
        if heights is not None:
            asked = heights.holds(truth)
            excused |= ~heights.holds(found, _HEIGHT_MARGIN)
        overlaps = pairwise_iou(found, truth)
        verdicts.append(judge(overlaps[:, asked], overlaps[:, ~asked], excused, certainty, overlap))
        people += int(asked.sum())
    return average_precision(verdicts, scores, people)


def log_average_miss_rate(score: DetectionScore, frames: int) -> float:
    """Log-average miss rate (Dollar et al. 2012, section 3.1).

    The geometric mean of the miss rate at nine rates of false alarms, 0.01 to 1 a frame, evenly
    spaced in logarithm. Where the curve does not reach down to a rate, all people are missed.

    Args:
        score: of the detections.
        frames: how many frames were scored.

    Returns:
        In [0, 1]; NaN without people.
    """
    if score.people == 0:
        return math.nan
    ranks = np.arange(1, len(score.curve.precision) + 1)
    alarms = np.rint(ranks * (1.0 - score.curve.precision)) / max(frames, 1)
    missed = np.concatenate([[1.0], 1.0 - score.curve.recall])
    # Index 0 is the answer without any detection; alarms only grow along the curve.
    at = np.searchsorted(alarms, FALSE_ALARMS_A_FRAME + 1e-12, side="right")
    # The floor is that of the authors' code; a miss rate of 0 has no logarithm.
    return float(np.exp(np.mean(np.log(np.maximum(missed[at], 1e-10)))))


def detection_summary(sequences: Sequence[AnsweredSequence]) -> DetectionSummary:
    """Score the detections of all annotated frames of all sequences together."""
    answered = [
        (sequence.truths[frame], sequence.results[frame].detections)
        for sequence in sequences
        for frame in sequence.frames()
    ]
    truths = [truth.boxes for truth, _ in answered]
    boxes = [found.boxes for _, found in answered]
    scores = [found.scores for _, found in answered]
    ignored = [truth.ignored for truth, _ in answered]
    at_overlap = [
        score_detections(truths, boxes, scores, overlap, ignored=ignored) for overlap in OVERLAPS
    ]
    by_height = {}
    for name, heights in HEIGHT_RANGES.items():
        score = score_detections(truths, boxes, scores, ignored=ignored, heights=heights)
        by_height[name] = RangeScore(
            score.average_precision if score.people else math.nan,
            log_average_miss_rate(score, len(answered)),
            score.people,
        )
    whole = at_overlap[0]
    mean = float(np.mean([score.average_precision for score in at_overlap]))
    return DetectionSummary(
        ap50=whole.average_precision if whole.people else math.nan,
        ap50_95=mean if whole.people else math.nan,
        log_average_miss_rate=log_average_miss_rate(whole, len(answered)),
        people=whole.people,
        frames=len(answered),
        by_height=by_height,
        curve=whole.curve,
    )
