"""Summaries of repeated measurements, and measurements in turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Timing:
    """Of some measurements in milliseconds.

    Attributes:
        p50, p99: median and 99th percentile, interpolated between the nearest two.
        mean: average.
        count: number of measurements.
    """

    p50: float
    p99: float
    mean: float
    count: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Timing:
        """Summarise measurements in seconds.

        Raises:
            ValueError: when there is none.
        """
        if not seconds:
            raise ValueError("no measurement to summarise")
        milliseconds = 1e3 * np.asarray(seconds)
        p50, p99 = np.percentile(milliseconds, (50, 99))
        return cls(
            round(float(p50), 4),
            round(float(p99), 4),
            round(float(milliseconds.mean()), 4),
            len(seconds),
        )


@dataclass(frozen=True)
class Variant:
    """One of several ways to do a piece of work.

    Attributes:
        name: in the results.
        measure: does the work and returns the seconds that it took.
        warm: does enough of it that caches and threads are as they are in a steady run.
    """

    name: str
    measure: Callable[[], float]
    warm: Callable[[], object]


def measure_in_turns(
    variants: Sequence[Variant], rounds: int, step: Callable[[], None]
) -> dict[str, Timing]:
    """Time each variant once a round, to and fro, so that a machine's drift hits all alike.

    Args:
        variants: each is warmed before each measurement, for the one before it has had the caches.
        rounds: measurements of each.
        step: called after each measurement.
    """
    seconds: dict[str, list[float]] = {variant.name: [] for variant in variants}
    for number in range(rounds):
        for variant in variants if number % 2 == 0 else reversed(variants):
            variant.warm()
            seconds[variant.name].append(variant.measure())
            step()
    return {name: Timing.of(values) for name, values in seconds.items()}
