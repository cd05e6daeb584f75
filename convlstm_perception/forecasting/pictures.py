"""Pictures: one forecast as a sheet, and figures over lead time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator

from convlstm_perception.forecasting.colouring import Colouring, fit_colouring
from convlstm_perception.forecasting.metrics import ForecastFigures
from convlstm_perception.forecasting.shown import ShownForecast
from convlstm_perception.types import Float32Array, Image
from convlstm_perception.visualization.charts import PALETTE, make_figure, plain_axes

_MOST_COLUMNS = 6
_MOST_PANELS = 3  # beside each other
_TILE = 1.7  # inches, the longer side of a frame
_CURVES = 2.2  # inches, height of the curve below the frames
_RESOLUTION = 110  # pixels an inch


def draw_sheet(shown: ShownForecast, path: Path, colouring: Colouring | None = None) -> None:
    """Write inputs, truth and forecasts as rows of frames, and their error over lead time.

    Args:
        shown: what to draw.
        path: of the PNG.
        colouring: of the values; fitted to what was measured by default.
    """
    colouring = colouring or fit_colouring(shown.known, shown.dtype)
    rows: dict[str, Float32Array] = {"inputs": shown.inputs}
    if shown.truth is not None:
        rows["truth"] = shown.truth
    rows |= shown.forecasts
    leads, seen = _some(shown.steps), _some(len(shown.inputs))
    height, width = shown.inputs.shape[-2:]
    tile = _TILE * np.array([width, height]) / max(width, height)
    columns = max(len(leads), len(seen))
    curves = 0.0 if shown.truth is None else _CURVES
    size = (columns * tile[0] + 1.6, len(rows) * (tile[1] + 0.25) + curves + 0.3)
    figure = make_figure(size, _RESOLUTION)
    heights = [len(rows) * (tile[1] + 0.25), *([curves] if curves else [])]
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    frames = parts[0]
    grid = frames.subplots(len(rows), columns, squeeze=False)
    for line, (name, values) in zip(grid, rows.items(), strict=True):
        chosen = seen if name == "inputs" else leads
        captions = (
            [f"{index - len(shown.inputs) + 1}" for index in seen]
            if name == "inputs"
            else [f"+{index + 1}" for index in leads]
        )
        _draw_row(line, colouring.paint(values[chosen]), captions, name)
    if colouring.map:
        scale = ScalarMappable(Normalize(colouring.low, colouring.high), colouring.map)
        frames.colorbar(scale, ax=grid, shrink=0.7, label=shown.labels.units or None)
    if shown.truth is not None:
        _draw_errors(parts[1].subplots(), shown, shown.truth)
    figure.savefig(path)


def draw_figures(
    figures: Mapping[str, ForecastFigures], path: Path, units: str = "", steps: str = "frames"
) -> None:
    """Write a panel for each figure of quality: its value over lead time, a line a forecaster.

    Args:
        figures: by the forecaster's name.
        path: of the PNG.
        units: of the values, or "".
        steps: what lead times are counted in.
    """
    square = f" ({units})²" if units else ""
    first = next(iter(figures.values()))
    panels: dict[str, Any] = {
        f"MSE{square}": lambda one: one.mse_by_lead,
        f"MAE{f' ({units})' if units else ''}": lambda one: one.mae_by_lead,
    }
    if first.ssim is not None:
        panels["SSIM"] = lambda one: one.ssim_by_lead
    for index, threshold in enumerate(first.thresholds):
        name = f"CSI at {threshold.threshold:g}{f' {units}' if units else ''}"
        panels[name] = lambda one, index=index: one.thresholds[index].csi_by_lead
    across, down = min(len(panels), _MOST_PANELS), -(-len(panels) // _MOST_PANELS)
    figure = make_figure((4.2 * across, 3.2 * down), _RESOLUTION)
    every = figure.subplots(down, across, squeeze=False).ravel()
    for axes in every[len(panels) :]:
        axes.remove()
    for axes, (title, pick) in zip(every, panels.items(), strict=False):
        plain_axes(axes, f"lead time ({steps})", title)
        for (name, one), colour in zip(figures.items(), _cycle(len(figures)), strict=True):
            values = [np.nan if value is None else value for value in pick(one)]
            _curve(axes, values, name, colour)
        if not title.startswith("SSIM"):
            axes.set_ylim(bottom=0.0)
    every[0].legend(fontsize="small")
    figure.savefig(path)


def _draw_row(line: np.ndarray, images: Image, captions: list[str], name: str) -> None:
    for axes in line:
        axes.set_axis_off()
    # The last input stands above the first lead times' left: rows begin at the left.
    for axes, image, caption in zip(line, images, captions, strict=False):
        axes.set_axis_on()
        axes.imshow(image, interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        axes.set_title(caption, fontsize="small", pad=2.0)
    line[0].set_ylabel(name, fontsize="small")


def _draw_errors(axes: Axes, shown: ShownForecast, truth: Float32Array) -> None:
    units = shown.labels.units
    plain_axes(axes, "lead time (frames)", f"mean absolute error{f' ({units})' if units else ''}")
    pairs = zip(shown.forecasts.items(), _cycle(len(shown.forecasts)), strict=True)
    for (name, forecast), colour in pairs:
        error = np.abs(forecast - truth).reshape(len(truth), -1)
        known = np.isfinite(error)
        count = known.sum(axis=1)
        total = np.where(known, error, 0.0).sum(axis=1)
        _curve(axes, np.where(count > 0, total / np.maximum(count, 1), np.nan), name, colour)
    axes.set_ylim(bottom=0.0)
    axes.legend(fontsize="small")


def _curve(axes: Axes, values: Any, name: str, colour: str) -> None:
    leads = np.arange(1, len(values) + 1)
    axes.plot(leads, values, "o-", color=colour, label=name, markersize=3, linewidth=1.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _cycle(count: int) -> list[str]:
    return [PALETTE[index % len(PALETTE)] for index in range(count)]


def _some(length: int) -> np.ndarray:
    """Indices of at most ``_MOST_COLUMNS`` frames, evenly spread, the first and last among them."""
    return np.unique(np.linspace(0, length - 1, min(length, _MOST_COLUMNS)).round().astype(int))
