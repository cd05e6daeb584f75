"""Which answered box belongs to which annotated person, in one frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from convlstm_perception.boxes import pairwise_iou
from convlstm_perception.data.sequence import FrameTruth
from convlstm_perception.types import BoolArray, Float32Array, Tracks

MATCH_OVERLAP = 0.5  # least intersection over union of a match
IGNORED_SHARE = 0.5  # share of a box inside an ignored region that excuses it


def match_boxes(
    truth: Float32Array, found: Float32Array, overlap: float = MATCH_OVERLAP
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """One-to-one matches with the largest total overlap (Hungarian algorithm).

    Args:
        truth, found: (N, 4) and (M, 4) boxes.
        overlap: least intersection over union of a match.

    Returns:
        Rows of ``truth`` and the rows of ``found`` matched with them.
    """
    overlaps = pairwise_iou(truth, found)
    # Zero below the limit: a pair that may not match must not draw another pair apart.
    allowed = np.where(overlaps >= overlap, overlaps, 0.0)
    rows, columns = linear_sum_assignment(allowed, maximize=True)
    kept = allowed[rows, columns] > 0
    return rows[kept], columns[kept]


def share_inside(boxes: Float32Array, regions: Float32Array) -> NDArray[np.float64]:
    """Largest share of each box's own area that lies in one region.

    Crowd regions are wider than a person, so that intersection over union would never excuse one
    (COCO's "iscrowd"; Dollar et al. 2012, section 3.2).

    Args:
        boxes: (N, 4). regions: (M, 4).

    Returns:
        (N,) in [0, 1]; 0 without regions.
    """
    if len(regions) == 0 or len(boxes) == 0:
        return np.zeros(len(boxes))
    low = np.maximum(
        (boxes[:, :2] - boxes[:, 2:] / 2)[:, None], (regions[:, :2] - regions[:, 2:] / 2)[None]
    )
    high = np.minimum(
        (boxes[:, :2] + boxes[:, 2:] / 2)[:, None], (regions[:, :2] + regions[:, 2:] / 2)[None]
    )
    shared = np.clip(high - low, 0, None).prod(-1).max(axis=1)
    return np.asarray(shared / np.maximum(boxes[:, 2:].prod(-1), 1e-9), np.float64)


def counted_tracks(truth: FrameTruth, tracks: Tracks, overlap: float = MATCH_OVERLAP) -> BoolArray:
    """(N,) False for tracks that match nobody and lie in an ignored region."""
    counted = share_inside(tracks.boxes, truth.ignored) < IGNORED_SHARE
    counted[match_boxes(truth.boxes, tracks.boxes, overlap)[1]] = True
    return counted
