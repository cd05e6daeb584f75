"""Average precision: verdicts on single boxes, and the curve that they give together.

The verdicts follow the COCO evaluation (Lin et al. 2014, "Microsoft COCO", and its cocoeval.py):
people who are not asked for excuse the boxes that find them, and excuse no others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Verdicts = NDArray[np.int8]

HIT, ERROR, EXCUSED = 1, 0, -1


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
        detections: boxes answered, without those excused.
        curve: the curve itself.
    """

    average_precision: float
    people: int
    detections: int
    curve: PrecisionRecall


def judge(
    overlaps: NDArray[np.floating],
    excusing: NDArray[np.floating],
    excused: NDArray[np.bool_],
    scores: NDArray[np.floating],
    overlap: float,
) -> Verdicts:
    """A verdict on every box of one frame, from the most certain down.

    A box takes the free person that it overlaps most, one asked for before one not asked for.

    Args:
        overlaps: (D, N) overlap of each box with the people asked for; a pair that may not match
            holds 0.
        excusing: (D, K) overlap with people who are not asked for; each excuses one box.
        excused: (D,) boxes that are excused when they match nobody.
        scores: (D,) confidence.
        overlap: least overlap of a match.

    Returns:
        (D,) ``HIT``, ``ERROR`` or ``EXCUSED``.
    """
    verdicts = np.where(excused, EXCUSED, ERROR).astype(np.int8)
    people = overlaps.shape[1]
    both = np.concatenate([overlaps, excusing], axis=1).astype(np.float64)
    both[both < overlap] = 0.0
    touching = np.flatnonzero(both.any(axis=1))
    for row in touching[np.argsort(-scores[touching], kind="stable")]:
        for columns, verdict in ((slice(0, people), HIT), (slice(people, None), EXCUSED)):
            candidates = both[row, columns]
            if candidates.size and candidates.max() > 0:
                verdicts[row] = verdict
                both[:, columns][:, candidates.argmax()] = 0.0
                break
    return verdicts


def average_precision(
    verdicts: Sequence[Verdicts], scores: Sequence[NDArray[np.floating]], people: int
) -> DetectionScore:
    """Average precision over frames (Everingham et al. 2010, section 4.2, all points).

    Args:
        verdicts, scores: per frame, (D,) verdicts and confidences.
        people: annotated people asked for in all frames.
    """
    all_verdicts = np.concatenate([*verdicts, np.zeros(0, np.int8)])
    all_scores = np.concatenate([*scores, np.zeros(0)]).astype(np.float64)
    counted = all_verdicts != EXCUSED
    all_verdicts, all_scores = all_verdicts[counted], all_scores[counted]
    order = np.argsort(-all_scores, kind="stable")
    found_so_far = np.cumsum(all_verdicts[order] == HIT)
    recall = found_so_far / max(people, 1)
    precision = found_so_far / np.arange(1, len(order) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    area = float(np.sum(np.diff(np.concatenate([[0.0], recall])) * envelope))
    curve = PrecisionRecall(precision, recall, all_scores[order])
    return DetectionScore(area, people, len(order), curve)
