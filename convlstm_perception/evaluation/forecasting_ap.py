"""Forecasting average precision: finding people and foreseeing them, in one figure.

After Peri et al. 2022, "Forecasting from LiDAR via Future Object Detection", section 4, with boxes
in the image instead of on the ground: a track is right when its box overlaps a person's box now and
its predicted boxes overlap that same person's boxes later.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.boxes import pairwise_iou
from convlstm_perception.data.sequence import FrameTruth
from convlstm_perception.evaluation.answered import AnsweredSequence, PersonPaths, values_at
from convlstm_perception.evaluation.average_precision import average_precision, judge
from convlstm_perception.evaluation.detection import HEIGHT_RANGES
from convlstm_perception.evaluation.matching import IGNORED_SHARE, MATCH_OVERLAP, share_inside
from convlstm_perception.types import BoolArray, Float32Array, Tracks

FORECAST_HORIZONS = (0.5, 1.0, 1.5)  # seconds
FORECAST_OVERLAPS = (0.3, 0.5)
COHORTS = ("static", "linear", "nonlinear")

STATIC_DISTANCE = 0.25  # in heights of the person's box at present
LINEAR_PAST = 0.5  # seconds of the annotation that a linear prediction reads
LINEAR_OVERLAP = 0.5


@dataclass(frozen=True)
class CohortScore:
    """Average precision for some of the people; NaN without such people.

    Attributes:
        average_precision: the other people excuse the tracks that find them.
        people: how many were asked for.
    """

    average_precision: float
    people: int


@dataclass(frozen=True)
class ForecastOverlapScore:
    """Forecasting AP at one overlap of the future boxes.

    Attributes:
        by_horizon: horizon in seconds to score, of the future at that horizon alone.
        all_horizons: score where the boxes must overlap at every horizon.
        by_cohort: the same by the people's motion, keys of ``COHORTS``.
        mean_of_cohorts: of those that have people; NaN where none has.
        by_height: the same by the people's height, keys of ``HEIGHT_RANGES``.
    """

    by_horizon: Mapping[float, CohortScore]
    all_horizons: CohortScore
    by_cohort: Mapping[str, CohortScore]
    mean_of_cohorts: float
    by_height: Mapping[str, CohortScore]


@dataclass(frozen=True)
class ForecastingApSummary:
    """Over all sequences.

    Attributes:
        by_overlap: least overlap of a future box, of ``FORECAST_OVERLAPS``, to score.
    """

    by_overlap: Mapping[float, ForecastOverlapScore]


@dataclass(frozen=True)
class _Moment:
    """One annotated frame with N people and D tracks."""

    scores: Float32Array  # (D,)
    excused: BoolArray  # (D,) in an ignored region
    now: NDArray[np.float64]  # (D, N) overlap in the frame
    later: NDArray[np.float64]  # (horizons, D, N) overlap of the future boxes; 0 where unknown
    known: BoolArray  # (horizons, N) whether the person is annotated then
    boxes: Float32Array  # (N, 4)
    cohorts: NDArray[np.str_]  # (N,) "" where the annotation does not tell


def forecasting_ap_summary(sequences: Sequence[AnsweredSequence]) -> ForecastingApSummary:
    """Score the published tracks of all annotated frames of all sequences together.

    People who are not annotated at the horizons asked for excuse the tracks that find them.

    The cohorts are told from the annotation: ``static`` people move their centre by less than a
    quarter of their height at all horizons; ``linear`` ones are foreseen, with overlap 0.5 at the
    last horizon, by moving centre and size on as they moved over the last half second; the rest
    are ``nonlinear``. People who move, but were not annotated half a second ago, are in none.
    """
    moments = [moment for sequence in sequences for moment in _moments(sequence)]
    return ForecastingApSummary(
        {overlap: _scores(moments, overlap) for overlap in FORECAST_OVERLAPS}
    )


def motion_cohort(
    box: NDArray[np.floating], past: NDArray[np.floating], future: NDArray[np.floating]
) -> str:
    """How a person moves.

    Args:
        box: (4,) at present.
        past: (4,) ``LINEAR_PAST`` seconds earlier; NaN where not annotated.
        future: (3, 4) at ``FORECAST_HORIZONS``; NaN where not annotated.

    Returns:
        One of ``COHORTS``, or "" where the annotation does not tell.
    """
    if not np.isfinite(future).all():
        return ""
    if (np.linalg.norm(future[:, :2] - box[:2], axis=1) < STATIC_DISTANCE * box[3]).all():
        return "static"
    if not np.isfinite(past).all():
        return ""
    moved = box + (box - past) / LINEAR_PAST * FORECAST_HORIZONS[-1]
    moved[2:] = np.maximum(moved[2:], 0.0)
    overlap = pairwise_iou(moved[None].astype(np.float32), future[-1:].astype(np.float32))[0, 0]
    return "linear" if overlap >= LINEAR_OVERLAP else "nonlinear"


def _moments(sequence: AnsweredSequence) -> Iterator[_Moment]:
    paths = PersonPaths(sequence.truths, sequence.frame_rate)
    for frame in sequence.frames():
        yield _moment(sequence.truths[frame], sequence.results[frame].tracks, paths, frame)


def _moment(truth: FrameTruth, tracks: Tracks, paths: PersonPaths, frame: int) -> _Moment:
    seconds = np.array([-LINEAR_PAST, *FORECAST_HORIZONS])
    around = np.array([paths.boxes(int(identity), frame, seconds) for identity in truth.ids])
    around = around.reshape(len(truth.ids), len(seconds), 4)
    past, future = around[:, 0], around[:, 1:]
    foreseen = values_at(
        tracks.trajectories.times, tracks.boxes, tracks.trajectories.boxes, seconds[1:]
    )
    later = np.stack(
        [
            pairwise_iou(foreseen[:, index].astype(np.float32), future[:, index].astype(np.float32))
            for index in range(len(FORECAST_HORIZONS))
        ]
    )
    return _Moment(
        scores=tracks.scores,
        excused=share_inside(tracks.boxes, truth.ignored) >= IGNORED_SHARE,
        now=pairwise_iou(tracks.boxes, truth.boxes).astype(np.float64),
        later=np.nan_to_num(later, nan=0.0).astype(np.float64),
        known=np.isfinite(future).all(-1).T,
        boxes=truth.boxes,
        cohorts=np.array(
            [motion_cohort(*row) for row in zip(truth.boxes, past, future, strict=True)], np.str_
        ),
    )


def _scores(moments: Sequence[_Moment], overlap: float) -> ForecastOverlapScore:
    every = list(range(len(FORECAST_HORIZONS)))
    by_cohort = {
        name: _score(moments, overlap, every, [moment.cohorts == name for moment in moments])
        for name in COHORTS
    }
    known = [score.average_precision for score in by_cohort.values() if score.people]
    return ForecastOverlapScore(
        by_horizon={
            horizon: _score(moments, overlap, [index])
            for index, horizon in enumerate(FORECAST_HORIZONS)
        },
        all_horizons=_score(moments, overlap, every),
        by_cohort=by_cohort,
        mean_of_cohorts=float(np.mean(known)) if known else math.nan,
        by_height={
            name: _score(
                moments, overlap, every, [heights.holds(moment.boxes) for moment in moments]
            )
            for name, heights in HEIGHT_RANGES.items()
        },
    )


def _score(
    moments: Sequence[_Moment],
    overlap: float,
    horizons: Sequence[int],
    wanted: Sequence[BoolArray] | None = None,
) -> CohortScore:
    """Average precision at all of the horizons together, given by their indices.

    ``wanted`` holds per moment (N,) the people asked for; None asks for all.
    """
    verdicts = []
    people = 0
    for index, moment in enumerate(moments):
        asked = moment.known[horizons].all(axis=0)
        if wanted is not None:
            asked = asked & wanted[index]
        foreseen = (moment.later[horizons] >= overlap).all(axis=0)
        right = np.where(foreseen, moment.now, 0.0)
        verdicts.append(
            judge(
                right[:, asked],
                moment.now[:, ~asked],
                moment.excused,
                moment.scores,
                MATCH_OVERLAP,
            )
        )
        people += int(asked.sum())
    score = average_precision(verdicts, [moment.scores for moment in moments], people)
    return CohortScore(score.average_precision if people else math.nan, people)
