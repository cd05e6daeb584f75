"""The frames that follow a place in a series, beside what came and what the baselines say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convlstm_perception import __version__
from convlstm_perception.errors import ParameterError
from convlstm_perception.forecasting.animation import write_gif
from convlstm_perception.forecasting.checkpoint import TrainedForecaster
from convlstm_perception.forecasting.evaluation import figures_as_json
from convlstm_perception.forecasting.fields import FieldSeries, Labels
from convlstm_perception.forecasting.forecasters import FrameForecaster
from convlstm_perception.forecasting.judgement import default_baselines
from convlstm_perception.forecasting.metrics import ForecastFigures, ForecastScore
from convlstm_perception.forecasting.pictures import draw_figures, draw_sheet
from convlstm_perception.forecasting.shown import ShownForecast
from convlstm_perception.types import Float32Array
from convlstm_perception.visualization.page import write_json


@dataclass(frozen=True)
class Prediction:
    """A forecast of one place in a series.

    Attributes:
        series: name of the series.
        at: index of the first frame that is forecast.
        shown: inputs, forecasts (the network's first) and the truth where there is one.
        figures: by the forecaster's name; empty where there is no truth.
    """

    series: str
    at: int
    shown: ShownForecast
    figures: dict[str, ForecastFigures]

    @property
    def frames(self) -> Float32Array:
        """(steps, C, H, W) the network's forecast; NaN where its inputs never had a value."""
        return next(iter(self.shown.forecasts.values()))


def predict(
    forecaster: TrainedForecaster,
    series: FieldSeries,
    *,
    at: int | None = None,
    steps: int | None = None,
    thresholds: Sequence[float] | None = None,
    baselines: Sequence[FrameForecaster] | None = None,
) -> Prediction:
    """Forecast the frames from ``at`` on, seeing those before it.

    Args:
        forecaster: trained.
        series: of the same channels.
        at: index of the first frame to forecast; the end of the series by default.
        steps: frames to forecast; as many as it was trained for by default.
        thresholds: of events; those of the configuration by default.
        baselines: :func:`default_baselines` by default.

    Raises:
        ParameterError: when there are too few frames before ``at``, or it is beyond the end.
        SourceError: when the series has other channels.
    """
    config, scaling = forecaster.config, forecaster.scaling
    total = series.shape[0]
    at = total if at is None else at
    steps = config.targets if steps is None else steps
    if not config.inputs <= at <= total:
        raise ParameterError(
            f"at: {at}: {series.name} has {total} frames, and {config.inputs} are seen before the "
            f"first that is forecast; expected {config.inputs} to {total}"
        )
    inputs = series.read(at - config.inputs, at)
    truth = _truth(series, at, steps)
    contenders = [forecaster, *(default_baselines() if baselines is None else baselines)]
    forecasts = {one.name: one.forecast(inputs[None], steps)[0] for one in contenders}
    figures = {}
    if truth is not None:
        for name, frames in forecasts.items():
            events = config.thresholds if thresholds is None else thresholds
            score = ForecastScore(steps, scaling.span, min(scaling.low), events)
            score.update(frames[None], truth[None])
            figures[name] = score.figures()
    # Where nothing was ever measured nothing is forecast.
    blind = ~np.isfinite(inputs).any(axis=0)
    forecasts = {name: np.where(blind, np.nan, frames) for name, frames in forecasts.items()}
    shown = ShownForecast(inputs, forecasts, truth, series.labels, series.dtype)
    return Prediction(series.name, at, shown, figures)


def write_prediction(prediction: Prediction, folder: Path) -> list[Path]:
    """Write everything there is of a prediction.

    Returns:
        The files: ``forecast.npy`` (steps, height, width[, channel]) float32, ``forecast.nc`` where
        the series has coordinates, ``forecast.png``, ``forecast.gif``, and with a truth
        ``metrics.json`` and ``metrics.png``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "forecast.npy", folder / "forecast.png", folder / "forecast.gif"]
    np.save(written[0], _channel_last(prediction.frames))
    draw_sheet(prediction.shown, written[1])
    write_gif(prediction.shown, written[2])
    labels = prediction.shown.labels
    if labels.times is not None or labels.rows is not None or labels.columns is not None:
        written.append(folder / "forecast.nc")
        write_netcdf(prediction, written[-1])
    if prediction.figures:
        written += [folder / "metrics.json", folder / "metrics.png"]
        values = {"series": prediction.series, "at": prediction.at, "units": labels.units}
        write_json(written[-2], {**values, "figures": figures_as_json(prediction.figures)})
        draw_figures(prediction.figures, written[-1], labels.units)
    return written


def write_netcdf(prediction: Prediction, path: Path) -> None:
    """Write the forecast with the coordinates and attributes of the data, times going on evenly."""
    import xarray

    labels = prediction.shown.labels
    frames = _channel_last(prediction.frames)
    axes = [*labels.axis_names, "channel"][: frames.ndim]
    coordinates: dict[str, Any] = {}
    times = _times(labels, prediction.at, len(frames))
    for axis, places in zip(axes, (times, labels.rows, labels.columns), strict=False):
        if places is not None:
            coordinates[axis] = places
    values = xarray.DataArray(frames, coordinates, axes, labels.variable, labels.attributes)
    about = f"forecast by convlstm-perception {__version__} of {prediction.series}"
    data = values.to_dataset().assign_attrs(source=about)
    data.to_netcdf(path, engine="h5netcdf")


def _truth(series: FieldSeries, at: int, steps: int) -> Float32Array | None:
    """(steps, C, H, W) what came, NaN after the end of the series; None where nothing came."""
    stop = min(at + steps, series.shape[0])
    if stop == at:
        return None
    truth = np.full((steps, *series.shape[1:]), np.nan, np.float32)
    truth[: stop - at] = series.read(at, stop)
    return truth


def _times(labels: Labels, at: int, steps: int) -> np.ndarray | None:
    if labels.times is None:
        return None
    before = labels.times[:at]
    step = np.median(np.diff(labels.times).astype(np.int64)).astype(np.int64)
    return before[-1] + (np.arange(1, steps + 1) * step).astype(np.diff(labels.times).dtype)


def _channel_last(frames: Float32Array) -> Float32Array:
    """(steps, H, W) of one channel, else (steps, H, W, C)."""
    return frames[:, 0] if frames.shape[1] == 1 else frames.transpose(0, 2, 3, 1)
