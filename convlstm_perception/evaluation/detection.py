"""Average precision of boxes (Everingham et al. 2010, "The PASCAL Visual Object Classes")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.boxes import pairwise_iou
from convlstm_perception.types import Float32Array


@dataclass(frozen=True)
class PrecisionRecall:
    """The whole curve, one point per detection from the most certain down.

    Attributes:
        precision, recall, scores: (D,) float64.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    scores: NDArray[np.float64]


@dataclass(frozen=True)
class DetectionScore:
    """Average precision at one overlap.

    Attributes:
        average_precision: area under the curve, precision made monotone, all points.
        people: annotated people asked for.
        detections: boxes answered.
        curve: the curve itself.
    """

    average_precision: float
    people: int
    detections: int
    curve: PrecisionRecall


def score_detections(
    truths: Sequence[Float32Array],
    boxes: Sequence[Float32Array],
    scores: Sequence[Float32Array],
    overlap: float = 0.5,
) -> DetectionScore:
    """Average precision over frames.

    Args:
        truths: per frame, (N, 4) annotated boxes; all of them count.
        boxes, scores: per frame, (D, 4) detected boxes and their (D,) scores.
        overlap: least intersection over union of a match. Each annotated box is matched once, by
            the most certain detection; a second detection of it is an error.

    Raises:
        ValueError: when the three sequences differ in length.
    """
    hits: list[NDArray[np.bool_]] = []
    for truth, found, certainty in zip(truths, boxes, scores, strict=True):
        hit = np.zeros(len(found), bool)
        free = np.ones(len(truth), bool)
        overlaps = pairwise_iou(found, truth)
        for row in np.argsort(-certainty, kind="stable"):
            candidates = np.where(free, overlaps[row], 0.0)
            if len(truth) and candidates.max() >= overlap:
                free[candidates.argmax()] = False
                hit[row] = True
        hits.append(hit)
    all_scores = np.concatenate([*scores, np.zeros(0)]).astype(np.float64)
    order = np.argsort(-all_scores, kind="stable")
    correct = np.concatenate([*hits, np.zeros(0, bool)])[order]
    people = sum(len(truth) for truth in truths)
    found_so_far = np.cumsum(correct)
    recall = found_so_far / max(people, 1)
    precision = found_so_far / np.arange(1, len(correct) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    area = float(np.sum(np.diff(np.concatenate([[0.0], recall])) * envelope))
    curve = PrecisionRecall(precision, recall, all_scores[order])
    return DetectionScore(area, people, len(correct), curve)
