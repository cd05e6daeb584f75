"""Higher order tracking accuracy (Luiten et al. 2021, "HOTA: A Higher Order Metric for Evaluating
Multi-Object Tracking", sections 4 and 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from convlstm_perception.types import Int64Array

ALPHAS = np.arange(1, 20) * 0.05
_ROUNDING = 1e-9


@dataclass(frozen=True)
class FrameOverlaps:
    """The people and the tracks of one frame.

    Attributes:
        people: (N,) identities in the annotation.
        tracks: (M,) track ids.
        overlaps: (N, M) intersection over union.
    """

    people: Int64Array
    tracks: Int64Array
    overlaps: NDArray[np.floating]


@dataclass(frozen=True)
class HotaScore:
    """Means over the localisation thresholds 0.05, 0.10, ..., 0.95.

    Attributes:
        hota: mean over the thresholds of the root of detection times association accuracy.
        detection: DetA, found boxes among all boxes found, missed or wrong.
        association: AssA, how much of a person's and a track's time the two share.
    """

    hota: float
    detection: float
    association: float


def hota(sequences: Sequence[Sequence[FrameOverlaps]]) -> HotaScore:
    """Score sequences together: their boxes pooled, identities kept apart.

    Returns:
        The score; all three NaN when nobody is annotated.
    """
    counts = [_count(frames) for frames in sequences]
    people = sum(count.people for count in counts)
    if people == 0:
        return HotaScore(np.nan, np.nan, np.nan)
    hits = sum((count.hits for count in counts), np.zeros(len(ALPHAS)))
    tracks = sum(count.tracks for count in counts)
    shared = sum((count.shared for count in counts), np.zeros(len(ALPHAS)))
    detection = hits / (people + tracks - hits)
    association = shared / np.maximum(hits, 1.0)
    return HotaScore(
        hota=float(np.mean(np.sqrt(detection * association))),
        detection=float(np.mean(detection)),
        association=float(np.mean(association)),
    )


@dataclass(frozen=True)
class _Counts:
    """Of one sequence: boxes of people and of tracks; per threshold (19,) the matched ones, and
    the sum over them of the association's Jaccard index."""

    people: int
    tracks: int
    hits: NDArray[np.float64]
    shared: NDArray[np.float64]


def _count(frames: Sequence[FrameOverlaps]) -> _Counts:
    person_ids, person_boxes = np.unique(
        np.concatenate([*(frame.people for frame in frames), np.zeros(0, np.int64)]),
        return_counts=True,
    )
    track_ids, track_boxes = np.unique(
        np.concatenate([*(frame.tracks for frame in frames), np.zeros(0, np.int64)]),
        return_counts=True,
    )
    rows = [np.searchsorted(person_ids, frame.people) for frame in frames]
    columns = [np.searchsorted(track_ids, frame.tracks) for frame in frames]
    union = person_boxes[:, None] + track_boxes[None].astype(np.float64)

    # How well each person and track fit over the whole sequence, before one-to-one matching; the
    # matching of each frame prefers pairs that fit (section 5.3, and the authors' TrackEval).
    fitting = np.zeros((len(person_ids), len(track_ids)))
    for frame, row, column in zip(frames, rows, columns, strict=True):
        rivals = (
            frame.overlaps.sum(0, keepdims=True)
            + frame.overlaps.sum(1, keepdims=True)
            - frame.overlaps
        )
        fitting[np.ix_(row, column)] += frame.overlaps / np.maximum(rivals, _ROUNDING)
    alignment = fitting / np.maximum(union - fitting, _ROUNDING)

    matches = np.zeros((len(ALPHAS), *alignment.shape))
    for frame, row, column in zip(frames, rows, columns, strict=True):
        mine, its = linear_sum_assignment(
            alignment[np.ix_(row, column)] * frame.overlaps, maximize=True
        )
        overlaps = frame.overlaps[mine, its]
        for index, alpha in enumerate(ALPHAS):
            kept = overlaps >= alpha - _ROUNDING
            matches[index, row[mine[kept]], column[its[kept]]] += 1.0
    jaccard = matches / np.maximum(union[None] - matches, 1.0)
    return _Counts(
        people=int(person_boxes.sum()),
        tracks=int(track_boxes.sum()),
        hits=matches.sum((1, 2)),
        shared=(matches * jaccard).sum((1, 2)),
    )
