"""Windows as tensors: scaled, filled, and cut out where fields are large."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from convlstm_perception.errors import ParameterError
from convlstm_perception.forecasting.fields import EVERYTHING, FieldSeries
from convlstm_perception.forecasting.scaling import ValueScaling, filled
from convlstm_perception.forecasting.windows import Window, WindowShape, read_window


class Batch(NamedTuple):
    """Of a network; the first axis B is the batch's.

    Attributes:
        inputs: (B, T, C, H, W) float32, scaled, 0 where a value is missing.
        targets: (B, targets, C, H, W) the same.
        known: bool, the shape of the targets: False where a value is missing.
    """

    inputs: Tensor
    targets: Tensor
    known: Tensor


class WindowBatches(Dataset[Batch]):
    """The windows of one part; each item is a :class:`Batch` without its first axis.

    Args:
        series: that the windows are of.
        windows: at least one.
        shape: of the windows.
        scaling: of the values.
        crop: side of the square that is cut out at a random place; None gives whole frames.

    Raises:
        ParameterError: for a crop larger than the fields.
    """

    def __init__(
        self,
        series: Sequence[FieldSeries],
        windows: Sequence[Window],
        shape: WindowShape,
        scaling: ValueScaling,
        crop: int | None = None,
    ) -> None:
        _, _, height, width = series[0].shape
        if crop is not None and crop > min(height, width):
            raise ParameterError(f"crop: {crop}: the fields have {height}x{width} pixels")
        self._series = series
        self._windows = windows
        self._shape = shape
        self._scaling = scaling
        self._crop = crop
        self._size = height, width

    def __len__(self) -> int:
        return len(self._windows)

    def __getitem__(self, index: int) -> Batch:
        rows, columns = self._place()
        inputs, targets = read_window(
            self._series, self._windows[index], self._shape, rows, columns
        )
        return Batch(
            filled(self._scaling.scale(inputs)),
            filled(self._scaling.scale(targets)),
            torch.from_numpy(np.isfinite(targets)),
        )

    def _place(self) -> tuple[slice, slice]:
        if self._crop is None:
            return EVERYTHING, EVERYTHING
        # torch's generator, which Lightning seeds, in each process that loads differently.
        starts = [int(torch.randint(0, side - self._crop + 1, ())) for side in self._size]
        rows, columns = (slice(start, start + self._crop) for start in starts)
        return rows, columns


def some_windows(windows: Sequence[Window], most: int) -> list[Window]:
    """At most so many windows, evenly spread."""
    places = np.linspace(0, len(windows) - 1, min(len(windows), most)).round().astype(int)
    return [windows[place] for place in np.unique(places)]


def collate(items: Sequence[Batch]) -> Any:
    """Stack windows; a module's function, so that processes that load can be handed it."""
    return Batch(*(torch.stack(parts) for parts in zip(*items, strict=True)))
