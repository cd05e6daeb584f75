"""The last frame as probabilities, and the cross-entropy of anything that answers probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convlstm_perception.forecasting.fields import FieldSeries
from convlstm_perception.forecasting.forecasters import FrameForecaster
from convlstm_perception.forecasting.windows import Window, WindowShape, read_window
from convlstm_perception.types import Float32Array

_LEVELS = 16  # of brightness that are told apart
_SURE = 1e-7  # nearest that a probability comes to 0 and 1


class LastFrameOdds:
    """How bright a pixel is likely to be, given how bright it is in the last frame.

    A copy of the last frame is sure of every pixel, so its cross-entropy has no bound. This is the
    best that can be said of a pixel from its last value alone: the mean of what followed in the
    training part, for each level of brightness and each lead time.

    Args:
        series: values from 0 to 1.
        windows: of the training part.
        shape: of the windows.
    """

    name = "last frame, as odds"

    def __init__(
        self, series: Sequence[FieldSeries], windows: Sequence[Window], shape: WindowShape
    ) -> None:
        counts = np.zeros(_LEVELS)
        sums = np.zeros((shape.targets, _LEVELS))
        for window in windows:
            inputs, targets = read_window(series, window, shape)
            levels = _level(inputs[-1]).ravel()
            counts += np.bincount(levels, minlength=_LEVELS)
            for lead, frame in enumerate(targets):
                sums[lead] += np.bincount(levels, frame.ravel(), minlength=_LEVELS)
        self._odds = (sums / np.maximum(counts, 1.0)).astype(np.float32)

    def forecast(self, inputs: Float32Array, steps: int) -> Float32Array:
        """See :class:`FrameForecaster`; after the training's lead times, as at the last."""
        levels = _level(inputs[:, -1])
        leads = np.minimum(np.arange(steps), len(self._odds) - 1)
        return np.stack([self._odds[lead][levels] for lead in leads], axis=1)


def cross_entropy(
    series: Sequence[FieldSeries],
    windows: Sequence[Window],
    shape: WindowShape,
    forecaster: FrameForecaster,
    batch_size: int = 16,
) -> float:
    """The mean over windows of the cross-entropy, summed over frames and pixels, in nats.

    With x the truth and p the forecast, both from 0 to 1: the sum of
    -x log p - (1 - x) log (1 - p) (Shi et al. 2015, section 4.1: "cross-entropy loss
    per sequence").
    It is not 0 even for p = x where x is neither 0 nor 1.
    """
    total = 0.0
    for start in range(0, len(windows), batch_size):
        pairs = [read_window(series, one, shape) for one in windows[start : start + batch_size]]
        inputs, truth = (np.stack(part) for part in zip(*pairs, strict=True))
        odds = forecaster.forecast(inputs, shape.targets).astype(np.float64)
        odds = odds.clip(_SURE, 1.0 - _SURE)
        total -= float((truth * np.log(odds) + (1.0 - truth) * np.log1p(-odds)).sum())
    return total / len(windows)


def _level(values: Float32Array) -> np.ndarray:
    return np.clip(values * _LEVELS, 0, _LEVELS - 1).astype(np.int64)
