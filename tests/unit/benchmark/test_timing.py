"""Summaries, and the order of measurements in turns."""

from __future__ import annotations

import pytest

from convlstm_perception.benchmark.timing import Timing, Variant, measure_in_turns


def test_a_summary_is_in_milliseconds() -> None:
    timing = Timing.of([0.001, 0.002, 0.003])
    assert (timing.p50, timing.mean, timing.count) == (2.0, 2.0, 3)
    assert timing.p99 == pytest.approx(2.98)
    with pytest.raises(ValueError, match="no measurement"):
        Timing.of([])


def test_variants_take_turns_to_and_fro_and_are_warmed() -> None:
    order: list[str] = []

    def variant(name: str, seconds: float) -> Variant:
        def measure() -> float:
            order.append(name)
            return seconds

        return Variant(name, measure, lambda: order.append(f"warm {name}"))

    steps: list[None] = []
    first, second = variant("a", 0.001), variant("b", 0.002)
    timings = measure_in_turns([first, second], 2, lambda: steps.append(None))
    assert order == ["warm a", "a", "warm b", "b", "warm b", "b", "warm a", "a"]
    assert len(steps) == 4
    assert timings["a"].p50 == 1.0 and timings["b"].count == 2
