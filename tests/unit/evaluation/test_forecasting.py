"""Displacement errors, forecasting AP and calibration on motion that can be done by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from convlstm_perception.data.sequence import FrameTruth
from convlstm_perception.evaluation.answered import AnsweredSequence, PersonPaths, values_at
from convlstm_perception.evaluation.calibration import calibration_summary
from convlstm_perception.evaluation.forecast_samples import (
    MODELS,
    ForecastSamples,
    forecast_samples,
)
from convlstm_perception.evaluation.forecasting import forecast_summary
from tests.support.answers import (
    FRAME_RATE,
    TIMES,
    answer,
    boxes_of,
    perfect,
    standing,
    truths_of,
    walking,
)

WALK = {1: walking(50.0, 20.0)}  # 20 pixels a second, 40 pixels high


def test_a_perfect_answer_has_no_error() -> None:
    samples = forecast_samples([perfect(WALK, 41)])
    scores = forecast_summary(samples).scores["model"]
    # 41 frames at 10 a second: frames 0 to 30, 20, 10 have a future of 1, 2, 3 s.
    assert [scores[horizon].samples for horizon in (1.0, 2.0, 3.0)] == [31, 21, 11]
    for score in scores.values():
        assert (score.average, score.final) == (pytest.approx(0, abs=1e-4),) * 2
        assert score.miss_rate == 0.0


def test_constant_velocity_is_exact_on_straight_motion_and_standing_still_is_not() -> None:
    samples = forecast_samples([perfect(WALK, 41)])
    grown = samples.frames >= 1  # at frame 0 the track has one box, and stands still
    for name in ("constant_velocity", "constant_velocity_last_two"):
        assert np.nanmax(samples.final[name][grown]) < 1e-3
        assert samples.final[name][0] == pytest.approx([20.0, 40.0, 60.0], abs=1e-3)
    scores = forecast_summary(samples).scores["standing_still"]
    # 20 px at 1 s; on the way there the mean of 2, 4, ..., 20 px.
    assert scores[1.0].final == pytest.approx(20.0, abs=1e-3)
    assert scores[1.0].average == pytest.approx(11.0, abs=1e-3)
    assert scores[1.0].final_heights == pytest.approx(0.5, abs=1e-4)
    assert (scores[2.0].miss_rate, scores[3.0].miss_rate) == (1.0, 1.0)  # 1 and 1.5 heights


def test_the_two_velocities_differ_when_the_last_box_jitters() -> None:
    # Standing for a second, then the published box jumps by 2 px in one frame.
    frames = 45
    boxes = [boxes_of((50.0 + 2.0 * (frame == 10), 100, 20, 40)) for frame in range(frames)]
    results = [answer(frame, [7], box) for frame, box in enumerate(boxes)]
    truths = truths_of({1: standing(50.0)}, frames)
    samples = forecast_samples([AnsweredSequence("jitter", truths, results, FRAME_RATE)])
    row = int(np.flatnonzero(samples.frames == 10)[0])
    # Last two: 2 px in 0.1 s, 20 px/s. Least squares over the 11 boxes at -0.5 ... 0.5 s around
    # their mean: 2 * 0.5 / 1.1 px/s.
    assert samples.final["constant_velocity_last_two"][row, 0] == pytest.approx(22.0, abs=1e-4)
    assert samples.final["constant_velocity"][row, 0] == pytest.approx(2 + 1 / 1.1, abs=1e-4)
    # At frame 21 the jump is 1.1 s ago, and forgotten; at frame 20 it is not.
    assert samples.final["constant_velocity"][row + 10, 0] > 0.5
    assert samples.final["constant_velocity"][row + 11, 0] == pytest.approx(0.0, abs=1e-4)


def test_a_shifted_trajectory_has_its_shift_as_error() -> None:
    sequence = perfect(WALK, 41)
    results = []
    for result in sequence.results:
        tracks = result.tracks
        future = tracks.trajectories.boxes + np.float32([3, 4, 0, 0])
        trajectories = replace(tracks.trajectories, boxes=future)
        results.append(replace(result, tracks=replace(tracks, trajectories=trajectories)))
    samples = forecast_samples([replace(sequence, results=results)])
    score = forecast_summary(samples).scores["model"][2.0]
    assert (score.average, score.final) == (pytest.approx(5.0, abs=1e-3),) * 2
    assert score.final_heights == pytest.approx(5 / 40, abs=1e-4)
    assert samples.offsets[0, 0] == pytest.approx([3.0, 4.0], abs=1e-3)
    assert (samples.people[0], samples.tracks[0], samples.sequences[0]) == (1, 101, "perfect")


def test_tracks_away_from_everybody_are_no_samples() -> None:
    sequence = perfect(WALK, 21)
    apart = replace(sequence, truths=truths_of({1: walking(90.0, 20.0)}, 21))
    assert len(forecast_samples([apart])) == 0
    score = forecast_summary(forecast_samples([apart])).scores["model"][1.0]
    assert score.samples == 0 and np.isnan(score.final)


def test_every_model_is_averaged_over_the_same_samples() -> None:
    # Trajectories of the first 1.5 s only: no model is scored at 2 and 3 s.
    sequence = perfect(WALK, 41)
    results = []
    for result in sequence.results:
        path = result.tracks.trajectories
        short = replace(
            path, times=TIMES[:15], boxes=path.boxes[:, :15], variances=path.variances[:, :15]
        )
        results.append(replace(result, tracks=replace(result.tracks, trajectories=short)))
    scores = forecast_summary(forecast_samples([replace(sequence, results=results)])).scores
    for name in MODELS:
        assert [scores[name][horizon].samples for horizon in (1.0, 2.0, 3.0)] == [31, 0, 0]


def test_people_between_annotated_frames() -> None:
    paths = PersonPaths(truths_of(WALK, 21, step=5), FRAME_RATE)
    found = paths.boxes(1, 5, [0.0, 0.2, 0.5, -0.1, 1.51])
    assert found[:4, 0] == pytest.approx([60.0, 64.0, 70.0, 58.0], abs=1e-4)
    assert np.isnan(found[4]).all()  # after the last annotated frame
    assert np.isnan(paths.boxes(2, 5, [0.0])).all()
    assert np.isnan(PersonPaths({}, FRAME_RATE).boxes(1, 0, [0.0])).all()


def test_an_absence_is_not_bridged() -> None:
    truths = truths_of(WALK, 4)
    truths[2] = FrameTruth(np.zeros(0, np.int64), np.zeros((0, 4), np.float32))
    found = PersonPaths(truths, FRAME_RATE).boxes(1, 0, [0.1, 0.15, 0.2, 0.25, 0.3])[:, 0]
    assert np.isfinite(found).tolist() == [True, False, False, False, True]


def test_predictions_between_their_times() -> None:
    times = np.array([0.5, 1.0], np.float32)
    values = values_at(
        times,
        np.array([[10.0]]),
        np.array([[[20.0], [40.0]]]),
        np.array([-0.1, 0.0, 0.25, 0.5, 0.75, 1.0, 1.1]),
    )[0, :, 0]
    assert values[1:6] == pytest.approx([10, 15, 20, 30, 40])
    assert np.isnan(values[[0, 6]]).all()


def gaussian_samples(spread: float, count: int = 4000) -> ForecastSamples:
    """Offsets drawn with a standard deviation of ``spread`` times the published one."""
    generator = np.random.default_rng(5)
    variances = generator.uniform(1.0, 30.0, (count, 3, 2))
    offsets = generator.normal(0.0, spread * np.sqrt(variances))
    lengths = np.linalg.norm(offsets, axis=-1)
    row = np.arange(count)
    return ForecastSamples(
        sequences=np.full(count, "drawn"),
        frames=row,
        people=row,
        tracks=row,
        heights=np.full(count, 40.0),
        horizons=np.array([1.0, 2.0, 3.0]),
        average={name: lengths for name in MODELS},
        final={name: lengths for name in MODELS},
        offsets=offsets,
        variances=variances,
    )


def test_true_variances_are_calibrated() -> None:
    summary = calibration_summary(gaussian_samples(1.0))
    assert summary.pooled.samples == 12000
    assert summary.pooled.inside_50 == pytest.approx(0.5, abs=0.02)
    assert summary.pooled.inside_90 == pytest.approx(0.9, abs=0.02)
    assert np.abs(summary.pooled.observed - summary.levels).max() < 0.02
    assert summary.by_horizon[2.0].samples == 4000


def test_variances_too_small_or_too_large_show() -> None:
    # Squared radii grow with the squared spread: inside is 1 - (1 - level) ** (1 / spread ** 2).
    for spread in (2.0, 0.5):
        summary = calibration_summary(gaussian_samples(spread))
        wanted = 1 - (1 - summary.levels) ** (1 / spread**2)
        assert np.abs(summary.pooled.observed - wanted).max() < 0.02


def test_calibration_reads_the_published_variance() -> None:
    # The trajectory is 3 px off; with a variance of 1 the squared radius 9 is outside all regions
    # up to 0.95 (5.99), with 16 (0.56) inside those from 0.25 on (0.575).
    for variance, inside in ((1.0, 0), (16.0, 15)):
        results = [
            answer(
                frame,
                [7],
                boxes_of((50, 100, 20, 40)),
                future=np.full((1, 30, 4), [53.0, 100.0, 20.0, 40.0]),
                variance=variance,
            )
            for frame in range(35)
        ]
        truths = truths_of({1: standing(50.0)}, 35)
        sequence = AnsweredSequence("standing", truths, results, FRAME_RATE)
        observed = calibration_summary(forecast_samples([sequence])).pooled.observed
        assert observed.tolist() == [0.0] * (19 - inside) + [1.0] * inside


def test_a_variance_of_nothing_is_refused() -> None:
    samples = gaussian_samples(1.0, 10)
    samples.variances[3, 1, 0] = 0.0
    with pytest.raises(ValueError, match="variance is not above 0"):
        calibration_summary(samples)
