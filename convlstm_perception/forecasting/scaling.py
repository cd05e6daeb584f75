"""Values between the data's own units and what a network sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import torch
from torch import Tensor

from convlstm_perception.errors import ParameterError, SourceError
from convlstm_perception.forecasting.fields import FieldSeries
from convlstm_perception.forecasting.windows import Window, WindowShape
from convlstm_perception.types import Float32Array

ScalingKind = Literal["linear", "log"]

_MOST_WINDOWS = 200  # looked at for the range

Numbers = TypeVar("Numbers", np.ndarray, Tensor)


@dataclass(frozen=True)
class ValueScaling:
    """Takes ``low`` to 0 and ``high`` to 1, evenly or by the logarithm.

    ``linear``: s = (v - low) / (high - low). ``log``: s = log(1 + v - low) / log(1 + high - low),
    for amounts such as rain, of which most are small and few large; what lies below ``low`` counts
    as ``low``, and no forecast does.

    Attributes:
        kind: ``linear`` or ``log``.
        low, high: for each channel, in the data's own units.
        clip: whether forecasts are held within ``low`` and ``high``.
    """

    kind: ScalingKind
    low: tuple[float, ...]
    high: tuple[float, ...]
    clip: bool = False

    def __post_init__(self) -> None:
        if self.kind not in ("linear", "log"):
            raise ParameterError(f"scaling: {self.kind!r} is neither linear nor log")
        if len(self.low) != len(self.high) or not self.low:
            raise ParameterError(f"scaling: {len(self.low)} lows and {len(self.high)} highs")
        for channel, (low, high) in enumerate(zip(self.low, self.high, strict=True)):
            if not low < high:
                raise ParameterError(
                    f"scaling: channel {channel}: low {low} is not below high {high}; do the "
                    "values vary? Else give --low and --high"
                )

    def scale(self, values: Float32Array) -> Float32Array:
        """(..., C, H, W) values in their own units, as the network sees them; NaN stays NaN."""
        low, high = self._edges(values)
        if self.kind == "linear":
            scaled = (values - low) / (high - low)
        else:
            scaled = np.log1p(np.maximum(values - low, 0.0)) / np.log1p(high - low)
        return scaled.astype(np.float32)

    def restore(self, scaled: Float32Array) -> Float32Array:
        """(..., C, H, W) of a network's answer in the data's own units."""
        low, high = self._edges(scaled)
        if self.clip:
            scaled = np.clip(scaled, 0.0, 1.0)
        if self.kind == "linear":
            values = scaled * (high - low) + low
        else:
            values = np.expm1(np.maximum(scaled, 0.0) * np.log1p(high - low)) + low
        return values.astype(np.float32)

    @property
    def span(self) -> float:
        """The widest range of a channel, in the data's own units."""
        return max(high - low for low, high in zip(self.low, self.high, strict=True))

    def _edges(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if values.shape[-3] != len(self.low):
            raise SourceError(
                f"{values.shape[-3]} channels, but the scaling is of {len(self.low)}: is this the "
                "data that the network was trained on?"
            )
        # In float64: near a large offset float32 has no digits to spare.
        low, high = (np.array(edge, np.float64)[:, None, None] for edge in (self.low, self.high))
        return low, high


def fit_scaling(
    kind: ScalingKind,
    series: Sequence[FieldSeries],
    windows: Sequence[Window],
    shape: WindowShape,
    clip: bool = False,
) -> ValueScaling:
    """The scaling whose range is that of training windows (of some, evenly spread, if many).

    Args:
        kind: see :class:`ValueScaling`.
        series: that the windows are of.
        windows: those of the training part alone: validation and test must stay unseen.
        shape: of the windows.
        clip: see :class:`ValueScaling`.

    Raises:
        SourceError: when a channel has no known value.
    """
    some = np.unique(np.linspace(0, len(windows) - 1, _MOST_WINDOWS).round().astype(int))
    channels = series[0].shape[1]
    low, high = np.full(channels, np.inf), np.full(channels, -np.inf)
    for window in (windows[index] for index in some):
        frames = series[window.series].read(window.start, window.start + shape.frames)
        flat = frames.swapaxes(0, 1).reshape(channels, -1)
        known = np.isfinite(flat)
        low = np.minimum(low, np.where(known, flat, np.inf).min(axis=1))
        high = np.maximum(high, np.where(known, flat, -np.inf).max(axis=1))
    if not np.isfinite([low, high]).all():
        raise SourceError(
            f"{series[0].name}: a channel without any known value in its training part"
        )
    return ValueScaling(kind, tuple(low.tolist()), tuple(high.tolist()), clip)


def filled(scaled: Float32Array) -> Tensor:
    """As a tensor for a network, 0 (the scaled ``low``) where a value is missing."""
    return torch.from_numpy(np.nan_to_num(scaled, nan=0.0, posinf=0.0, neginf=0.0))
