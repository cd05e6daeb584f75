"""Which detection continues which track."""

from __future__ import annotations

import importlib
from importlib.machinery import ExtensionFileLoader, PathFinder
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType

import numpy as np

from convlstm_perception.boxes import pairwise_iou
from convlstm_perception.stream.settings import TrackerSettings
from convlstm_perception.types import BoolArray, Float32Array

_REJECTED = 1e6
_LARGEST_HEIGHT_RATIO = 2.0
_PACKAGE = "scipy.optimize"


def import_solver(name: str = "_lsap") -> ModuleType:
    """A module with scipy's ``linear_sum_assignment``.

    ``scipy.optimize`` imports most of scipy, 35 MB and a quarter of a second of a node's start, for
    this one function, which lies in a compiled module that needs none of it. That module's name is
    scipy's own affair: where it is called otherwise, the whole package is imported.

    Args:
        name: of the compiled module.
    """
    scipy = find_spec("scipy")  # found, not imported
    roots = (scipy and scipy.submodule_search_locations) or ()
    folders = [str(Path(root) / "optimize") for root in roots]
    spec = PathFinder.find_spec(f"{_PACKAGE}.{name}", folders)
    if spec is None or not isinstance(spec.loader, ExtensionFileLoader):
        return importlib.import_module(_PACKAGE)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_linear_sum_assignment = import_solver().linear_sum_assignment


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
    rows, columns = _linear_sum_assignment(cost)
    matched = cost[rows, columns] < _REJECTED
    return list(zip(rows[matched], columns[matched], strict=True))
