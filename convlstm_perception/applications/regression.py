"""Simple forecasts that are fitted to a training part: its mean, and a linear regression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convlstm_perception.forecasting.fields import FieldSeries
from convlstm_perception.forecasting.forecasters import latest_known
from convlstm_perception.forecasting.windows import Window, WindowShape, read_window
from convlstm_perception.types import Float32Array, Float64Array

_RIDGE = 1e-3  # of the mean square of the predictors


class TrainingMean:
    """Each pixel as it was on average in the frames that the training windows see and ask for.

    Args:
        series: without missing values.
        windows: of the training part.
        shape: of the windows.
    """

    name = "mean"

    def __init__(
        self, series: Sequence[FieldSeries], windows: Sequence[Window], shape: WindowShape
    ) -> None:
        frames = [np.concatenate(read_window(series, window, shape)) for window in windows]
        self.mean: Float32Array = np.concatenate(frames).mean(axis=0).astype(np.float32)

    def forecast(self, inputs: Float32Array, steps: int) -> Float32Array:
        """See :class:`convlstm_perception.forecasting.FrameForecaster`."""
        return np.broadcast_to(self.mean, (len(inputs), steps, *self.mean.shape)).copy()


class Autoregression:
    """A pixel's future as a linear function of its own last values.

    y(t + k) - m = sum over j of a(k, j) (y(t - j) - m), with m the pixel's mean in the training
    part and coefficients a for each lead time k that all pixels share: least squares with a ridge.

    Args:
        series: without missing values.
        windows: of the training part.
        shape: of the windows.
        order: how many last values; at most the inputs of a window.
    """

    name = "autoregression"

    def __init__(
        self,
        series: Sequence[FieldSeries],
        windows: Sequence[Window],
        shape: WindowShape,
        order: int = 5,
    ) -> None:
        self._mean = TrainingMean(series, windows, shape).mean
        self._order = min(order, shape.inputs)
        squares = np.zeros((self._order, self._order))
        products = np.zeros((self._order, shape.targets))
        for window in windows:
            inputs, targets = read_window(series, window, shape)
            before = _rows(inputs[-self._order :] - self._mean)
            squares += before @ before.T
            products += before @ _rows(targets - self._mean).T
        ridge = _RIDGE * np.trace(squares) / self._order
        self._coefficients = np.linalg.solve(squares + ridge * np.eye(self._order), products)

    def forecast(self, inputs: Float32Array, steps: int) -> Float32Array:
        """See :class:`convlstm_perception.forecasting.FrameForecaster`.

        Raises:
            ValueError: for more steps than it was fitted for.
        """
        if steps > self._coefficients.shape[1]:
            raise ValueError(f"{steps} steps; fitted for {self._coefficients.shape[1]}")
        last = latest_known(inputs)
        seen = np.where(np.isfinite(inputs), inputs, last[:, None])[:, -self._order :] - self._mean
        change = np.einsum("bjchw,jk->bkchw", seen, self._coefficients[:, :steps])
        return (self._mean + change).astype(np.float32)


def _rows(frames: Float32Array) -> Float64Array:
    """(T, pixels) in double precision."""
    return frames.reshape(len(frames), -1).astype(np.float64)
