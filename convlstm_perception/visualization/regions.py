"""The ellipses within which nine in ten are."""

from __future__ import annotations

import math

from convlstm_perception.types import Float64Array

SHARE = 0.9
"""Probability that somebody is within."""

# Quantile of chi-square with two degrees of freedom, whose distribution is exponential.
QUANTILE = -2.0 * math.log(1.0 - SHARE)


def ellipse(covariance: Float64Array) -> tuple[float, float, float]:
    """Longer and shorter semi-axis of a (2, 2) covariance's ellipse, and the longer one's angle.

    The angle is in radians from x towards y, the axes in the covariance's unit.
    """
    (xx, xy), (_, yy) = covariance.tolist()
    mean, half = (xx + yy) / 2, math.hypot((xx - yy) / 2, xy)
    longer, shorter = (
        math.sqrt(QUANTILE * max(variance, 0.0)) for variance in (mean + half, mean - half)
    )
    return longer, shorter, math.atan2(2 * xy, xx - yy) / 2


def is_whole_second(time: float) -> bool:
    """Whether an ellipse is drawn at a predicted time."""
    return abs(time - round(time)) < 1e-3
