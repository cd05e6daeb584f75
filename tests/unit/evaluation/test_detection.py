"""Average precision on cases small enough to do by hand."""

from __future__ import annotations

import numpy as np
import pytest

from convlstm_perception.evaluation import score_detections

PERSON = np.array([[50.0, 50.0, 20.0, 40.0]], np.float32)
ELSEWHERE = np.array([[150.0, 50.0, 20.0, 40.0]], np.float32)
NOBODY = np.zeros((0, 4), np.float32)


def scores(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_all_found_is_one() -> None:
    result = score_detections([PERSON, ELSEWHERE], [PERSON, ELSEWHERE], [scores(0.9), scores(0.2)])
    assert result.average_precision == pytest.approx(1.0)
    assert (result.people, result.detections) == (2, 2)


def test_a_second_box_on_the_same_person_is_an_error() -> None:
    twice = np.concatenate([PERSON, PERSON + 1])
    result = score_detections([PERSON, PERSON], [twice, PERSON], [scores(0.9, 0.8), scores(0.7)])
    # Hit, miss, hit: recall 1/2 at precision 1, then 1 at 2/3.
    assert result.average_precision == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_a_certain_false_alarm_costs_more_than_an_uncertain_one() -> None:
    both = np.concatenate([ELSEWHERE, PERSON])
    certain = score_detections([PERSON], [both], [scores(0.9, 0.5)])
    uncertain = score_detections([PERSON], [both], [scores(0.3, 0.5)])
    assert certain.average_precision == pytest.approx(0.5)
    assert uncertain.average_precision == pytest.approx(1.0)


def test_overlap_decides() -> None:
    moved = PERSON + np.array([[10.0, 0, 0, 0]], np.float32)  # IoU 1/3
    assert score_detections([PERSON], [moved], [scores(1.0)], 0.5).average_precision == 0.0
    assert score_detections([PERSON], [moved], [scores(1.0)], 0.3).average_precision == 1.0


def test_frames_without_people_or_without_detections() -> None:
    empty = score_detections([NOBODY], [NOBODY], [scores()])
    assert (empty.average_precision, empty.people) == (0.0, 0)
    alarm = score_detections([NOBODY, PERSON], [PERSON, NOBODY], [scores(0.5), scores()])
    assert alarm.average_precision == 0.0
