"""Tracking figures on cases small enough to do by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from convlstm_perception.data.sequence import FrameTruth
from convlstm_perception.evaluation.answered import AnsweredSequence
from convlstm_perception.evaluation.hota import FrameOverlaps, hota
from convlstm_perception.evaluation.tracking import tracking_summary
from tests.support.answers import FRAME_RATE, answer, boxes_of, perfect, standing, truths_of

ALONE = {1: standing(50.0)}
PAIR = {1: standing(50.0), 2: standing(150.0)}
BOX = boxes_of((50, 100, 20, 40))


def followed(ids: list[int], box: np.ndarray = BOX) -> AnsweredSequence:
    """One person, found in every frame, with these track ids."""
    results = [answer(frame, [identity], box) for frame, identity in enumerate(ids)]
    return AnsweredSequence("followed", truths_of(ALONE, len(ids)), results, FRAME_RATE)


def test_a_perfect_answer() -> None:
    summary = tracking_summary([perfect(PAIR, 6)])
    assert (summary.mota, summary.idf1, summary.hota) == (1.0, 1.0, pytest.approx(1.0))
    assert (summary.precision, summary.recall, summary.id_switches) == (1.0, 1.0, 0)
    assert (summary.people, summary.people_boxes, summary.frames) == (2, 12, 6)


def test_an_identity_switch_half_way() -> None:
    summary = tracking_summary([followed([7, 7, 7, 8, 8, 8])])
    assert summary.id_switches == 1
    assert summary.mota == pytest.approx(1 - 1 / 6)
    assert summary.idf1 == pytest.approx(0.5)  # 3 right, 3 missed, 3 wrong
    assert summary.detection_accuracy == pytest.approx(1.0)
    assert summary.association_accuracy == pytest.approx(0.5)  # shares 3 of 6 with each track
    assert summary.hota == pytest.approx(np.sqrt(0.5))


def test_hota_is_a_mean_over_its_overlaps() -> None:
    # Moved by 8 of 20 pixels: overlap 12 / 28 = 0.43, a match at 8 of the 19 thresholds.
    summary = tracking_summary([followed([7, 7], BOX + np.float32([8, 0, 0, 0]))])
    assert summary.hota == pytest.approx(8 / 19)
    assert summary.mota == pytest.approx(1 - 4 / 2)  # two missed, two wrong: less than half


def test_coasting_tracks_count() -> None:
    sequence = perfect(ALONE, 4)
    results = [
        replace(result, tracks=replace(result.tracks, coasting=np.ones(1, bool)))
        for result in sequence.results
    ]
    assert tracking_summary([replace(sequence, results=results)]).recall == 1.0


def test_tracks_in_an_ignored_region_are_left_out_unless_they_match() -> None:
    region = boxes_of((150, 100, 60, 60))
    truth = truths_of(ALONE, 3)
    results = perfect(PAIR, 3).results  # the second person is not annotated
    plain = AnsweredSequence("plain", truth, results, FRAME_RATE)
    excused = {
        frame: FrameTruth(people.ids, people.boxes, region) for frame, people in truth.items()
    }
    assert tracking_summary([plain]).precision == pytest.approx(0.5)
    assert tracking_summary([replace(plain, truths=excused)]).precision == 1.0
    matched = {
        frame: FrameTruth(people.ids, people.boxes, region)
        for frame, people in truths_of(PAIR, 3).items()
    }
    assert tracking_summary([replace(plain, truths=matched)]).recall == 1.0


def test_frames_that_nobody_annotated_are_not_scored() -> None:
    sequence = followed([7, 8, 7, 8, 7])
    sparse = replace(sequence, truths=truths_of(ALONE, 5, step=2))
    summary = tracking_summary([sparse])
    assert (summary.id_switches, summary.frames, summary.mota) == (0, 3, 1.0)


def test_sequences_are_pooled_and_their_identities_kept_apart() -> None:
    # Person 1 of one sequence is not person 1 of the other, nor are their tracks.
    good, bad = followed([7] * 4), AnsweredSequence(
        "bad", truths_of(ALONE, 4), [answer(frame, [], BOX[:0]) for frame in range(4)], FRAME_RATE
    )  # fmt: skip
    summary = tracking_summary([good, bad])
    assert (summary.people, summary.people_boxes) == (2, 8)
    assert (summary.recall, summary.mota) == (0.5, 0.5)
    assert summary.idf1 == pytest.approx(2 * 4 / (8 + 4))
    assert (summary.detection_accuracy, summary.association_accuracy) == (0.5, 1.0)


def test_nobody_annotated_is_not_a_number() -> None:
    empty = FrameTruth(np.zeros(0, np.int64), np.zeros((0, 4), np.float32))
    summary = tracking_summary([replace(followed([7]), truths={0: empty})])
    assert np.isnan([summary.mota, summary.hota]).all()
    assert np.isnan(hota([[FrameOverlaps(empty.ids, empty.ids, np.zeros((0, 0)))]]).hota)


def test_hota_prefers_the_track_that_fits_over_the_whole_sequence() -> None:
    # Track 7 overlaps by 0.6 in all five frames; in one, track 8 overlaps by 0.9.
    person, both = np.array([1]), np.array([7, 8])
    frames = [FrameOverlaps(person, both[:1], np.array([[0.6]]))] * 5
    frames[2] = FrameOverlaps(person, both, np.array([[0.6, 0.9]]))
    score = hota([frames])
    # At the 12 thresholds up to 0.6: 5 found and 1 wrong, all on one track. None above.
    assert score.association == pytest.approx(12 / 19)
    assert score.detection == pytest.approx(12 / 19 * 5 / 6)
    assert score.hota == pytest.approx(12 / 19 * np.sqrt(5 / 6))
