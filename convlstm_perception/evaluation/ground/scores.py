"""How true the ground tracks are: predicted paths, regions, speeds and places, in metres.

ADE and FDE as in :mod:`convlstm_perception.evaluation.forecasting`, here of places on the ground;
regions as in :mod:`convlstm_perception.evaluation.calibration`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.evaluation.calibration import CalibrationSummary, regions_score
from convlstm_perception.evaluation.ground.samples import GROUND_MODELS, GroundSamples

WALKING = 0.5  # m/s; a person slower than this stands
WALKING_SPEEDS = (0.5, 2.5)  # m/s, of people on foot
LEAST_FOLLOWED = 1.0  # seconds between first and last match of a track whose speed is judged
_ROUNDING = 1e-9


@dataclass(frozen=True)
class GroundDisplacement:
    """One model at one horizon; NaN without samples.

    Attributes:
        average: ADE, mean distance over the times up to the horizon in metres.
        final: FDE, distance at the horizon in metres.
        samples: how many were averaged; the same for every model.
    """

    average: float
    final: float
    samples: int


@dataclass(frozen=True)
class Spread:
    """How values spread; NaN without any."""

    mean: float
    p5: float
    p50: float
    p95: float

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Spread:
        """Of (N,) values."""
        if len(values) == 0:
            return cls(np.nan, np.nan, np.nan, np.nan)
        return cls(float(values.mean()), *map(float, np.percentile(values, (5, 50, 95))))


@dataclass(frozen=True)
class SpeedScore:
    """Speeds of tracks in the frames in which the person walks, at ``WALKING`` or more.

    Attributes:
        share_ok: of the tracks that match a person over at least ``LEAST_FOLLOWED``, and the
            person walks, the share whose median speed is within ``WALKING_SPEEDS``.
        tracks: how many those are.
        published, annotated: in m/s, over all frames of all tracks in which the person walks.
        error: their distance in the same frames, in m/s.
        samples: how many frames that are, each counted once for each track.
    """

    share_ok: float
    tracks: int
    published: Spread
    annotated: Spread
    error: Spread
    samples: int


@dataclass(frozen=True)
class GroundScores:
    """All of it.

    Attributes:
        scores: model, one of ``GROUND_MODELS``, to horizon in seconds to score.
        coverage: how often people are in the published regions of the path.
        speed: of those who walk.
        position_error: of the published place at present, in metres.
        matches: tracks that match a person and have a place, counted once for each frame.
        unlocated: tracks that match a person and have no place, counted likewise.
        tracks, people: how many tracks and people those matches are of.
    """

    scores: Mapping[str, Mapping[float, GroundDisplacement]]
    coverage: CalibrationSummary
    speed: SpeedScore
    position_error: Spread
    matches: int
    unlocated: int
    tracks: int
    people: int
    samples: GroundSamples = field(metadata={"table": True})


def ground_scores(samples: GroundSamples, frame_rate: float) -> GroundScores:
    """Score the samples.

    Args:
        samples: of one sequence.
        frame_rate: of it, frames a second.

    Raises:
        ValueError: when a published covariance is none.
    """
    scores = {
        name: {
            float(horizon): _displacement(
                samples.average[name][:, index], samples.final[name][:, index]
            )
            for index, horizon in enumerate(samples.horizons)
        }
        for name in GROUND_MODELS
    }
    known = np.isfinite(samples.final["model"])
    return GroundScores(
        scores=scores,
        coverage=regions_score(_mahalanobis(samples, known), known, samples.horizons),
        speed=_speed(samples, frame_rate),
        position_error=Spread.of(samples.position_errors),
        matches=len(samples),
        unlocated=samples.unlocated,
        tracks=len(np.unique(samples.tracks)),
        people=len(np.unique(samples.people)),
        samples=samples,
    )


def _displacement(average: NDArray[np.float64], final: NDArray[np.float64]) -> GroundDisplacement:
    known = np.isfinite(final)
    if not known.any():
        return GroundDisplacement(np.nan, np.nan, 0)
    return GroundDisplacement(
        float(average[known].mean()), float(final[known].mean()), int(known.sum())
    )


def _mahalanobis(samples: GroundSamples, known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(S, K) squared Mahalanobis distances of the known ones; 0 elsewhere."""
    squared = np.zeros(known.shape)
    covariances, offsets = samples.covariances[known], samples.offsets[known]
    if not (np.linalg.eigvalsh(covariances) > 0).all():
        raise ValueError("paths: a published covariance is not positive definite")
    solved = np.linalg.solve(covariances, offsets[..., None])[..., 0]
    squared[known] = (offsets * solved).sum(-1)
    return squared


def _speed(samples: GroundSamples, frame_rate: float) -> SpeedScore:
    followed = [
        rows
        for track in np.unique(samples.tracks)
        if np.ptp(samples.frames[rows := np.flatnonzero(samples.tracks == track)])
        >= LEAST_FOLLOWED * frame_rate - _ROUNDING
    ]
    walked = [rows[samples.true_speeds[rows] >= WALKING] for rows in followed]
    medians = np.array([np.median(samples.speeds[rows]) for rows in walked if len(rows)])
    slowest, fastest = WALKING_SPEEDS
    fine = (medians >= slowest) & (medians <= fastest)
    every = np.concatenate([np.zeros(0, np.intp), *walked])
    published, annotated = samples.speeds[every], samples.true_speeds[every]
    return SpeedScore(
        share_ok=float(fine.mean()) if len(fine) else np.nan,
        tracks=len(medians),
        published=Spread.of(published),
        annotated=Spread.of(annotated),
        error=Spread.of(np.abs(published - annotated)),
        samples=len(every),
    )
