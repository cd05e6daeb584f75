"""Which detection continues which track."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from convlstm_perception.boxes import pairwise_iou
from convlstm_perception.stream.settings import TrackerSettings
from convlstm_perception.types import BoolArray, Float32Array

_REJECTED = 1e6
_LARGEST_HEIGHT_RATIO = 2.0


def assign(
    predicted: Float32Array,
    boxes: Float32Array,
    similarity: Float32Array,
    active: BoolArray,
    settings: TrackerSettings,
) -> list[tuple[np.intp, np.intp]]:
    """Pairs (track, detection) of least total cost, each track and each detection at most once.

    The cost is the distance in box heights, less the overlap, plus the unlikeness of the looks.

    Args:
        predicted: (M, 4) boxes of the tracks at the time of the detections.
        boxes: (N, 4) boxes of the detections.
        similarity: (M, N) of their appearances, 1 for equal ones.
        active: (M,) whether a track is published still; one that is not is found again only by
            a detection that looks like it.
        settings: gates and weights.
    """
    if not len(predicted) or not len(boxes):
        return []
    offset = predicted[:, None, :2] - boxes[None, :, :2]
    height = (predicted[:, None, 3] + boxes[None, :, 3]) / 2
    distance = np.linalg.norm(offset, axis=-1) / np.maximum(height, 1e-6)
    # People are narrow: a shift by one width is another person, by one height surely so.
    overlap = pairwise_iou(predicted, boxes)
    ratio = np.abs(np.log(np.maximum(predicted[:, None, 3], 1e-6) / boxes[None, :, 3]))
    least = np.where(active, settings.match_similarity, settings.recall_similarity)
    possible = (
        (distance <= settings.match_distance)
        & (ratio < np.log(_LARGEST_HEIGHT_RATIO))
        & (similarity >= least[:, None])
    )
    unlikeness = settings.appearance_weight * (1 - similarity)
    cost = np.where(possible, distance + 1 - overlap + unlikeness, _REJECTED)
    rows, columns = linear_sum_assignment(cost)
    matched = cost[rows, columns] < _REJECTED
    return list(zip(rows[matched], columns[matched], strict=True))
