"""Forecasting average precision: present and future boxes have to be right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from convlstm_perception.evaluation.answered import AnsweredSequence
from convlstm_perception.evaluation.forecasting_ap import (
    ForecastOverlapScore,
    forecasting_ap_summary,
    motion_cohort,
)
from tests.support.answers import (
    FRAME_RATE,
    TIMES,
    Path,
    answer,
    boxes_of,
    perfect,
    standing,
    truths_of,
    walking,
)

FRAMES = 31  # frames 0 to 15 have a future of 1.5 s


def turning(x: float, speed: float) -> Path:
    """To the right for 1 s, then back."""
    return lambda seconds: (
        x + speed * (seconds if seconds < 1 else 2 - seconds),
        100.0,
        20.0,
        40.0,
    )


def score(sequence: AnsweredSequence, overlap: float = 0.5) -> ForecastOverlapScore:
    return forecasting_ap_summary([sequence]).by_overlap[overlap]


def predicting_rest(path: Path, frames: int = FRAMES) -> AnsweredSequence:
    """Every present box right, and predicted to stay."""
    results = [answer(frame, [7], boxes_of(path(frame / FRAME_RATE))) for frame in range(frames)]
    return AnsweredSequence("rest", truths_of({1: path}, frames), results, FRAME_RATE)


def test_a_perfect_answer_is_one() -> None:
    summary = score(perfect({1: walking(50.0, 20.0), 2: standing(300.0)}, FRAMES))
    assert summary.all_horizons.average_precision == pytest.approx(1.0)
    assert summary.all_horizons.people == 2 * 16
    # Without the future annotated nobody is asked for, and nobody's track is an error.
    assert [one.people for one in summary.by_horizon.values()] == [2 * 26, 2 * 21, 2 * 16]
    assert summary.mean_of_cohorts == pytest.approx(1.0)


def test_the_future_decides_by_horizon_and_overlap() -> None:
    # 10 px/s, boxes 20 px wide: 5, 10, 15 px at the horizons overlap by 15/25, 10/30, 5/35.
    sequence = predicting_rest(walking(50.0, 10.0))
    half, third = score(sequence, 0.5), score(sequence, 0.3)
    assert [one.average_precision for one in half.by_horizon.values()] == [1.0, 0.0, 0.0]
    assert [one.average_precision for one in third.by_horizon.values()] == [1.0, 1.0, 0.0]
    assert half.all_horizons.average_precision == third.all_horizons.average_precision == 0.0


def test_the_present_decides_too() -> None:
    sequence = perfect({1: walking(50.0, 20.0)}, FRAMES)
    results = [
        replace(
            result,
            tracks=replace(result.tracks, boxes=result.tracks.boxes + np.float32([10, 0, 0, 0])),
        )
        for result in sequence.results
    ]
    summary = score(replace(sequence, results=results))  # overlap 1/3 now, 1 later
    assert summary.all_horizons.average_precision == 0.0


def test_cohorts_of_motion() -> None:
    box = np.array([50.0, 100.0, 20.0, 40.0])
    steps = np.array([[0.5], [1.0], [1.5]]) * np.array([1.0, 0, 0, 0])
    assert motion_cohort(box, box, box + 6.0 * steps) == "static"  # 9 px of 10 allowed
    assert motion_cohort(box, box - 0.5 * np.array([20, 0, 0, 0]), box + 20 * steps) == "linear"
    assert motion_cohort(box, box, box + 20 * steps) == "nonlinear"  # stood, then walks
    # Back again at the end is no rest.
    back = box + np.array([[12.0, 0, 0, 0], [20.0, 0, 0, 0], [0.0, 0, 0, 0]])
    assert motion_cohort(box, box - np.array([12.0, 0, 0, 0]), back) == "nonlinear"
    unknown = np.full(4, np.nan)
    assert motion_cohort(box, unknown, box + 20 * steps) == ""
    assert motion_cohort(box, unknown, box + 6.0 * steps) == "static"
    assert motion_cohort(box, box, np.vstack([box, box, unknown])) == ""
    # Growth is motion too: 4 px of height a half second, coming closer.
    grown = box + steps * 2 * np.array([1.0, 0, 0, 0]) * 6 + steps[:, :1] * np.array([0, 0, 4, 8.0])
    past = box - np.array([6.0, 0, 2.0, 4.0])
    assert motion_cohort(box, past, grown) == "linear"


def test_people_of_other_cohorts_excuse_their_tracks() -> None:
    people = {1: standing(50.0), 2: walking(300.0, 20.0), 3: turning(700.0, 40.0)}
    truths = truths_of(people, FRAMES)
    results = []
    for frame in range(FRAMES):
        now = frame / FRAME_RATE
        boxes = boxes_of(*(path(now) for path in people.values()))
        # Constant velocity for all three.
        speeds = np.array([0.0, 20.0, 40.0 if now < 1 else -40.0])
        future = np.repeat(boxes[:, None], len(TIMES), axis=1)
        future[:, :, 0] += speeds[:, None].astype(np.float32) * TIMES
        results.append(answer(frame, [1, 2, 3], boxes, future=future))
    sequence = AnsweredSequence("three", truths, results, FRAME_RATE)
    summary = score(sequence)
    assert summary.by_cohort["static"].people == 16
    assert summary.by_cohort["static"].average_precision == pytest.approx(1.0)
    assert summary.by_cohort["linear"].average_precision == pytest.approx(1.0)
    # Frames 5 to 9 do not foresee the turn; 10 to 14 do foresee the way back, which half a second
    # of the past does not: half of the people found at precision one half.
    assert summary.by_cohort["nonlinear"].people == 10
    assert summary.by_cohort["nonlinear"].average_precision == pytest.approx(0.25)
    assert summary.mean_of_cohorts == pytest.approx((1 + 1 + 0.25) / 3)
    # All are 40 px high.
    assert summary.by_height["medium"].people == summary.all_horizons.people == 48
    assert summary.by_height["far"].people == 0
    assert np.isnan(summary.by_height["far"].average_precision)


def test_a_false_track_costs_unless_its_place_is_ignored() -> None:
    sequence = perfect({1: standing(50.0), 2: standing(300.0)}, FRAMES)
    truths = truths_of({1: standing(50.0)}, FRAMES)
    # Two tracks of one score in every frame: the right one comes first in its frame.
    plain = score(replace(sequence, truths=truths)).all_horizons.average_precision
    region = boxes_of((300, 100, 40, 60))
    excused = {frame: replace(truth, ignored=region) for frame, truth in truths.items()}
    assert plain < 0.7
    assert score(replace(sequence, truths=excused)).all_horizons.average_precision == pytest.approx(
        1.0
    )
