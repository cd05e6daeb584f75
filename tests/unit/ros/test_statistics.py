"""Counts, rates and percentiles of a stream."""

from __future__ import annotations

import time

import numpy as np
import pytest

from convlstm_perception.ros.statistics import StreamStatistics
from convlstm_perception.types import AnswerStatus, Detections, PerceptionResult, Tracks

TIMES = np.array([0.5, 1.0], np.float32)


def result(**facts: object) -> PerceptionResult:
    nobody = Detections.nobody(TIMES), Tracks.nobody(TIMES)
    return PerceptionResult(7, "camera", *nobody, **{"valid_slots": 1, **facts})


def test_a_stream_that_has_not_begun_has_no_ages_and_no_rates() -> None:
    statistics = StreamStatistics()
    report = statistics.report(skipped=0)
    assert report.image_age is None and report.last_failure_age is None
    assert report.last_refusal_age is None and report.last_answer is None
    assert report.rate_in == report.rate_answered == 0.0
    assert statistics.latencies() == {} and report.last_error == ""


def test_every_frame_is_counted_once_in_what_became_of_it() -> None:
    statistics = StreamStatistics()
    for _ in range(9):
        statistics.arrived()
    black = {"status": AnswerStatus.UNUSABLE, "status_reason": "black"}
    statistics.answered(result(**black), {}, 0.1)
    statistics.answered(result(status=AnswerStatus.DEGRADED), {}, 0.1)
    statistics.answered(result(restarted="size", valid_slots=2), {}, 0.2)
    statistics.refused("rejected", "too short")
    statistics.refused("disordered", "double")
    statistics.refused("expired", "old")
    assert statistics.report(0).last_failure_age is None
    statistics.refused("failed", "no memory")
    report = statistics.report(skipped=2)
    assert report.received == 9
    assert (report.answered, report.degraded, report.unusable, report.skipped) == (2, 1, 1, 2)
    assert (report.rejected, report.disordered, report.expired, report.failed) == (1, 1, 1, 1)
    assert (report.restarts, report.valid_slots, report.last_answer) == (1, 2, 7)
    assert (report.status, report.age) == (AnswerStatus.OK, 0.2)
    assert report.last_error == "no memory"
    assert report.last_failure_age is not None and report.last_failure_age < 1.0
    assert report.last_refusal_age is not None and report.last_refusal_age < 1.0


def test_percentiles_are_over_the_latest_answers_only() -> None:
    statistics = StreamStatistics()
    for milliseconds in [1000.0] * 50 + list(range(1, 301)):
        statistics.answered(result(), {"motion": 1e-3 * milliseconds}, 0.0)
    statistics.took("overlay", 0.5)
    latencies = statistics.latencies()
    assert latencies["motion"] == pytest.approx((0.1505, 0.29701), rel=1e-3)
    assert latencies["overlay"] == (0.5, 0.5)


def test_rates_are_frames_a_second() -> None:
    statistics = StreamStatistics()
    start = time.monotonic()
    for _ in range(5):
        statistics.arrived()
        time.sleep(0.02)
    longest = time.monotonic() - start
    assert 4 / longest <= statistics.report(skipped=0).rate_in <= 4 / 0.08
