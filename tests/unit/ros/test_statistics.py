"""Counts, rates and percentiles of a stream."""

from __future__ import annotations

import time

import pytest

from convlstm_perception.ros.statistics import StreamStatistics


def test_a_stream_that_has_not_begun_has_no_ages_and_no_rates() -> None:
    report = StreamStatistics().report(skipped=0)
    assert report.image_age is None and report.last_failure_age is None
    assert report.rate_in == report.rate_answered == 0.0
    assert report.latencies == {} and report.last_error == ""


def test_every_frame_is_counted_once_in_what_became_of_it() -> None:
    statistics = StreamStatistics()
    for _ in range(6):
        statistics.arrived()
    statistics.answered({"encoder": 0.01}, valid_slots=1, restarted=False)
    statistics.answered({"encoder": 0.01}, valid_slots=2, restarted=True)
    statistics.rejected("too short")
    statistics.failed("no memory")
    report = statistics.report(skipped=2)
    assert report.received == 6
    assert (report.answered, report.rejected, report.failed, report.skipped) == (2, 1, 1, 2)
    assert (report.restarts, report.valid_slots) == (1, 2)
    assert report.last_error == "no memory"
    assert report.last_failure_age is not None and report.last_failure_age < 1.0


def test_percentiles_are_over_the_latest_answers_only() -> None:
    statistics = StreamStatistics()
    for milliseconds in [1000.0] * 50 + list(range(1, 301)):
        statistics.answered({"motion": 1e-3 * milliseconds}, valid_slots=1, restarted=False)
    statistics.took("overlay", 0.5)
    latencies = statistics.report(skipped=0).latencies
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
