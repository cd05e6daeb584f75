"""Values as colours: a map and a range that fit the data."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib
import numpy as np

from convlstm_perception.types import Float32Array, Image

_BULK = (0.5, 99.5)  # percentiles that the range spans
_BOTH_SIGNS = 0.2  # of the larger side, from which the smaller one counts
_MISSING = (0.55, 0.55, 0.55, 1.0)
_RGB = 3
_EIGHT_BITS = 255.0


@dataclass(frozen=True)
class Colouring:
    """How values are shown.

    Attributes:
        map: name of a colour map of matplotlib; "" where three channels are red, green and blue.
        low, high: values of its ends.
        channel: the one that is shown.
    """

    map: str
    low: float
    high: float
    channel: int = 0

    def paint(self, frames: Float32Array) -> Image:
        """(T, C, H, W) values as (T, H, W, 3) red, green, blue; missing ones are grey."""
        if not self.map:
            share = (frames - self.low) / (self.high - self.low)
            painted = np.nan_to_num(share, nan=_MISSING[0]).transpose(0, 2, 3, 1)
            return (np.clip(painted, 0.0, 1.0) * _EIGHT_BITS).round().astype(np.uint8)
        shown = frames[:, self.channel]
        share = (shown - self.low) / (self.high - self.low)
        # Without over and under: what lies beyond the ends has the colours of the ends.
        colours = matplotlib.colormaps[self.map].with_extremes(bad=_MISSING)
        painted = colours(np.ma.masked_invalid(share), bytes=True)
        return np.ascontiguousarray(painted[..., :3])


def fit_colouring(frames: Float32Array, dtype: np.dtype) -> Colouring:
    """A colouring for known frames (T, C, H, W), the inputs and the truth where there is one.

    Three channels of 8 bits are red, green and blue; other 8 bits are grey. Values of both signs
    get a map whose middle is 0, all others one from dark to light. Of several channels the first is
    shown.
    """
    eight_bits = dtype == np.uint8
    if eight_bits and frames.shape[1] == _RGB:
        return Colouring("", 0.0, _EIGHT_BITS)
    values = frames[:, 0][np.isfinite(frames[:, 0])]
    if not values.size:
        return Colouring("viridis", 0.0, 1.0)
    low, high = (float(edge) for edge in np.percentile(values, _BULK))
    if high <= low:
        low, high = float(values.min()), float(values.max())
    if high <= low:
        high = low + 1.0
    if eight_bits:
        return Colouring("gray", low, high)
    if low < 0 < high and min(-low, high) > _BOTH_SIGNS * max(-low, high):
        edge = max(-low, high)
        return Colouring("RdBu_r", -edge, edge)
    return Colouring("viridis", low, high)
