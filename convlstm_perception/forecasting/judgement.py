"""A trained forecast beside the baselines, on data that it has not seen."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from convlstm_perception.forecasting.advection import Advection
from convlstm_perception.forecasting.checkpoint import TrainedForecaster
from convlstm_perception.forecasting.config import ForecastConfig
from convlstm_perception.forecasting.data import ForecastData, open_data
from convlstm_perception.forecasting.evaluation import figures_as_json, score
from convlstm_perception.forecasting.forecasters import FrameForecaster, LastFrame
from convlstm_perception.forecasting.metrics import ForecastFigures
from convlstm_perception.forecasting.pictures import draw_figures
from convlstm_perception.visualization.page import write_json

SCORES = "scores.json"
FIGURES = "scores.png"


@dataclass(frozen=True)
class Judgement:
    """Figures of several forecasters on the same windows.

    Attributes:
        data: files that the windows are of.
        part: the windows' part of the data.
        inputs, targets: frames of a window.
        units: of the values, or "".
        figures: by the forecaster's name; the network first.
    """

    data: tuple[str, ...]
    part: str
    inputs: int
    targets: int
    units: str
    figures: dict[str, ForecastFigures]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        values = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        return {**values, "figures": figures_as_json(self.figures)}

    def write(self, folder: Path) -> None:
        """Write ``scores.json`` and ``scores.png``."""
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / SCORES, self.to_dict())
        draw_figures(self.figures, folder / FIGURES, self.units)


def default_baselines() -> list[FrameForecaster]:
    """What a network must beat: the last frame, and advection."""
    return [LastFrame(), Advection()]


def judge(
    forecaster: TrainedForecaster,
    config: ForecastConfig | None = None,
    *,
    part: str = "test",
    data: ForecastData | None = None,
    baselines: Sequence[FrameForecaster] | None = None,
) -> Judgement:
    """Judge a trained forecast and the baselines on one part of a configuration's data.

    Args:
        forecaster: trained.
        config: what data, windows and thresholds; that of its training by default.
        part: one of ``PARTS``.
        data: opened already; that of the configuration by default.
        baselines: :func:`default_baselines` by default.

    Raises:
        SourceError: when data is missing or does not fit the network.
        ParameterError: when the part has no windows.
    """
    config, scaling = config or forecaster.config, forecaster.scaling
    data = data or open_data(config)
    contenders = [forecaster, *(default_baselines() if baselines is None else baselines)]
    figures = score(
        data.series,
        data.split.part(part),
        config.windows,
        contenders,
        span=scaling.span,
        low=min(scaling.low),
        thresholds=config.thresholds,
        batch_size=config.batch_size,
    )
    units = data.series[0].labels.units
    return Judgement(config.data, part, config.inputs, config.targets, units, figures)


def print_figures(title: str, figures: dict[str, ForecastFigures], units: str = "") -> None:
    """The figures over all lead times as a table on standard output."""
    first = next(iter(figures.values()))
    square = f" ({units})²" if units else ""
    rows: dict[str, Callable[[ForecastFigures], float | None]] = {
        f"MSE{square}": lambda one: one.mse,
        "  next frame": lambda one: one.mse_by_lead[0],
        f"  {len(first.mse_by_lead)} frames ahead": lambda one: one.mse_by_lead[-1],
        f"MAE{f' ({units})' if units else ''}": lambda one: one.mae,
        "MSE summed over a frame": lambda one: one.mse_frame,
        "MAE summed over a frame": lambda one: one.mae_frame,
        "SSIM": lambda one: one.ssim,
    }
    for index, event in enumerate(first.thresholds):
        for kind in ("csi", "pod", "far"):
            rows[f"{kind.upper()} at {event.threshold:g}"] = functools.partial(
                _event_figure, index=index, kind=kind
            )
    table = Table(title=f"{title} ({first.windows} windows)", box=box.SIMPLE)
    for name in ("", *figures):
        table.add_column(name, justify="right" if name else "left")
    for name, value in rows.items():
        values = [value(one) for one in figures.values()]
        table.add_row(name, *("-" if one is None else f"{one:.4g}" for one in values))
    Console().print(table)


def _event_figure(one: ForecastFigures, *, index: int, kind: str) -> float | None:
    value: float | None = getattr(one.thresholds[index], kind)
    return value
