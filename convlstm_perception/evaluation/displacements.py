"""How far a prediction is from where somebody went, and how going straight on is predicted.

Places are two numbers, in pixels or in metres: the same code measures in both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.types import Int64Array

HORIZONS = (1.0, 2.0, 3.0)  # seconds

VELOCITY_WINDOW = 1.0  # seconds of a track's past that constant velocity reads
_ROUNDING = 1e-4  # seconds; times are stored as float32

Places = NDArray[np.float64]


class PastPlaces:
    """Where each track was during the last second.

    Args:
        frame_rate: frames a second.
    """

    def __init__(self, frame_rate: float) -> None:
        self._frame_rate = frame_rate
        self._past: dict[int, list[tuple[float, Places]]] = {}

    def add(self, frame: int, ids: Int64Array, places: Places) -> None:
        """Note where tracks are; frames rise.

        Args:
            frame: number.
            ids: (N,) of the tracks.
            places: (N, 2) of them; all finite.
        """
        now = frame / self._frame_rate
        for identity, place in zip(ids.tolist(), places, strict=True):
            past = self._past.setdefault(identity, [])
            past.append((now, place))
            while now - past[0][0] > VELOCITY_WINDOW + _ROUNDING:
                del past[0]

    def velocity(self, identity: int) -> Places:
        """(2,) a second: least-squares slope over the window; 0 with fewer than two places."""
        return _slope(self._past.get(identity, []))

    def last_velocity(self, identity: int) -> Places:
        """(2,) a second: over the last two places; 0 with fewer."""
        return _slope(self._past.get(identity, [])[-2:])


def _slope(past: Sequence[tuple[float, Places]]) -> Places:
    if len(past) < 2:
        return np.zeros(2)
    times = np.array([time for time, _ in past])
    times -= times.mean()
    places = np.array([place for _, place in past])
    return np.asarray(times @ places / (times @ times), np.float64)


def displacements(
    predicted: NDArray[np.float64], actual: NDArray[np.float64], steps: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean distance over the steps up to each horizon, and distance at it.

    Args:
        predicted: (models, steps + K, 2) places; the last K are those at ``HORIZONS``.
        actual: (steps + K, 2) likewise.
        steps: seconds of the steps.

    Returns:
        Two (models, K) arrays; NaN for all models where the horizon cannot be checked for one.
    """
    distances = np.linalg.norm(predicted - actual, axis=-1)
    average = np.full((len(predicted), len(HORIZONS)), np.nan)
    final = average.copy()
    for index, horizon in enumerate(HORIZONS):
        until = np.flatnonzero(steps <= horizon + _ROUNDING)
        last = distances[:, len(steps) + index]
        mean = distances[:, until].mean(axis=1) if len(until) else last
        if np.isfinite(mean).all() and np.isfinite(last).all():
            average[:, index], final[:, index] = mean, last
    return average, final


def by_model(
    models: Sequence[str], rows: Sequence[NDArray[np.float64]]
) -> dict[str, NDArray[np.float64]]:
    """What :func:`displacements` gave for each of S samples, as one (S, K) table for each model.

    Args:
        models: names, in the order of the rows' models.
        rows: S times (models, K).
    """
    table = np.array(rows).reshape(len(rows), len(models), len(HORIZONS))
    return {name: table[:, index] for index, name in enumerate(models)}
