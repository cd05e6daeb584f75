"""The data of a configuration: opened, in memory where it fits, and shared out."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.progress import Progress

from convlstm_perception.errors import ParameterError
from convlstm_perception.forecasting.config import ForecastConfig
from convlstm_perception.forecasting.fields import FieldSeries
from convlstm_perception.forecasting.readers import open_series
from convlstm_perception.forecasting.scaling import ValueScaling, fit_scaling
from convlstm_perception.forecasting.series import into_memory
from convlstm_perception.forecasting.windows import Split, split_windows

_MIB = 2**20
_BYTES = 4  # of a value in memory


@dataclass(frozen=True)
class ForecastData:
    """Series and the windows of each part.

    Attributes:
        series: at least one, of one grid.
        split: their windows.
    """

    series: Sequence[FieldSeries]
    split: Split


def open_data(config: ForecastConfig) -> ForecastData:
    """Open what a configuration names.

    Raises:
        SourceError: as :func:`open_series` and :func:`split_windows`.
        ParameterError: for shares that are none.
    """
    series = open_series(config.data, config.variable, config.layout, config.reduce)
    split = split_windows(series, config.windows, config.split, config.split_by)
    return ForecastData(keep_in_memory(series, config.memory_mib), split)


def keep_in_memory(series: Sequence[FieldSeries], most_mib: int) -> Sequence[FieldSeries]:
    """The series in memory if all of them fit there, else as they are."""
    size = sum(math.prod(one.shape) for one in series) * _BYTES
    if size > most_mib * _MIB:
        return series
    with Progress(console=Console(file=sys.stderr), transient=True) as progress:
        total = sum(one.shape[0] for one in series)
        task = progress.add_task("reading frames", total=total)
        return [into_memory(one, lambda frames: progress.advance(task, frames)) for one in series]


def make_scaling(config: ForecastConfig, data: ForecastData) -> ValueScaling:
    """The scaling that a configuration asks for; what it leaves open fits the training part.

    Raises:
        ParameterError: for numbers that fit no scaling.
        SourceError: when a channel has no known value.
    """
    channels = data.series[0].shape[1]
    given = {name: _each(name, getattr(config, name), channels) for name in ("low", "high")}
    low, high = given["low"], given["high"]
    if low is None or high is None:
        fitted = fit_scaling(
            config.scaling, data.series, data.split.train, config.windows, config.clip
        )
        low, high = low or fitted.low, high or fitted.high
    return ValueScaling(config.scaling, low, high, config.clip)


def _each(name: str, values: tuple[float, ...] | None, channels: int) -> tuple[float, ...] | None:
    if values is None or len(values) == channels:
        return values
    if len(values) != 1:
        raise ParameterError(f"{name}: {len(values)} numbers for {channels} channels")
    return values * channels
