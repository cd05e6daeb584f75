"""When the player publishes, and with which stamps."""

from __future__ import annotations

import itertools
import threading
import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2's rclpy")

from convlstm_perception.ros.player import Cadence, PlayReport, rising_stamps


def test_schedule_does_not_drift() -> None:
    cadence = Cadence(0.02)
    started = time.monotonic()
    for _ in range(11):
        assert cadence.wait(threading.Event())
        time.sleep(0.005)
    assert 0.2 <= time.monotonic() - started < 0.3
    assert cadence.late == 0


def test_late_images_are_counted_and_do_not_come_in_a_burst() -> None:
    cadence = Cadence(0.05)
    stop = threading.Event()
    cadence.wait(stop)
    time.sleep(0.3)
    moments = []
    for _ in range(4):
        cadence.wait(stop)
        moments.append(time.monotonic())
    assert cadence.late == 1
    assert np.diff(moments).min() > 0.04


def test_without_a_period_nothing_is_waited_for() -> None:
    cadence = Cadence(0.0)
    started = time.monotonic()
    assert all(cadence.wait(threading.Event()) for _ in range(100))
    assert time.monotonic() - started < 0.1
    assert cadence.late == 0


def test_stop_ends_the_waiting() -> None:
    cadence = Cadence(60.0)
    stop = threading.Event()
    assert cadence.wait(stop)
    threading.Timer(0.05, stop.set).start()
    assert not cadence.wait(stop)


def test_nominal_stamps_do_not_accumulate_rounding() -> None:
    stamps = np.array(list(itertools.islice(rising_stamps("nominal", 1.0 / 7.0), 701)))
    assert stamps[-1] - stamps[0] == 100_000_000_000


def test_stamps_of_now_rise_even_when_the_clock_stands_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_000)
    assert list(itertools.islice(rising_stamps("now", 0.1), 3)) == [1_000, 1_001, 1_002]


def test_report_tells_the_rate() -> None:
    report = PlayReport(images=71, seconds=10.0, late=2)
    assert report.rate == pytest.approx(7.0)
    assert str(report) == "published 71 images in 10.00 s (7.00 Hz), 2 late"
    assert PlayReport().rate == 0.0
