"""What forecasts frames: the network, and the simple ways that it must beat."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from scipy.ndimage import distance_transform_edt

from convlstm_perception.types import Float32Array


class FrameForecaster(Protocol):
    """Anything that answers frames with the frames that follow.

    Attributes:
        name: in tables and pictures.
    """

    @property
    def name(self) -> str: ...

    def forecast(self, inputs: Float32Array, steps: int) -> Float32Array:
        """The frames that follow.

        Args:
            inputs: (B, T, C, H, W) float32 in the data's own units, NaN where a value is missing.
            steps: how many frames to forecast.

        Returns:
            (B, steps, C, H, W) float32 in the same units, finite.
        """
        ...


class LastFrame:
    """Persistence: everything stays as it is in the last frame."""

    name = "last frame"

    def forecast(self, inputs: Float32Array, steps: int) -> Float32Array:
        """See :class:`FrameForecaster`."""
        last = latest_known(inputs)
        return np.repeat(last[:, None], steps, axis=1)


def latest_known(inputs: Float32Array) -> Float32Array:
    """(B, C, H, W) of each pixel its latest known value.

    A pixel that was never known takes the value of the nearest one that was; 0 without any.
    """
    latest = inputs[:, -1].copy()
    for frame in inputs.swapaxes(0, 1)[-2::-1]:
        latest = np.where(np.isfinite(latest), latest, frame)
    known = np.isfinite(latest)
    for where in np.argwhere(~known.all(axis=(-2, -1))):
        place = tuple(where)
        if not known[place].any():
            latest[place] = 0.0
            continue
        nearest = distance_transform_edt(~known[place], return_distances=False, return_indices=True)
        latest[place] = latest[place][tuple(nearest)]
    return latest
