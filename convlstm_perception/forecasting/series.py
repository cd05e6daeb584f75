"""From a stored array to series of fields: what its axes are, and a coarser grid if asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from convlstm_perception.errors import SourceError
from convlstm_perception.forecasting.fields import EVERYTHING, FieldSeries, Labels, MemorySeries
from convlstm_perception.forecasting.readers.base import StoredArray, checked_numbers
from convlstm_perception.types import Float32Array

LAYOUT_LETTERS = "NTCHW"
"""Axes of a stored array: N independent sequences, time, channels, height, width."""

_FEWEST_FRAMES = 2
_MOST_CHANNELS = 4  # that a last axis of unknown meaning is taken for
_READ_AT_ONCE = 32  # frames, while a series is brought into memory


@dataclass(frozen=True, eq=False)
class StoredSeries:
    """One sequence of a stored array; see :class:`FieldSeries`.

    Attributes:
        array: what a reader found.
        layout: meaning of its axes, letters of ``LAYOUT_LETTERS``.
        sequence: index along N; 0 where there is no such axis.
        reduce: pixels of the file, along each side, that make one of the series' by their mean.
    """

    array: StoredArray
    layout: str
    sequence: int = 0
    reduce: int = 1

    @property
    def name(self) -> str:
        """Of the array, with the number of the sequence where there are several."""
        return f"{self.array.name}[{self.sequence}]" if "N" in self.layout else self.array.name

    @property
    def dtype(self) -> np.dtype[Any]:
        """As stored."""
        return self.array.values.dtype

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(time, channels, height, width); pixels that fill no whole block are left out."""
        size = dict(zip(self.layout, self.array.values.shape, strict=True))
        reduce = self.reduce
        return size["T"], size.get("C", 1), size["H"] // reduce, size["W"] // reduce

    @property
    def labels(self) -> Labels:
        """Of the file, on the series' grid."""
        labels = self.array.labels
        _, _, height, width = self.shape
        return dataclasses.replace(
            labels,
            rows=_block_centres(labels.rows, self.reduce, height),
            columns=_block_centres(labels.columns, self.reduce, width),
        )

    def read(
        self, start: int, stop: int, rows: slice = EVERYTHING, columns: slice = EVERYTHING
    ) -> Float32Array:
        """See :meth:`FieldSeries.read`."""
        time, _, height, width = self.shape
        if not 0 <= start < stop <= time:
            raise IndexError(f"{self.name}: frames {start} to {stop} of {time}")
        wanted: dict[str, int | slice] = {
            "N": self.sequence,
            "T": slice(start, stop),
            "C": EVERYTHING,
            "H": _stored_part(rows, height, self.reduce),
            "W": _stored_part(columns, width, self.reduce),
        }
        stored = np.asarray(self.array.values[tuple(wanted[axis] for axis in self.layout)])
        values = self.array.packing.unpack(stored)
        left = [axis for axis in self.layout if axis != "N"]
        if "C" not in left:
            left.append("C")
            values = values[..., None]
        values = values.transpose([left.index(axis) for axis in "TCHW"])
        return np.ascontiguousarray(_block_means(values, self.reduce))


def arrange(array: StoredArray, layout: str | None, reduce: int = 1) -> list[FieldSeries]:
    """The series of a stored array, one for each of its independent sequences.

    Args:
        array: what a reader found.
        layout: meaning of its axes, such as ``THW``, ``THWC``, ``TCHW`` or ``NTHW``; None takes
            what the file says, else (time, height, width[, channel]).
        reduce: see :class:`StoredSeries`.

    Raises:
        SourceError: for axes that cannot be so, an empty array, or values that are no numbers.
    """
    shape = tuple(array.values.shape)
    layout = _checked_layout(array, layout)
    checked_numbers(array.name, array.values.dtype)
    if 0 in shape:
        raise SourceError(f"{array.name}: empty, shape {shape}")
    size = dict(zip(layout, shape, strict=True))
    if size["T"] < _FEWEST_FRAMES:
        raise SourceError(
            f"{array.name}: only {size['T']} frame of shape {shape} read as {layout}; is time the "
            "first axis? Say what the axes are with --layout"
        )
    if min(size["H"], size["W"]) < reduce:
        raise SourceError(
            f"{array.name}: {size['H']}x{size['W']} pixels cannot be reduced by {reduce}"
        )
    return [StoredSeries(array, layout, n, reduce) for n in range(size.get("N", 1))]


def _checked_layout(array: StoredArray, layout: str | None) -> str:
    shape = tuple(array.values.shape)
    if layout is None:
        layout = array.layout or {3: "THW", 4: "THWC"}.get(len(shape))
        if layout is None:
            raise SourceError(
                f"{array.name}: {len(shape)} axes, shape {shape}; expected (time, height, width) "
                "or (time, height, width, channel). Say what the axes are with --layout, such as "
                "NTHWC"
            )
        if array.layout is None and layout == "THWC" and shape[-1] > _MOST_CHANNELS:
            raise SourceError(
                f"{array.name}: shape {shape} read as (time, height, width, channel) has "
                f"{shape[-1]} channels. Say what the axes are with --layout: THWC if it is so, "
                "TCHW, or NTHW or TNHW for N independent sequences"
            )
        return layout
    layout = layout.upper()
    if (
        set(layout) - set(LAYOUT_LETTERS)
        or len(set(layout)) != len(layout)
        or not set("THW") <= set(layout)
    ):
        raise SourceError(
            f"layout {layout!r}: expected T, H and W once each, and C and N if there are such axes"
        )
    if len(layout) != len(shape):
        raise SourceError(
            f"{array.name}: {len(shape)} axes, shape {shape}; the layout {layout} has {len(layout)}"
        )
    return layout


def into_memory(series: FieldSeries, advance: Any = None) -> MemorySeries:
    """Read a whole series; ``advance(frames)`` is called as it goes on."""
    time = series.shape[0]
    values = np.empty(series.shape, np.float32)
    for start in range(0, time, _READ_AT_ONCE):
        stop = min(start + _READ_AT_ONCE, time)
        values[start:stop] = series.read(start, stop)
        if advance is not None:
            advance(stop - start)
    return MemorySeries(values, series.name, series.labels)


def one_grid(series: Sequence[FieldSeries]) -> tuple[int, int, int]:
    """(channels, height, width) that all of the series have.

    Raises:
        SourceError: naming two that differ.
    """
    first = series[0]
    for other in series[1:]:
        if other.shape[1:] != first.shape[1:]:
            raise SourceError(
                f"{other.name}: channels, height and width {other.shape[1:]}, but {first.name} has "
                f"{first.shape[1:]}; series that are used together have one grid"
            )
    return first.shape[1:]


def _stored_part(part: slice, length: int, reduce: int) -> slice:
    """The pixels of the file that make up a part of the series' grid."""
    start, stop, _ = part.indices(length)
    return slice(start * reduce, stop * reduce)


def _block_means(values: np.ndarray, size: int) -> np.ndarray:
    """Means over blocks of size x size pixels, of those values that are known."""
    if size == 1:
        return values
    time, channels, height, width = values.shape
    blocks = values.reshape(time, channels, height // size, size, width // size, size)
    known = np.isfinite(blocks)
    count = known.sum(axis=(3, 5))
    total = np.where(known, blocks, np.float32(0)).sum(axis=(3, 5))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _block_centres(places: np.ndarray | None, size: int, count: int) -> np.ndarray | None:
    if places is None or size == 1:
        return places
    return places[: count * size].reshape(count, size).mean(axis=1)
