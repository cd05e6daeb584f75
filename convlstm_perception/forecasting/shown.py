"""One forecast with all that is shown beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from convlstm_perception.forecasting.fields import Labels
from convlstm_perception.types import Float32Array


@dataclass(frozen=True)
class ShownForecast:
    """Values in the data's own units, NaN where missing.

    Attributes:
        inputs: (T, C, H, W) the frames seen.
        forecasts: by name, (steps, C, H, W) each; the one that matters first.
        truth: (steps, C, H, W) what came, or None. Frames that are not known hold NaN.
        labels: of the data.
        dtype: of the data as stored; 8-bit data are shown as pictures.
    """

    inputs: Float32Array
    forecasts: Mapping[str, Float32Array]
    truth: Float32Array | None = None
    labels: Labels = field(default_factory=Labels)
    dtype: np.dtype = field(default_factory=lambda: np.dtype(np.float32))

    @property
    def steps(self) -> int:
        """Lead times."""
        return len(next(iter(self.forecasts.values())))

    @property
    def known(self) -> Float32Array:
        """(T or T + steps, C, H, W) everything that was measured."""
        return self.inputs if self.truth is None else np.concatenate([self.inputs, self.truth])
