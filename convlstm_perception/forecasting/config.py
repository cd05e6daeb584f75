"""What a forecast is trained of: a YAML or TOML file, the command line, or both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from convlstm_perception.errors import ParameterError
from convlstm_perception.forecasting.losses import LossName
from convlstm_perception.forecasting.scaling import ScalingKind
from convlstm_perception.forecasting.windows import WindowShape
from convlstm_perception.settings import setting, validate
from convlstm_perception.training.config import read_values

_MANY = 1_000_000


@dataclass(frozen=True)
class ForecastConfig:
    """One training of a network that forecasts frames; each field says what it is."""

    data: tuple[str, ...] = setting((), "files or folders that hold the frames")
    output: str = setting("out/forecast", "folder for checkpoints, logs and figures")

    variable: str | None = setting(None, "array to read, where a file has several")
    layout: str | None = setting(
        None,
        "axes of the arrays, such as THW, THWC, TCHW, NTHW; told by the file or THW[C] if unset",
    )
    reduce: int = setting(1, "pixels along each side of which one is made", low=1, high=1024)

    inputs: int = setting(10, "frames seen", low=1, high=_MANY)
    targets: int = setting(10, "frames to forecast", low=1, high=_MANY)
    stride: int = setting(1, "frames between the starts of two windows", low=1, high=_MANY)
    crop: int | None = setting(None, "side of the squares cut out at random to train on, in pixels")
    split: tuple[float, float, float] = setting(
        (0.8, 0.1, 0.1), "shares for training, validation and test, in the order of time"
    )
    split_by: Literal["time", "sequences"] = setting(
        "time",
        "what is shared out: time within each sequence, or whole sequences",
        choices=("time", "sequences"),
    )

    scaling: ScalingKind = setting(
        "linear", "of the values to 0..1; log for amounts such as rain", choices=("linear", "log")
    )
    low: tuple[float, ...] | None = setting(
        None, "value that becomes 0, one or one a channel; the least of the training part if unset"
    )
    high: tuple[float, ...] | None = setting(None, "value that becomes 1; the greatest if unset")
    clip: bool = setting(False, "hold forecasts within low and high")

    loss: LossName = setting("mse", "what is minimised", choices=("mse", "mae", "cross_entropy"))
    hidden_channels: tuple[int, ...] = setting((64, 64), "of each layer of the ConvLSTM")
    kernel_size: int = setting(5, "of the ConvLSTM's convolutions, odd", low=1, high=31)
    patch_size: int = setting(4, "pixels along each side that are one cell", low=1, high=64)
    network: dict[str, Any] | None = setting(None, "more arguments of EncoderForecaster")
    residual: bool = setting(False, "forecast the change from the last frame; not cross_entropy")

    batch_size: int = setting(8, "windows of a step, on each device", low=1, high=_MANY)
    steps: int = setting(2000, "optimiser steps", low=1, high=10**9)
    minutes: float | None = setting(
        None, "longest time to train; what ends first, steps or minutes"
    )
    learning_rate: float = setting(1e-3, "its peak: it rises and falls", low=0.0, high=10)
    weight_decay: float = setting(0.0, "of AdamW", low=0.0, high=10.0)
    gradient_clip: float = setting(1.0, "longest gradient; 0: any", low=0.0, high=1e6)
    validate_every: int = setting(200, "steps between validations", low=1, high=_MANY)
    validation_windows: int = setting(200, "most windows of a validation", low=1, high=_MANY)
    patience: int | None = setting(None, "validations without a better one that end the training")
    workers: int = setting(0, "processes that read windows", low=0, high=256)
    memory_mib: int = setting(2048, "up to here all data are kept in memory", low=0, high=_MANY)
    seed: int = setting(1, "of everything random", low=0, high=2**31 - 1)
    thresholds: tuple[float, ...] = setting((), "of events that are scored, in the data's units")

    def __post_init__(self) -> None:
        validate(self)
        if not self.data:
            raise ParameterError("data: no file or folder is named")
        if not self.hidden_channels or min(self.hidden_channels) < 1:
            raise ParameterError(f"hidden_channels: {self.hidden_channels}: one or more, from 1")
        for name, least in (("crop", 1), ("patience", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ParameterError(f"{name}: {value}: expected a whole number from {least}")
        if self.minutes is not None and self.minutes <= 0:
            raise ParameterError(f"minutes: {self.minutes}: expected a number above 0")
        if self.residual and self.loss == "cross_entropy":
            raise ParameterError("residual: a change is no probability; use the loss mse or mae")

    @property
    def windows(self) -> WindowShape:
        """The shape of its windows."""
        return WindowShape(self.inputs, self.targets, self.stride)

    @classmethod
    def load(cls, path: Path | None, **overrides: Any) -> ForecastConfig:
        """Read a file, if one is named; ``overrides`` that are not None win.

        Raises:
            ParameterError: for a missing file, an unknown key, or a value that cannot be.
        """
        given = {key: value for key, value in overrides.items() if value is not None}
        values = given if path is None else read_values(path, cls, given)
        if isinstance(values.get("data"), str):
            values["data"] = [values["data"]]
        # Files have lists, and a number where one serves for all channels.
        for name in ("low", "high"):
            if isinstance(values.get(name), int | float):
                values[name] = [values[name]]
        values = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        try:
            return cls(**values)
        except (ParameterError, TypeError) as error:
            where = "" if path is None else f"{path}: "
            raise ParameterError(f"{where}{error}") from error
