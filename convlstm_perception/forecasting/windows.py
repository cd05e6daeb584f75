"""Windows of a series: what is seen, what is asked for, and which are for training alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from convlstm_perception.errors import ParameterError, SourceError
from convlstm_perception.forecasting.fields import EVERYTHING, FieldSeries
from convlstm_perception.types import Float32Array

PARTS = ("train", "validation", "test")

_WHOLE = 1e-6
_STEP_TOLERANCE = 0.5  # of the usual step, by which a step may differ


@dataclass(frozen=True)
class Window:
    """A piece of one series.

    Attributes:
        series: index of the series.
        start: its first frame.
    """

    series: int
    start: int


@dataclass(frozen=True)
class WindowShape:
    """How long windows are.

    Attributes:
        inputs: frames seen.
        targets: frames asked for, which follow at once.
        stride: frames between the starts of two windows.
    """

    inputs: int
    targets: int
    stride: int = 1

    @property
    def frames(self) -> int:
        """Of a whole window."""
        return self.inputs + self.targets


@dataclass(frozen=True)
class Split:
    """The windows of each part; no frame is in two parts.

    Attributes:
        train, validation, test: at least one window each, except where the part's share is 0.
    """

    train: tuple[Window, ...]
    validation: tuple[Window, ...]
    test: tuple[Window, ...]

    def part(self, name: str) -> tuple[Window, ...]:
        """The windows of a part by its name, one of ``PARTS``."""
        windows: tuple[Window, ...] = getattr(self, name)
        return windows


def split_windows(
    series: Sequence[FieldSeries],
    shape: WindowShape,
    shares: tuple[float, float, float] = (0.8, 0.1, 0.1),
    by: Literal["time", "sequences"] = "time",
) -> Split:
    """Windows for training, validation and test.

    ``time`` cuts every series into three contiguous spans, in this order; ``sequences`` gives whole
    series to the parts, in their order. A window lies within one span; those that hold a gap of
    time, as the stamps tell, are left out.

    Args:
        series: at least one.
        shape: of the windows.
        shares: of the frames, or the series, for training, validation and test; their sum is 1.
        by: what is shared out.

    Raises:
        ParameterError: for shares that are none.
        SourceError: when a part with a share above 0 has no window.
    """
    if len(shares) != len(PARTS) or min(shares) < 0 or abs(sum(shares) - 1.0) > _WHOLE:
        raise ParameterError(f"split: {shares}: expected three shares from 0 whose sum is 1")
    if by == "time":
        spans = [
            [(index, start, stop) for index, (start, stop) in enumerate(cuts)]
            for cuts in zip(*(_cuts(one.shape[0], shares) for one in series), strict=True)
        ]
    else:
        spans = [
            [(index, 0, series[index].shape[0]) for index in range(start, stop)]
            for start, stop in _cuts(len(series), shares)
        ]
    parts = []
    for name, share, part in zip(PARTS, shares, spans, strict=True):
        windows = tuple(
            window
            for index, start, stop in part
            for window in windows_of(series[index], index, shape, start, stop)
        )
        if share > 0 and not windows:
            longest = max((stop - start for _, start, stop in part), default=0)
            raise SourceError(
                f"{series[0].name}: no window for {name}: its share {share:g} has at most "
                f"{longest} frames in a row, but a window takes {shape.inputs} + {shape.targets}. "
                "Give more data, shorter windows (--inputs, --targets) or other shares (--split)"
            )
        parts.append(windows)
    return Split(*parts)


def windows_of(
    series: FieldSeries, index: int, shape: WindowShape, start: int, stop: int
) -> list[Window]:
    """The windows of a span of one series, without those that hold a gap of time."""
    even = _even_steps(series)
    return [
        Window(index, first)
        for first in range(start, stop - shape.frames + 1, shape.stride)
        if even is None or even[first : first + shape.frames - 1].all()
    ]


def read_window(
    series: Sequence[FieldSeries],
    window: Window,
    shape: WindowShape,
    rows: slice = EVERYTHING,
    columns: slice = EVERYTHING,
) -> tuple[Float32Array, Float32Array]:
    """The frames seen (inputs, C, H, W) and asked for (targets, C, H, W); NaN where missing."""
    frames = series[window.series].read(window.start, window.start + shape.frames, rows, columns)
    return frames[: shape.inputs], frames[shape.inputs :]


def _cuts(length: int, shares: Sequence[float]) -> list[tuple[int, int]]:
    """Start and stop of contiguous spans that share out ``length``."""
    edges = [math.floor(length * share + _WHOLE) for share in np.cumsum([0.0, *shares])]
    return list(itertools.pairwise(edges))


def _even_steps(series: FieldSeries) -> np.ndarray | None:
    """(T - 1,) whether each step is the usual one; None where the file tells no times."""
    times = series.labels.times
    if times is None:
        return None
    steps = np.diff(times).astype("timedelta64[ns]").astype(np.int64)
    usual = np.median(steps)
    return np.abs(steps - usual) <= _STEP_TOLERANCE * abs(usual)
