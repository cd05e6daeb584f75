"""What a picture from above shows: everybody's ways, and one moment's predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.evaluation.displacements import HORIZONS
from convlstm_perception.evaluation.ground.samples import GroundSamples
from convlstm_perception.evaluation.ground.sequence import GroundedSequence, Paths
from convlstm_perception.types import Float64Array

_PAST = 3.0  # seconds of the track that lead up to a prediction


@dataclass(frozen=True)
class SeenForecast:
    """One prediction beside what came; everything in metres.

    Attributes:
        past: (P, 2) published places up to the moment; NaN where there was none.
        path: (1 + H, 2) the published place and the path from there.
        centres: (K, 2) of the path at the horizons.
        covariances: (K, 2, 2) published for them.
        actual: (T, 2) where the annotated person went, frame by frame up to the last horizon.
        arrivals: (K, 2) where the person was at the horizons.
    """

    past: Float64Array
    path: Float64Array
    centres: Float64Array
    covariances: Float64Array
    actual: Float64Array
    arrivals: Float64Array


@dataclass(frozen=True)
class BirdsEye:
    """The ground from above.

    Attributes:
        annotated: each person's places, (frames, 2) in metres, NaN where not annotated.
        published: each track's places likewise.
        moment: seconds from the start of the moment whose forecasts are shown.
        forecasts: those of that moment.
    """

    annotated: Sequence[Float64Array]
    published: Sequence[Float64Array]
    moment: float
    forecasts: Sequence[SeenForecast]


def birds_eye(grounded: GroundedSequence, samples: GroundSamples) -> BirdsEye:
    """What a sequence looks like from above.

    The moment is the first of those with most predictions that can be checked up to the last
    horizon: it is not chosen by how well they went.
    """
    sequence, paths = grounded.sequence, grounded.paths
    seconds = np.arange(len(sequence.results)) / sequence.frame_rate
    people = sorted({identity for truth in sequence.truths.values() for identity in truth.ids})
    checked = np.isfinite(samples.final["model"][:, -1])
    counts = np.bincount(samples.frames[checked], minlength=1)
    moment = int(counts.argmax())
    return BirdsEye(
        annotated=[paths.places(int(identity), 0, seconds) for identity in people],
        published=list(_tracks(grounded)),
        moment=moment / sequence.frame_rate,
        forecasts=[
            _forecast(grounded, paths, samples, row)
            for row in np.flatnonzero(checked & (samples.frames == moment)).tolist()
        ],
    )


def _tracks(grounded: GroundedSequence) -> Iterator[Float64Array]:
    results = grounded.sequence.results
    for identity in np.unique(np.concatenate([[], *(result.tracks.ids for result in results)])):
        yield _places(grounded, int(identity), 0, len(results))


def _places(grounded: GroundedSequence, identity: int, start: int, end: int) -> Float64Array:
    """(end - start, 2) published places of one track; NaN where there is none."""
    places = np.full((end - start, 2), np.nan)
    for frame in range(start, end):
        here = grounded.sequence.results[frame].tracks.ids == identity
        if here.any():
            places[frame - start] = grounded.tracks[frame].positions[here, :2][0]
    return places


def _forecast(
    grounded: GroundedSequence, paths: Paths, samples: GroundSamples, row: int
) -> SeenForecast:
    frame, rate = int(samples.frames[row]), grounded.sequence.frame_rate
    identity, person = int(samples.tracks[row]), int(samples.people[row])
    track = int(np.flatnonzero(grounded.sequence.results[frame].tracks.ids == identity)[0])
    ground = grounded.tracks[frame]
    path: NDArray[np.float64] = np.vstack([ground.positions[track], ground.paths[track]])[:, :2]
    arrivals = paths.places(person, frame, HORIZONS)
    seconds = np.arange(0.0, HORIZONS[-1], 1.0 / rate)
    return SeenForecast(
        past=_places(grounded, identity, max(0, frame - round(_PAST * rate)), frame + 1),
        path=path,
        centres=arrivals + samples.offsets[row],
        covariances=samples.covariances[row],
        actual=paths.places(person, frame, [*seconds, HORIZONS[-1]]),
        arrivals=arrivals,
    )
