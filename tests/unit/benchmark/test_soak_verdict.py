"""What the soak lets pass, and what it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.soak_verdict import Sample, StampCheck, growth, judge, warm_up

MINUTES = 30.0


def samples(seconds: int = 1800, **slopes: float) -> list[Sample]:
    """A sample a second; slopes are what a figure grows by from the warm-up to the end."""
    start = warm_up(MINUTES)
    base = Sample(0.0, 500.0, 300.0, 22, 28)
    made = []
    for second in range(seconds):
        share = max(0.0, (second - start) / (seconds - start))
        grown = {
            name: type(getattr(base, name))(getattr(base, name) + slope * share)
            for name, slope in slopes.items()
        }
        # During the warm-up memory may grow as it likes.
        warming = -150.0 if second < start / 2 and "rss_mb" not in slopes else 0.0
        sample = replace(base, seconds=float(second), **grown)
        made.append(replace(sample, rss_mb=sample.rss_mb + warming))
    return made


def stamps(*answered: int) -> StampCheck:
    check = StampCheck(sent=[10, 20, 30, 40])
    for stamp in answered:
        check.answer(stamp, 0.0)
    return check


def test_a_steady_run_passes() -> None:
    assert judge(samples(), [stamps(10, 30, 40)], MINUTES, "[INFO] fine") == []
    assert judge(samples(rss_mb=8.0), [], MINUTES, "") == [], "1.6 % is no leak"


def test_growth_is_measured_between_the_warm_up_and_the_end() -> None:
    memory = growth(samples(rss_mb=50.0), "rss_mb", MINUTES)
    assert memory.before == pytest.approx(501, abs=1) and memory.after == pytest.approx(549, abs=1)
    assert warm_up(60.0) == 300.0 and warm_up(3.0) == 30.0


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (samples(rss_mb=12.0), "the resident memory grew by 2."),
        (samples(threads=3), "threads grew from 22 to 2"),
        (samples(handles=9), "handles grew from 28 to 3"),
        ([replace(sample, failed=2) for sample in samples()], "2 frames failed"),
        ([replace(sample, rejected=3) for sample in samples()], "3 frames rejected"),
        (samples(100), "it ended after 99 s, before the warm-up of 300 s did"),
        ([], "it ended after 0 s"),
    ],
)
def test_a_run_that_leaks_or_fails_does_not_pass(made: list[Sample], words: str) -> None:
    (reason,) = judge(made, [stamps(10)], MINUTES, "")
    assert words in reason


@pytest.mark.parametrize(
    ("answered", "words"),
    [
        ((10, 25), "stamp 25 was answered but never sent"),
        ((10, 50), "stamp 50 was answered but never sent"),
        ((20, 20), "stamp 20 was answered twice"),
        ((30, 20), "stamp 20 was answered after 30"),
    ],
)
def test_a_wrong_stamp_does_not_pass(answered: tuple[int, ...], words: str) -> None:
    assert judge(samples(), [stamps(*answered)], MINUTES, "") == [words]


def test_a_traceback_does_not_pass() -> None:
    (reason,) = judge(samples(), [], MINUTES, "Traceback (most recent call last):")
    assert "traceback" in reason
