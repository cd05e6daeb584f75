"""How far people are from where they were predicted to be, beside simpler predictions.

ADE and FDE are the average and final displacement errors of Pellegrini et al. 2009, "You'll Never
Walk Alone", and Alahi et al. 2016, "Social LSTM", section 4, here of box centres in the image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.evaluation.forecast_samples import MODELS, ForecastSamples

MISS_DISTANCE = 0.5  # in heights of the person's box at present


@dataclass(frozen=True)
class DisplacementScore:
    """One model at one horizon; NaN without samples.

    Attributes:
        average: ADE, mean distance over the times up to the horizon in pixels.
        final: FDE, distance at the horizon in pixels.
        average_heights, final_heights: the same in heights of the person's box at present.
        miss_rate: share of samples whose final distance is above half of that height.
        samples: how many were averaged; the same for every model.
    """

    average: float
    final: float
    average_heights: float
    final_heights: float
    miss_rate: float
    samples: int


@dataclass(frozen=True)
class ForecastSummary:
    """Forecasts over all sequences.

    Attributes:
        scores: model, one of ``MODELS``, to horizon in seconds to score.
        samples: the table behind it.
    """

    scores: Mapping[str, Mapping[float, DisplacementScore]]
    samples: ForecastSamples = field(metadata={"table": True})


def forecast_summary(samples: ForecastSamples) -> ForecastSummary:
    """Average the samples; every model is averaged over the same ones."""
    scores = {
        name: {
            float(horizon): _score(
                samples.average[name][:, index], samples.final[name][:, index], samples.heights
            )
            for index, horizon in enumerate(samples.horizons)
        }
        for name in MODELS
    }
    return ForecastSummary(scores, samples)


def _score(
    average: NDArray[np.float64], final: NDArray[np.float64], heights: NDArray[np.float64]
) -> DisplacementScore:
    known = np.isfinite(final)
    if not known.any():
        return DisplacementScore(np.nan, np.nan, np.nan, np.nan, np.nan, samples=0)
    average, final, heights = average[known], final[known], heights[known]
    return DisplacementScore(
        average=float(average.mean()),
        final=float(final.mean()),
        average_heights=float((average / heights).mean()),
        final_heights=float((final / heights).mean()),
        miss_rate=float((final > MISS_DISTANCE * heights).mean()),
        samples=int(known.sum()),
    )
