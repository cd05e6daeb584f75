"""Forecasters on the same windows, one beside the other."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
from rich.console import Console
from rich.progress import track

from convlstm_perception.errors import ParameterError
from convlstm_perception.forecasting.fields import FieldSeries
from convlstm_perception.forecasting.forecasters import FrameForecaster
from convlstm_perception.forecasting.metrics import ForecastFigures, ForecastScore
from convlstm_perception.forecasting.windows import Window, WindowShape, read_window
from convlstm_perception.types import Float32Array

_BATCH = 8


def score(
    series: Sequence[FieldSeries],
    windows: Sequence[Window],
    shape: WindowShape,
    forecasters: Sequence[FrameForecaster],
    *,
    span: float | None = None,
    low: float | None = None,
    thresholds: Sequence[float] = (),
    batch_size: int = _BATCH,
) -> dict[str, ForecastFigures]:
    """Judge forecasters on windows; a bar on standard error shows how far it is.

    Args:
        series: that the windows are of.
        windows: at least one.
        shape: of the windows.
        forecasters: with different names.
        span, low: range and least of the values, for the structural similarity; None takes those of
            the windows' known values.
        thresholds: of events, in the data's own units.
        batch_size: windows that are forecast together.

    Returns:
        The figures by the forecaster's name, in the order given.

    Raises:
        ParameterError: without windows, or for forecasters of one name.
    """
    if not windows:
        raise ParameterError("no windows to judge forecasters on")
    if len({one.name for one in forecasters}) != len(forecasters):
        raise ParameterError(f"two forecasters of one name: {[one.name for one in forecasters]}")
    if span is None or low is None:
        least, most = value_range(series, windows, shape)
        low = least if low is None else low
        span = (most - least or 1.0) if span is None else span
    scores = {one.name: ForecastScore(shape.targets, span, low, thresholds) for one in forecasters}
    batches = -(-len(windows) // batch_size)
    pairs = _batches(series, windows, shape, batch_size)
    console = Console(file=sys.stderr)
    for inputs, truth in track(pairs, "judging forecasts", total=batches, console=console):
        for one in forecasters:
            scores[one.name].update(one.forecast(inputs, shape.targets), truth)
    return {name: one.figures() for name, one in scores.items()}


def value_range(
    series: Sequence[FieldSeries], windows: Sequence[Window], shape: WindowShape
) -> tuple[float, float]:
    """Least and greatest known value of the windows; 0 and 0 without any."""
    edges = [
        (float(frames[known].min()), float(frames[known].max()))
        for inputs, truth in _batches(series, windows, shape, 1)
        for frames in (inputs, truth)
        if (known := np.isfinite(frames)).any()
    ]
    return (min(low for low, _ in edges), max(high for _, high in edges)) if edges else (0.0, 0.0)


def figures_as_json(figures: Mapping[str, ForecastFigures]) -> dict[str, object]:
    """By the forecaster's name, for a JSON file."""
    return {name: one.to_dict() for name, one in figures.items()}


def _batches(
    series: Sequence[FieldSeries], windows: Sequence[Window], shape: WindowShape, size: int
) -> Iterator[tuple[Float32Array, Float32Array]]:
    remaining = iter(windows)
    while batch := list(islice(remaining, size)):
        pairs = [read_window(series, window, shape) for window in batch]
        yield np.stack([inputs for inputs, _ in pairs]), np.stack([truth for _, truth in pairs])
