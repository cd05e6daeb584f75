"""Every forecast that can be checked: a followed person, a moment, and where they went next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.evaluation.answered import AnsweredSequence, PersonPaths, values_at
from convlstm_perception.evaluation.matching import match_boxes
from convlstm_perception.types import Int64Array

HORIZONS = (1.0, 2.0, 3.0)  # seconds
MODELS = ("model", "constant_velocity", "constant_velocity_last_two", "standing_still")

VELOCITY_WINDOW = 1.0  # seconds of a track's past that constant velocity reads
_ROUNDING = 1e-4  # seconds; times are stored as float32

Centres = NDArray[np.float64]


@dataclass(frozen=True)
class ForecastSamples:
    """One row per matched track and frame with at least one horizon to check.

    The rows of ``MODELS``: ``model`` is the published trajectory; ``constant_velocity`` moves the
    published box's centre at the least-squares slope of the same track's published centres over
    the last second, present included (over what there is, where the track is younger);
    ``constant_velocity_last_two`` moves it by the difference of its last two published boxes;
    ``standing_still`` leaves it. A track with a single box stands still in all three.

    Attributes:
        sequences: (S,) names.
        frames: (S,) frame numbers.
        people: (S,) identities in the annotation.
        tracks: (S,) track ids.
        heights: (S,) annotated box height at that frame in pixels.
        horizons: (K,) seconds.
        average: by model, (S, K) mean distance of the centres over the trajectory's times up to
            the horizon, in pixels; NaN where the horizon cannot be checked.
        final: by model, (S, K) distance of the centres at the horizon in pixels; NaN likewise.
        offsets: (S, K, 2) the model's centre less the annotated one, in pixels.
        variances: (S, K, 2) published variance of that centre in pixels squared.
    """

    sequences: NDArray[np.str_]
    frames: Int64Array
    people: Int64Array
    tracks: Int64Array
    heights: NDArray[np.float64]
    horizons: NDArray[np.float64]
    average: Mapping[str, NDArray[np.float64]]
    final: Mapping[str, NDArray[np.float64]]
    offsets: NDArray[np.float64]
    variances: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True)
class _Row:
    sequence: str
    frame: int
    person: int
    track: int
    height: float
    average: NDArray[np.float64]  # (models, K)
    final: NDArray[np.float64]  # (models, K)
    offset: NDArray[np.float64]  # (K, 2)
    variance: NDArray[np.float64]  # (K, 2)


class _PastCentres:
    """The centres that each track published during the last second."""

    def __init__(self, frame_rate: float) -> None:
        self._frame_rate = frame_rate
        self._past: dict[int, list[tuple[float, NDArray[np.float64]]]] = {}

    def add(self, frame: int, ids: Int64Array, centres: Centres) -> None:
        now = frame / self._frame_rate
        for identity, centre in zip(ids.tolist(), centres, strict=True):
            past = self._past.setdefault(identity, [])
            past.append((now, centre))
            while now - past[0][0] > VELOCITY_WINDOW + _ROUNDING:
                del past[0]

    def velocities(self, identity: int) -> tuple[Centres, Centres]:
        """Least-squares slope over the window and over the last two boxes, (2,) pixels/second."""
        past = self._past[identity]
        return _slope(past), _slope(past[-2:])


def _slope(past: Sequence[tuple[float, NDArray[np.float64]]]) -> Centres:
    if len(past) < 2:
        return np.zeros(2)
    times = np.array([time for time, _ in past])
    times -= times.mean()
    centres = np.array([centre for _, centre in past])
    return np.asarray(times @ centres / (times @ times), np.float64)


def forecast_samples(sequences: Sequence[AnsweredSequence]) -> ForecastSamples:
    """Check every published track that matches a person against where that person goes.

    Tracks and people are matched one-to-one at overlap 0.5 in the present frame. A horizon is
    checked where the trajectory reaches it and the person is annotated at it and at all of the
    trajectory's times before it; positions between annotated frames are interpolated.
    """
    rows = [row for sequence in sequences for row in _rows(sequence)]
    horizons = len(HORIZONS)

    def by_model(arrays: Sequence[NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
        stacked = np.array(arrays).reshape(len(rows), len(MODELS), horizons)
        return {name: stacked[:, index] for index, name in enumerate(MODELS)}

    return ForecastSamples(
        sequences=np.array([row.sequence for row in rows], np.str_),
        frames=np.array([row.frame for row in rows], np.int64),
        people=np.array([row.person for row in rows], np.int64),
        tracks=np.array([row.track for row in rows], np.int64),
        heights=np.array([row.height for row in rows], np.float64),
        horizons=np.array(HORIZONS),
        average=by_model([row.average for row in rows]),
        final=by_model([row.final for row in rows]),
        offsets=np.array([row.offset for row in rows]).reshape(len(rows), horizons, 2),
        variances=np.array([row.variance for row in rows]).reshape(len(rows), horizons, 2),
    )


def _rows(sequence: AnsweredSequence) -> Iterator[_Row]:
    paths = PersonPaths(sequence.truths, sequence.frame_rate)
    past = _PastCentres(sequence.frame_rate)
    for frame, result in enumerate(sequence.results):
        tracks = result.tracks
        centres = tracks.boxes[:, :2].astype(np.float64)
        past.add(frame, tracks.ids, centres)
        truth = sequence.truths.get(frame)
        if truth is None or len(tracks) == 0:
            continue
        steps = tracks.trajectories.times.astype(np.float64)
        seconds = np.concatenate([steps, HORIZONS])
        for person, track in zip(*match_boxes(truth.boxes, tracks.boxes), strict=True):
            only = np.array([track])
            trajectory = tracks.trajectories.take(only)
            ahead = values_at(trajectory.times, tracks.boxes[only], trajectory.boxes, seconds)[
                0, :, :2
            ]
            # Only the values at the horizons are asked for, and those at the frame itself are 0.
            variances = values_at(
                trajectory.times,
                np.zeros((1, 4)),
                trajectory.variances,
                np.array(HORIZONS),
            )[0, :, :2]
            slope, last_two = past.velocities(int(tracks.ids[track]))
            moves = np.stack([slope, last_two, np.zeros(2)])
            straight = centres[track] + moves[:, None] * seconds[:, None]
            actual = paths.boxes(int(truth.ids[person]), frame, seconds)[:, :2]
            average, final = _errors(np.concatenate([ahead[None], straight]), actual, steps)
            if np.isnan(final).all():
                continue
            yield _Row(
                sequence.name,
                frame,
                int(truth.ids[person]),
                int(tracks.ids[track]),
                float(truth.boxes[person, 3]),
                average,
                final,
                (ahead - actual)[len(steps) :],
                variances,
            )


def _errors(
    predicted: NDArray[np.float64], actual: NDArray[np.float64], steps: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and final distances.

    Args:
        predicted: (models, steps + K, 2). actual: (steps + K, 2); the last K are the horizons.
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
