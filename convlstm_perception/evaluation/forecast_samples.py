"""Every forecast that can be checked: a followed person, a moment, and where they went next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.evaluation.answered import AnsweredSequence, PersonPaths, values_at
from convlstm_perception.evaluation.displacements import (
    HORIZONS,
    PastPlaces,
    by_model,
    displacements,
)
from convlstm_perception.evaluation.matching import match_boxes
from convlstm_perception.types import Int64Array

MODELS = ("model", "constant_velocity", "constant_velocity_last_two", "standing_still")


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


def forecast_samples(sequences: Sequence[AnsweredSequence]) -> ForecastSamples:
    """Check every published track that matches a person against where that person goes.

    Tracks and people are matched one-to-one at overlap 0.5 in the present frame. A horizon is
    checked where the trajectory reaches it and the person is annotated at it and at all of the
    trajectory's times before it; positions between annotated frames are interpolated.
    """
    rows = [row for sequence in sequences for row in _rows(sequence)]
    horizons = len(HORIZONS)

    return ForecastSamples(
        sequences=np.array([row.sequence for row in rows], np.str_),
        frames=np.array([row.frame for row in rows], np.int64),
        people=np.array([row.person for row in rows], np.int64),
        tracks=np.array([row.track for row in rows], np.int64),
        heights=np.array([row.height for row in rows], np.float64),
        horizons=np.array(HORIZONS),
        average=by_model(MODELS, [row.average for row in rows]),
        final=by_model(MODELS, [row.final for row in rows]),
        offsets=np.array([row.offset for row in rows]).reshape(len(rows), horizons, 2),
        variances=np.array([row.variance for row in rows]).reshape(len(rows), horizons, 2),
    )


def _rows(sequence: AnsweredSequence) -> Iterator[_Row]:
    paths = PersonPaths(sequence.truths, sequence.frame_rate)
    past = PastPlaces(sequence.frame_rate)
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
            identity = int(tracks.ids[track])
            moves = np.stack([past.velocity(identity), past.last_velocity(identity), np.zeros(2)])
            straight = centres[track] + moves[:, None] * seconds[:, None]
            actual = paths.boxes(int(truth.ids[person]), frame, seconds)[:, :2]
            average, final = displacements(np.concatenate([ahead[None], straight]), actual, steps)
            if np.isnan(final).all():
                continue
            yield _Row(
                sequence.name,
                frame,
                int(truth.ids[person]),
                identity,
                float(truth.boxes[person, 3]),
                average,
                final,
                (ahead - actual)[len(steps) :],
                variances,
            )
