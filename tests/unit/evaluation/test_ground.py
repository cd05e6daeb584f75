"""Figures in metres, on walks whose errors can be computed by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from convlstm_perception.data.sequence import AnnotatedSequence
from convlstm_perception.errors import ParameterError, SourceError
from convlstm_perception.evaluation import plots
from convlstm_perception.evaluation.ground.birds_eye import birds_eye
from convlstm_perception.evaluation.ground.figures import (
    ground_figures,
    ground_key_figures,
    stronger_baseline,
)
from convlstm_perception.evaluation.ground.judgement import evaluate_ground
from convlstm_perception.evaluation.ground.report import ground_section
from convlstm_perception.evaluation.ground.samples import GROUND_MODELS, ground_samples
from convlstm_perception.evaluation.ground.scores import GroundScores, ground_scores
from convlstm_perception.evaluation.ground.sequence import (
    GroundedSequence,
    GroundPaths,
    foot_places,
    put_on_ground,
)
from convlstm_perception.evaluation.ground.view import (
    CalibratedView,
    check_ground_request,
    read_view,
)
from convlstm_perception.ground import GroundSettings
from tests.support.answers import FRAME_RATE
from tests.support.ground_answers import CAMERA, VIEW, answered, box_at, grounded, straight
from tests.support.tsai import write_tsai

WALK = {1: straight(10.0, -1.0, 1.0, 0.0)}
EXACT = 1e-4  # metres; boxes are float32
TURN = 2.0  # seconds


def turning(seconds: float) -> tuple[float, float]:
    """Along x at 1 m/s, and after ``TURN`` along y."""
    return 10.0 + min(seconds, TURN), -1.0 + max(seconds - TURN, 0.0)


def scores_of(sequence: GroundedSequence) -> GroundScores:
    return ground_scores(ground_samples(sequence), FRAME_RATE)


def test_perfect_answers_have_no_error() -> None:
    scores = scores_of(grounded(WALK, 41))
    # 41 frames at 10 a second: frames 0 to 30, 20, 10 have a future of 1, 2, 3 s.
    for horizon, count in ((1.0, 31), (2.0, 21), (3.0, 11)):
        score = scores.scores["model"][horizon]
        assert (score.average, score.final) == (pytest.approx(0, abs=EXACT),) * 2
        assert [scores.scores[name][horizon].samples for name in GROUND_MODELS] == [count] * 4
        assert scores.coverage.by_horizon[horizon].inside_90 == 1.0
    assert scores.coverage.pooled.inside_90 == 1.0
    assert scores.coverage.pooled.samples == 31 + 21 + 11
    assert scores.position_error.p95 == pytest.approx(0, abs=EXACT)
    assert (scores.matches, scores.unlocated, scores.tracks, scores.people) == (41, 0, 1, 1)


def test_a_shifted_path_has_its_shift_as_error() -> None:
    scores = scores_of(grounded(WALK, 41, path_offset=(0.3, 0.4)))
    for score in scores.scores["model"].values():
        assert (score.average, score.final) == (pytest.approx(0.5, abs=EXACT),) * 2
    # The present place was right.
    assert scores.position_error.mean == pytest.approx(0, abs=EXACT)


def test_the_average_is_over_the_times_up_to_the_horizon() -> None:
    people = {1: straight(10.0, -1.0, 0.0, 0.0)}
    sequence = grounded(people, 41)
    growing = np.arange(1, 31)[:, None] * [0.06, 0.08, 0.0]  # 0.1 m in each step of 0.1 s
    tracks = [replace(one, paths=one.paths + growing) for one in sequence.tracks]
    scores = scores_of(replace(sequence, tracks=tracks)).scores["model"]
    assert [scores[h].final for h in (1.0, 2.0, 3.0)] == pytest.approx([1, 2, 3], abs=EXACT)
    assert [scores[h].average for h in (1.0, 2.0, 3.0)] == pytest.approx(
        [0.55, 1.05, 1.55], abs=EXACT
    )


def test_a_shifted_place_is_an_error_of_the_present() -> None:
    sequence = grounded(WALK, 41, place_offset=(0.6, -0.8))
    assert scores_of(sequence).position_error.mean == pytest.approx(1.0, abs=EXACT)


def test_constant_velocity_misses_a_turn() -> None:
    samples = ground_samples(grounded({1: turning}, 61, place_offset=(0.2, 0.0)))
    row = int(np.flatnonzero(samples.frames == TURN * FRAME_RATE)[0])
    # After h seconds it is at (h, 0) from the corner and the person at (0, h); the published place
    # is 0.2 m ahead besides, the raw feet are not.
    raw = [math.hypot(h, h) for h in (1, 2, 3)]
    published = [math.hypot(h + 0.2, h) for h in (1, 2, 3)]
    assert samples.final["constant_velocity_raw"][row] == pytest.approx(raw, abs=3e-3)
    assert samples.final["constant_velocity"][row] == pytest.approx(published, abs=3e-3)
    steps = np.arange(1, 11) / 10
    assert samples.average["constant_velocity_raw"][row, 0] == pytest.approx(
        np.hypot(steps, steps).mean(), abs=3e-3
    )
    assert samples.average["constant_velocity"][row, 0] == pytest.approx(
        np.hypot(steps + 0.2, steps).mean(), abs=3e-3
    )
    assert samples.final["model"][row] == pytest.approx([0, 0, 0], abs=EXACT)
    # Half a second after the corner, the last second's slope is half along x and half along y.
    assert samples.final["constant_velocity_raw"][row + 5, 0] == pytest.approx(
        math.hypot(0.5, 0.5), abs=3e-3
    )


def test_raw_feet_have_a_past_of_their_own() -> None:
    # Stands; the published place alone leaps by half a metre at frame 10.
    sequence = grounded({1: straight(10.0, -1.0, 0.0, 0.0)}, 41)
    tracks = list(sequence.tracks)
    tracks[10] = replace(tracks[10], positions=tracks[10].positions + [0.5, 0.0, 0.0])
    samples = ground_samples(replace(sequence, tracks=tracks))
    # Least squares over 11 places at -0.5 ... 0.5 s around their mean: 0.5 * 0.5 / 1.1 m/s.
    assert samples.final["constant_velocity"][10, 0] == pytest.approx(0.5 + 0.25 / 1.1, abs=EXACT)
    assert samples.final["constant_velocity_raw"][10, 0] == pytest.approx(0.0, abs=EXACT)


def test_the_published_velocity_goes_straight_on_from_the_published_place() -> None:
    sequence = grounded({1: turning}, 61, velocities={1: (0.0, 0.5)})
    samples = ground_samples(sequence)
    row = int(np.flatnonzero(samples.frames == TURN * FRAME_RATE)[0])
    # Along y like the person, but half as fast.
    assert samples.final["published_velocity"][row] == pytest.approx([0.5, 1, 1.5], abs=EXACT)


def test_the_stronger_baseline_stands_in_the_headline() -> None:
    scores = scores_of(grounded({1: turning}, 61, place_offset=(0.2, 0.0)))
    published, raw = (scores.scores[name][2.0] for name in GROUND_MODELS[1:3])
    strong = stronger_baseline(scores, 2.0)
    assert published.average != pytest.approx(raw.average, abs=1e-3)
    assert strong.average == min(published.average, raw.average)
    assert strong.final == min(published.final, raw.final)
    assert ground_key_figures(scores)["ade_2s_m_constant_velocity"] == round(strong.average, 4)


def test_a_track_without_a_past_stands_still() -> None:
    samples = ground_samples(grounded(WALK, 41))
    assert samples.frames[0] == 0
    for name in ("constant_velocity", "constant_velocity_raw"):
        assert samples.final[name][0] == pytest.approx([1, 2, 3], abs=EXACT)
        assert samples.final[name][1] == pytest.approx([0, 0, 0], abs=5e-3)


# The squared Mahalanobis distance of (0.3, 0.4) is 0.058 / 0.36 with this covariance.
CORRELATED = np.array([[1.0, 0.8], [0.8, 1.0]])
SQUARED = 0.058 / 0.36


@pytest.mark.parametrize(("squared", "inside"), [(4.59, 1.0), (4.62, 0.0)])
def test_coverage_takes_the_whole_ellipse(squared: float, inside: float) -> None:
    # The 90 % region ends at 4.605; without the correlation the distance were far outside.
    sequence = grounded(
        WALK, 41, path_offset=(0.3, 0.4), path_covariances=CORRELATED * SQUARED / squared
    )
    scores = scores_of(sequence)
    assert scores.coverage.pooled.inside_90 == inside
    assert ground_key_figures(scores)["coverage_90_m"] == inside
    assert [one.inside_90 for one in scores.coverage.by_horizon.values()] == [inside] * 3


def test_coverage_pools_the_horizons_at_their_own_covariances() -> None:
    wide = np.arange(30)[:, None, None] >= 15  # wide enough from 1.6 s on
    covariances = np.where(wide, 1.0, 0.001) * np.eye(2)
    sequence = grounded(WALK, 41, path_offset=(0.3, 0.4), path_covariances=covariances)
    coverage = scores_of(sequence).coverage
    assert [one.inside_90 for one in coverage.by_horizon.values()] == [0.0, 1.0, 1.0]
    assert coverage.pooled.inside_90 == pytest.approx((21 + 11) / (31 + 21 + 11))


def test_a_covariance_of_nothing_is_refused() -> None:
    samples = ground_samples(grounded(WALK, 41, path_covariances=np.ones((2, 2))))
    with pytest.raises(ValueError, match="not positive definite"):
        ground_scores(samples, FRAME_RATE)


def test_speeds_of_those_who_walk() -> None:
    people = {
        1: straight(8.0, -3.0, 1.2, 0.0),
        2: straight(8.0, 0.0, 0.8, 0.6),
        3: straight(9.0, 3.0, 0.0, 0.0),  # stands
        4: straight(12.0, -5.0, 0.4, 0.0),  # slower than walking
        5: straight(15.0, 5.0, 2.0, 0.0),
    }
    published = {1: (1.2, 0.0), 2: (0.0, 3.0), 3: (0.0, 0.0), 4: (0.4, 0.0), 5: (0.2, 0.3)}
    sequence = grounded(people, 41, velocities=published)
    scores = scores_of(sequence)
    # 1, 2 and 5 walk; 2 is published too fast and 5 too slow.
    assert scores.speed.tracks == 3
    assert scores.speed.share_ok == pytest.approx(1 / 3)
    # The second around the frame is annotated from frame 5 to frame 35.
    assert scores.speed.samples == 3 * 31
    assert scores.speed.annotated.mean == pytest.approx((1.2 + 1.0 + 2.0) / 3, abs=EXACT)
    slow = math.hypot(0.2, 0.3)
    assert scores.speed.published.mean == pytest.approx((1.2 + 3.0 + slow) / 3)
    assert scores.speed.error.mean == pytest.approx((0.0 + 2.0 + 2.0 - slow) / 3, abs=EXACT)
    assert scores.speed.error.p95 == pytest.approx(2.0, abs=EXACT)


@pytest.mark.parametrize(
    ("speed", "share"), [(0.49, 0.0), (0.5, 1.0), (1.4, 1.0), (2.5, 1.0), (2.51, 0.0)]
)
def test_plausible_speeds(speed: float, share: float) -> None:
    scores = scores_of(grounded(WALK, 21, velocities={1: (0.0, speed)}))
    assert (scores.speed.share_ok, scores.speed.tracks) == (share, 1)


def test_frames_in_which_somebody_stands_do_not_count() -> None:
    # Stands for 4 s, then walks at 1 m/s for 2 s; the published speed is true.
    def way(seconds: float) -> tuple[float, float]:
        return 10.0 + max(seconds - 4.0, 0.0), 0.0

    sequence = grounded({1: way}, 61)
    tracks = [
        replace(one, velocities=np.array([[float(frame >= 40), 0.0]]))
        for frame, one in enumerate(sequence.tracks)
    ]
    samples = ground_samples(replace(sequence, tracks=tracks))
    # Centred: at 3.8 s the second around has 0.3 s of walking in it, at 4.2 s 0.7 s.
    assert samples.true_speeds[[38, 42, 46]] == pytest.approx([0.3, 0.7, 1.0], abs=EXACT)
    assert np.isnan(samples.true_speeds[[0, 4, 56, 60]]).all()
    speed = ground_scores(samples, FRAME_RATE).speed
    assert (speed.share_ok, speed.tracks) == (1.0, 1)
    assert speed.published.p50 == 1.0


def test_one_wild_frame_does_not_judge_a_track() -> None:
    sequence = grounded(WALK, 41)
    tracks = list(sequence.tracks)
    tracks[20] = replace(tracks[20], velocities=np.array([[90.0, 0.0]]))  # the mean is 3.9 m/s
    assert scores_of(replace(sequence, tracks=tracks)).speed.share_ok == 1.0


@pytest.mark.parametrize(("frames", "tracks"), [(10, 0), (11, 1)])
def test_short_tracks_are_not_judged_by_their_speed(frames: int, tracks: int) -> None:
    sequence = grounded(WALK, 41, unlocated=lambda frame: not 10 <= frame < 10 + frames)
    scores = scores_of(sequence)
    assert scores.speed.tracks == tracks
    assert math.isnan(scores.speed.share_ok) == (not tracks)


def test_tracks_without_a_place_are_counted_and_left_out() -> None:
    samples = ground_samples(grounded(WALK, 41, unlocated=lambda frame: 5 <= frame < 8))
    assert (len(samples), samples.unlocated) == (38, 3)
    assert not set(samples.frames) & {5, 6, 7}
    # The gap is no part of the past.
    row = int(np.flatnonzero(samples.frames == 8)[0])
    assert samples.final["constant_velocity"][row, 0] == pytest.approx(0.0, abs=EXACT)


def test_tracks_away_from_everybody_are_no_samples() -> None:
    sequence = grounded(WALK, 41)
    elsewhere = answered({1: straight(14.0, 3.0, 1.0, 0.0)}, 41).truths
    moved = replace(sequence, sequence=replace(sequence.sequence, truths=elsewhere))
    samples = ground_samples(moved)
    assert (len(samples), samples.unlocated) == (0, 0)
    scores = ground_scores(samples, FRAME_RATE)
    figures = ground_key_figures(scores)
    assert figures["ade_2s_m"] is None and figures["speed_share_ok"] is None
    assert (figures["samples_2s_m"], figures["speed_tracks"]) == (0, 0)
    scene = birds_eye(moved, samples)
    assert not scene.forecasts and plots.from_above(scene)


def test_people_between_annotated_frames_and_above_the_horizon() -> None:
    sequence = answered(WALK, 21)
    every_fifth = {frame: truth for frame, truth in sequence.truths.items() if frame % 5 == 0}
    paths = GroundPaths(replace(sequence, truths=every_fifth), CAMERA)
    places = paths.places(1, 5, [0.0, 0.5, 0.2, 1.6])
    assert places[:2] == pytest.approx(np.array([[10.5, -1.0], [11.0, -1.0]]), abs=EXACT)
    assert places[2] == pytest.approx([10.7, -1.0], abs=0.02)  # a line in the image
    assert np.isnan(places[3]).all()
    feet = foot_places(CAMERA, np.array([box_at((12.0, 2.0)), [640.0, -80.0, 20.0, 40.0]]))
    assert feet[0] == pytest.approx([12.0, 2.0], abs=EXACT)
    assert np.isnan(feet[1]).all()


def test_boxes_go_through_the_tracker_of_the_node() -> None:
    """Straight ahead of the camera, where boxes tell heights without error."""
    sequence = answered({1: straight(8.0, 0.0, 1.2, 0.0)}, 61)
    scores = evaluate_ground(sequence, VIEW).scores
    assert scores.matches == 61 and scores.unlocated == 0
    assert scores.position_error.p95 < 0.1
    assert scores.scores["model"][2.0].average < 0.2
    assert scores.coverage.pooled.inside_90 == 1.0
    assert scores.speed.published.p50 == pytest.approx(1.2, abs=0.1)
    (tracks,) = {one.frame_id for one in put(sequence).tracks}
    assert tracks == "world"


def put(sequence) -> GroundedSequence:
    return put_on_ground(sequence, VIEW, GroundSettings().person)


def test_figures_are_plain() -> None:
    scores = scores_of(grounded({1: turning, 2: straight(8.0, 4.0, 1.0, 0.0)}, 61))
    keys = ground_key_figures(scores)
    for horizon in (1, 2, 3):
        for name in ("ade", "fde"):
            assert keys[f"{name}_{horizon}s_m"] == pytest.approx(0.0, abs=EXACT)
            assert keys[f"{name}_{horizon}s_m_constant_velocity"] > 0.05
    assert (keys["coverage_90_m"], keys["speed_share_ok"], keys["speed_tracks"]) == (1.0, 1.0, 2)
    assert keys["samples_3s_m"] == 2 * 31
    figures = ground_figures(scores, CalibratedView(VIEW, 2e-12))
    read = json.loads(json.dumps({**keys, "ground": figures}, allow_nan=False))["ground"]
    assert read["tsai_agreement_mm"] == 2e-9
    assert read["scores"]["model"]["2"]["samples"] == keys["samples_2s_m"]
    assert "samples" not in read
    assert ground_figures(scores, CalibratedView(VIEW, np.inf))["tsai_agreement_mm"] is None


def test_the_picture_shows_the_first_moment_with_most_predictions() -> None:
    people = {1: turning, 2: straight(8.0, 4.0, 1.0, 0.0)}
    sequence = grounded(people, 61, path_offset=(0.3, 0.0), unlocated=lambda frame: frame < 4)
    scene = birds_eye(sequence, ground_samples(sequence))
    assert scene.moment == pytest.approx(0.4)
    assert [len(scene.annotated), len(scene.published), len(scene.forecasts)] == [2, 2, 2]
    assert np.isnan(scene.published[0][:4]).all() and np.isfinite(scene.published[0][4:]).all()
    first = scene.forecasts[0]
    assert first.past[-1] == pytest.approx([10.4, -1.0], abs=EXACT)
    assert first.path[0] == pytest.approx([10.4, -1.0], abs=EXACT)
    assert first.path[-1] == pytest.approx([12.3, 0.4], abs=EXACT)
    assert first.centres[-1] == pytest.approx(first.path[-1], abs=EXACT)
    assert first.arrivals[-1] == pytest.approx([12.0, 0.4], abs=EXACT)
    assert first.actual[[0, -1]] == pytest.approx(np.array([[10.4, -1], [12, 0.4]]), abs=EXACT)
    picture = cv2.imdecode(np.frombuffer(plots.from_above(scene), np.uint8), cv2.IMREAD_COLOR)
    assert min(picture.shape[:2]) > 500


def test_the_region_of_the_picture_is_the_one_that_is_scored() -> None:
    covariance = np.array([[2.0, 1.2], [1.2, 1.0]])
    region = plots.region_90(np.array([3.0, -2.0]), covariance)
    rim = np.array([*region.get_vertices(), *region.get_co_vertices()]) - [3.0, -2.0]
    squared = (rim * np.linalg.solve(covariance, rim.T).T).sum(-1)
    assert squared == pytest.approx(np.full(len(rim), -2 * math.log(0.1)), rel=1e-9)


def test_the_section_of_the_page() -> None:
    sequence = answered({1: turning}, 61)
    ground = evaluate_ground(sequence, VIEW)
    page = "".join(
        ground_section(ground, ground_figures(ground.scores, CalibratedView(VIEW, 1e-9)))
    )
    score = ground.scores.scores["model"][3.0]
    for text in (
        "On the ground, in metres",
        "constant velocity of raw feet",
        f"{score.average:.2f}",
        f"{score.final:.2f}",
        "agree within 1e-06 mm",
        "data:image/png;base64,",
    ):
        assert text in page, text


def test_what_has_no_ground_is_refused() -> None:
    check_ground_request("pets", True, None)
    check_ground_request("mot", False, None)
    with pytest.raises(ParameterError, match="which mot has not; it is for --dataset pets only"):
        check_ground_request("mot", True, None)


def test_the_calibration_lies_beside_the_annotation(tmp_path: Path) -> None:
    sequence = AnnotatedSequence("own", FRAME_RATE, 640, 480, {})
    with pytest.raises(SourceError, match=r"View_001.xml: no such calibration, which --ground"):
        read_view(tmp_path, None, sequence)
    write_tsai(tmp_path / "View_001.xml")
    for path in (tmp_path, tmp_path / "gt.xml"):
        found = read_view(path, None, sequence)
        assert found.view.frame_id == "world" and found.view.image_size == (640, 480)
        assert found.view.camera.height == pytest.approx(6.0)
        assert found.disagreement < 1e-6
    with pytest.raises(SourceError, match="640x480 pixels, but own is annotated at 768x576"):
        read_view(tmp_path, None, replace(sequence, width=768, height=576))
