"""Average precision on cases small enough to do by hand."""

from __future__ import annotations

import numpy as np
import pytest

from convlstm_perception.data.sequence import FrameTruth
from convlstm_perception.evaluation import score_detections
from convlstm_perception.evaluation.answered import AnsweredSequence
from convlstm_perception.evaluation.detection import (
    HeightRange,
    detection_summary,
    log_average_miss_rate,
)
from convlstm_perception.evaluation.matching import match_boxes
from tests.support.answers import answer

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


def brute_force_average_precision(
    truths: list[np.ndarray], boxes: list[np.ndarray], scores: list[np.ndarray], overlap: float
) -> float:
    """Box by box and point by point, straight from the definition."""

    def iou(a: np.ndarray, b: np.ndarray) -> float:
        width = min(a[0] + a[2] / 2, b[0] + b[2] / 2) - max(a[0] - a[2] / 2, b[0] - b[2] / 2)
        height = min(a[1] + a[3] / 2, b[1] + b[3] / 2) - max(a[1] - a[3] / 2, b[1] - b[3] / 2)
        if width <= 0 or height <= 0:
            return 0.0
        return float(width * height / (a[2] * a[3] + b[2] * b[3] - width * height))

    everything = sorted(
        ((score, frame, row) for frame, row_scores in enumerate(scores)
         for row, score in enumerate(row_scores)),
        key=lambda item: -item[0],
    )  # fmt: skip
    used: set[tuple[int, int]] = set()
    points = []
    hits = 0
    for count, (_, frame, row) in enumerate(everything, start=1):
        best, best_overlap = None, overlap
        for person, truth in enumerate(truths[frame]):
            value = iou(boxes[frame][row], truth)
            if (frame, person) not in used and value >= best_overlap:
                best, best_overlap = person, value
        if best is not None:
            used.add((frame, best))
            hits += 1
        points.append((hits, hits / count))
    people = sum(map(len, truths))
    return (
        sum(
            max((precision for found, precision in points if found >= wanted), default=0.0)
            for wanted in range(1, people + 1)
        )
        / people
    )


def random_scene(seed: int) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    generator = np.random.default_rng(seed)
    truths, boxes, certainties = [], [], []
    for _ in range(12):
        people = generator.integers(0, 6)
        truth = np.column_stack(
            [generator.uniform(0, 150, (people, 2)), generator.uniform(20, 60, (people, 2))]
        ).astype(np.float32)
        near = np.repeat(truth, 2, axis=0)
        near = near + generator.normal(0, 4, near.shape).astype(np.float32)
        far = np.column_stack(
            [generator.uniform(0, 150, (4, 2)), generator.uniform(20, 60, (4, 2))]
        )
        found = np.concatenate([near, far]).astype(np.float32)
        truths.append(truth)
        boxes.append(found)
        certainties.append(-np.sort(-generator.uniform(0, 1, len(found))).astype(np.float32))
    return truths, boxes, certainties


def as_sequence(
    truths: list[np.ndarray], boxes: list[np.ndarray], certainties: list[np.ndarray]
) -> AnsweredSequence:
    return AnsweredSequence(
        "scene",
        {
            frame: FrameTruth(np.arange(len(truth), dtype=np.int64), truth)
            for frame, truth in enumerate(truths)
        },
        [
            answer(frame, list(range(len(found))), found, scores=list(certainty))
            for frame, (found, certainty) in enumerate(zip(boxes, certainties, strict=True))
        ],
        10.0,
    )


def test_ap50_95_equals_brute_force() -> None:
    scene = random_scene(3)
    summary = detection_summary([as_sequence(*scene)])
    wanted = [
        brute_force_average_precision(*scene, overlap) for overlap in np.arange(50, 100, 5) / 100
    ]
    assert 0.1 < wanted[0] < 0.9  # a scene with finds, misses and false alarms
    assert summary.ap50 == pytest.approx(wanted[0], abs=1e-9)
    assert summary.ap50_95 == pytest.approx(np.mean(wanted), abs=1e-9)


