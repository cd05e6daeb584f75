"""Networks trained on the same windows, beside baselines, with everything written down."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from convlstm_perception import forecasting as fc
from convlstm_perception.applications.request import ApplicationRequest, DataUsed
from convlstm_perception.evaluation.machine import machine
from convlstm_perception.forecasting.checkpoint import TrainedForecaster
from convlstm_perception.forecasting.data import ForecastData
from convlstm_perception.forecasting.judgement import print_figures
from convlstm_perception.forecasting.module import ForecastTraining
from convlstm_perception.forecasting.run import train
from convlstm_perception.types import Float32Array
from convlstm_perception.visualization.page import write_json

SMOKE_NOTE = "smoke run: networks trained for seconds; the figures only show that everything runs"


@dataclass(frozen=True)
class Learner:
    """A network to train.

    Attributes:
        name: in tables and pictures; its letters and digits name its folder.
        module: as it begins.
    """

    name: str
    module: ForecastTraining

    @property
    def parameters(self) -> int:
        """How many numbers it learns."""
        return sum(values.numel() for values in self.module.network.parameters())


@dataclass(frozen=True)
class Trained:
    """A trained network, as one of the forecasters.

    Attributes:
        name: of the learner.
        forecaster: with the weights of the lowest validation loss.
        parameters: numbers learnt.
        steps: optimiser steps taken; of the weights that are used, ``best_step``.
        best_step: see ``steps``.
        minutes: that the training took.
    """

    name: str
    forecaster: fc.FrameForecaster
    parameters: int
    steps: int
    best_step: int
    minutes: float

    def forecast(self, inputs: Float32Array, steps: int) -> Float32Array:
        """See :class:`fc.FrameForecaster`."""
        return self.forecaster.forecast(inputs, steps)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "parameters": self.parameters,
            "steps": self.steps,
            "best_step": self.best_step,
            "minutes": round(self.minutes, 2),
        }


def train_learner(
    learner: Learner, data: ForecastData, request: ApplicationRequest, folder: Path
) -> Trained:
    """Train one network, within ``module.config.steps`` and ``.minutes``.

    Args:
        learner: which.
        data: windows to train and validate on.
        request: names the hardware.
        folder: for its checkpoints and logs.
    """
    config = dataclasses.replace(
        learner.module.config, output=str(folder / "training" / _slug(learner.name))
    )
    learner.module.config = config
    begun = time.monotonic()
    best = train(config, request.hardware, data=data, module=learner.module)
    minutes = (time.monotonic() - begun) / 60.0
    stored = torch.load(best, map_location="cpu", weights_only=True)
    learner.module.load_state_dict(stored["state_dict"])
    on_gpu = torch.cuda.is_available() and request.hardware.accelerator != "cpu"
    forecaster = TrainedForecaster(learner.module, "cuda" if on_gpu else "cpu")
    return Trained(
        learner.name,
        forecaster,
        learner.parameters,
        int(learner.module.trainer.global_step),
        int(stored["global_step"]),
        minutes,
    )


@dataclass(frozen=True)
class Contest:
    """What came out of a use.

    Attributes:
        use: its name.
        data: that it was measured on.
        setting: what was done, numbers by name.
        trained: the networks.
        figures: by the forecaster's name.
        more: figures of the use's own, by the forecaster's name and then by figure.
        shown: one forecast, for the pictures.
        notes: what a reader must know.
        published: figures of a publication to stand beside; empty where the setting is another.
        units: of the values, or "".
    """

    use: str
    data: DataUsed
    setting: Mapping[str, Any]
    trained: Sequence[Trained]
    figures: dict[str, fc.ForecastFigures]
    shown: fc.ShownForecast
    more: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    notes: Sequence[str] = ()
    published: Mapping[str, Any] = field(default_factory=dict)
    units: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For JSON; the few figures that stand for the whole first."""
        return {
            "use": self.use,
            "data": dataclasses.asdict(self.data),
            "notes": list(self.notes),
            "summary": {name: self._summary(name) for name in self.figures},
            "setting": dict(self.setting),
            "training": {one.name: one.to_dict() for one in self.trained},
            "published": dict(self.published),
            "units": self.units,
            "machine": machine(),
            "figures": fc.figures_as_json(self.figures),
        }

    def write(self, folder: Path) -> None:
        """Write ``scores.json``, ``scores.png``, ``forecast.png`` and ``forecast.gif``."""
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "scores.json", self.to_dict())
        fc.draw_figures(self.figures, folder / "scores.png", self.units)
        fc.draw_sheet(self.shown, folder / "forecast.png")
        fc.write_gif(self.shown, folder / "forecast.gif")

    def print(self, folder: Path) -> None:
        """Tell the figures and the files on standard output."""
        print_figures(f"{self.use}: {self.data.name}", self.figures, self.units)
        for name, values in self.more.items():
            print(f"{name}: " + ", ".join(f"{key} {value:.6g}" for key, value in values.items()))
        for note in self.notes:
            print(f"Note: {note}")
        print(f"{folder}: scores.json, scores.png, forecast.png, forecast.gif")

    def _summary(self, name: str) -> dict[str, float | None]:
        one = self.figures[name]
        events = {f"csi_{event.threshold:g}": event.csi for event in one.thresholds}
        frame = {"mse_frame": one.mse_frame, "mae_frame": one.mae_frame}
        figures = {"mse": one.mse, "mae": one.mae, **frame, "ssim": one.ssim}
        return {**self.more.get(name, {}), **figures, **events}


def show(
    data: ForecastData, window: fc.Window, shape: fc.WindowShape, forecasters: Sequence[Any]
) -> fc.ShownForecast:
    """One window with what each forecaster says of it."""
    series = data.series[window.series]
    inputs, truth = fc.read_window(data.series, window, shape)
    forecasts = {one.name: one.forecast(inputs[None], shape.targets)[0] for one in forecasters}
    blind = ~np.isfinite(inputs).any(axis=0)
    forecasts = {name: np.where(blind, np.nan, values) for name, values in forecasts.items()}
    return fc.ShownForecast(inputs, forecasts, truth, series.labels, series.dtype)


def minutes_each(request: ApplicationRequest, default: float | None, learners: int) -> float | None:
    """How long each of several networks may train; all of them the same."""
    minutes = default if request.minutes is None else request.minutes
    return None if minutes is None else minutes / learners


def _slug(name: str) -> str:
    words = "".join(letter if letter.isalnum() else " " for letter in name.lower()).split()
    return "-".join(words)
