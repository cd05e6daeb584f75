"""Whether the published uncertainty is true: how often people are in the region they should be in.

A centre with a Gaussian error lies inside its region of level p with probability p; the region is
the ellipse whose squared Mahalanobis radius is the chi-squared quantile of p with two degrees of
freedom (Kuleshov et al. 2018, "Accurate Uncertainties for Deep Learning Using Calibrated
Regression", section 3, for two dimensions together).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.evaluation.forecast_samples import ForecastSamples
from convlstm_perception.types import BoolArray

LEVELS = np.arange(1, 20) * 0.05
_ROUNDING = 1e-9


@dataclass(frozen=True)
class CalibrationScore:
    """At one horizon, or at all together; NaN without samples.

    Attributes:
        inside_50, inside_90: share of people inside the 50 % and the 90 % region.
        observed: (19,) share inside the region of each level 0.05, 0.10, ..., 0.95.
        samples: how many forecasts were checked.
    """

    inside_50: float
    inside_90: float
    observed: NDArray[np.float64]
    samples: int


@dataclass(frozen=True)
class CalibrationSummary:
    """Over all sequences.

    Attributes:
        levels: (19,) nominal levels of ``observed``.
        by_horizon: horizon in seconds to score.
        pooled: all horizons together.
    """

    levels: NDArray[np.float64]
    by_horizon: Mapping[float, CalibrationScore]
    pooled: CalibrationScore


def calibration_summary(samples: ForecastSamples) -> CalibrationSummary:
    """Score the published variances of the samples' centres.

    Raises:
        ValueError: when a published variance is not above 0.
    """
    known = np.isfinite(samples.final["model"])
    if (samples.variances[known] <= 0).any():
        raise ValueError("trajectories: a published variance is not above 0")
    with np.errstate(divide="ignore", invalid="ignore"):
        squared = (samples.offsets**2 / samples.variances).sum(-1)
    return regions_score(squared, known, samples.horizons)


def regions_score(
    squared: NDArray[np.float64], known: BoolArray, horizons: NDArray[np.float64]
) -> CalibrationSummary:
    """Score how often people are in their regions.

    Args:
        squared: (S, K) squared Mahalanobis distances.
        known: (S, K) which of them count.
        horizons: (K,) seconds.
    """
    return CalibrationSummary(
        levels=LEVELS,
        by_horizon={
            float(horizon): _score(squared[known[:, index], index])
            for index, horizon in enumerate(horizons)
        },
        pooled=_score(squared[known]),
    )


def _score(squared: NDArray[np.float64]) -> CalibrationScore:
    """From the squared Mahalanobis distances (S,)."""
    if len(squared) == 0:
        return CalibrationScore(np.nan, np.nan, np.full(len(LEVELS), np.nan), 0)
    # With two degrees of freedom the chi-squared distribution is 1 - exp(-d / 2).
    radii = -2.0 * np.log1p(-LEVELS)
    observed = (squared[:, None] <= radii + _ROUNDING).mean(axis=0)
    return CalibrationScore(
        inside_50=float(observed[np.argmin(np.abs(LEVELS - 0.5))]),
        inside_90=float(observed[np.argmin(np.abs(LEVELS - 0.9))]),
        observed=observed,
        samples=len(squared),
    )
