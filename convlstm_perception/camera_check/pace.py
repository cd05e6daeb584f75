"""How regularly images come: rate, jitter, and those that are missing between others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing_extensions import Self

_GAP = 1.5  # periods between two stamps from which on at least one image is missing between them


@dataclass(frozen=True)
class Pace:
    """Of some images.

    Attributes:
        rate: images a second.
        period: the median of the seconds between two stamps.
        jitter: of arrivals: nine of ten intervals are within so many seconds of their median.
        widest: the longest time between two stamps in seconds.
        missing: images that by their stamps lie in gaps.
    """

    rate: float
    period: float
    jitter: float
    widest: float
    missing: int

    @classmethod
    def of(cls, arrivals: Sequence[float], stamps_ns: Sequence[int]) -> Self | None:
        """Of images by their arrival, in seconds, and their stamps; None for fewer than three.

        Stamps that do not rise say nothing of the camera; the arrivals then stand for them.
        """
        if len(arrivals) < 3:
            return None
        between = np.diff(np.array(arrivals, np.float64))
        steps = np.diff(np.array(stamps_ns, np.int64)) / 1e9
        if (steps <= 0).any():
            steps = between
        period = float(np.median(steps))
        lost = sum(max(0, round(step / period) - 1) for step in steps if step > _GAP * period)
        span = float(between.sum())
        return cls(
            rate=len(between) / span if span > 0 else float("inf"),
            period=period,
            jitter=float(np.quantile(np.abs(between - np.median(between)), 0.9)),
            widest=float(steps.max()),
            missing=int(lost),
        )