def test_an_ignored_region_excuses_only_who_matches_nobody() -> None:
    region = np.array([[150.0, 50.0, 60.0, 60.0]], np.float32)
    found = np.concatenate([ELSEWHERE, PERSON])  # the more certain one lies in the region
    plain = score_detections([PERSON], [found], [scores(0.9, 0.5)])
    excused = score_detections([PERSON], [found], [scores(0.9, 0.5)], ignored=[region])
    assert plain.average_precision == pytest.approx(0.5)
    assert (excused.average_precision, excused.detections) == (pytest.approx(1.0), 1)
    inside = score_detections([ELSEWHERE], [found], [scores(0.9, 0.5)], ignored=[region])
    assert (inside.average_precision, inside.detections) == (pytest.approx(1.0), 2)


def test_a_region_excuses_at_half_of_the_box() -> None:
    half = np.array([[40.0, 50.0, 20.0, 40.0]], np.float32)  # the person's left half
    less = half - np.array([[1.0, 0, 0, 0]], np.float32)
    for region, counted in ((half, 0), (less, 1)):
        score = score_detections([NOBODY], [PERSON], [scores(0.9)], ignored=[region])
        assert score.detections == counted


def test_a_height_range_asks_for_its_people_only() -> None:
    tall = np.array([[50.0, 100.0, 50.0, 100.0]], np.float32)
    small = np.array([[150.0, 100.0, 20.0, 40.0]], np.float32)
    near = HeightRange(80.0)
    found = [np.concatenate([small, tall])]
    score = score_detections(
        [np.concatenate([tall, small])], found, [scores(0.9, 0.5)], heights=near
    )
    assert (score.people, score.detections) == (1, 1)
    assert score.average_precision == pytest.approx(1.0)
    # Alone: 70 px are within the margin below 80 px and an error, 60 px are not.
    for height, errors in ((70.0, 1), (60.0, 0)):
        alarm = np.array([[300.0, 100.0, 30.0, height]], np.float32)
        assert score_detections([tall], [alarm], [scores(0.9)], heights=near).detections == errors
    # A person out of the range excuses one box, not two.
    twice = [np.concatenate([small * [1, 1, 1, 1.7], small * [1, 1, 1, 1.7]]).astype(np.float32)]
    outside = [(small * [1, 1, 1, 1.7]).astype(np.float32)]  # 68 px
    assert score_detections(outside, twice, [scores(0.9, 0.8)], heights=near).detections == 1


def test_log_average_miss_rate_by_hand() -> None:
    # Ten frames, two people: a find, a false alarm (0.1 a frame), a find. Up to 0.1 alarms a
    # frame is short of the alarm for the rates 0.01 ... 0.056 and includes it from 0.1 on.
    truths = [PERSON, PERSON] + [NOBODY] * 8
    boxes = [PERSON, PERSON, ELSEWHERE] + [NOBODY] * 7
    certainties = [scores(0.9), scores(0.7), scores(0.8)] + [scores()] * 7
    rate = log_average_miss_rate(score_detections(truths, boxes, certainties), 10)
    assert rate == pytest.approx(np.exp((4 * np.log(0.5) + 5 * np.log(1e-10)) / 9))
    nothing = score_detections(truths, [NOBODY] * 10, [scores()] * 10)
    assert log_average_miss_rate(nothing, 10) == pytest.approx(1.0)


def test_the_summary_of_nobody_is_not_a_number() -> None:
    summary = detection_summary([as_sequence([NOBODY], [PERSON], [scores(0.9)])])
    assert np.isnan([summary.ap50, summary.ap50_95, summary.log_average_miss_rate]).all()
    assert summary.by_height["near"].people == 0


def test_the_overlap_asked_for_is_enough() -> None:
    narrow = PERSON * np.array([[1, 1, 0.5, 1]], np.float32)  # overlap exactly 1/2
    assert score_detections([PERSON], [narrow], [scores(0.9)], 0.5).average_precision == 1.0


def test_a_pair_below_the_limit_neither_matches_nor_draws_others_apart() -> None:
    def row(*centres: float) -> np.ndarray:
        return np.array([[x, 50.0, 20.0, 40.0] for x in centres], np.float32)

    # 0 and 4 overlap by 16/24. Taking 0 with -14 (6/34) and 10 with 4 (14/26) would add up to more.
    people, found = match_boxes(row(0, 10), row(4, -14))
    assert (people.tolist(), found.tolist()) == ([0], [0])
    assert len(match_boxes(row(0), row(10))[0]) == 0  # 1/3
