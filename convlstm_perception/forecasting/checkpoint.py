"""A trained network as a forecaster."""

from __future__ import annotations

from pathlib import Path

import torch

from convlstm_perception.forecasting.config import ForecastConfig
from convlstm_perception.forecasting.module import ForecastTraining
from convlstm_perception.forecasting.scaling import ValueScaling, filled
from convlstm_perception.training.checkpoint import read_checkpoint
from convlstm_perception.types import Float32Array

NETWORK = "ConvLSTM"


class TrainedForecaster:
    """Forecasts in the data's own units with a trained network; see :class:`FrameForecaster`.

    Args:
        module: as it was trained.
        device: to run it on.
    """

    name = NETWORK

    def __init__(self, module: ForecastTraining, device: str | torch.device = "cpu") -> None:
        self._module = module.to(device).eval().requires_grad_(False)

    @classmethod
    def load(cls, path: Path, device: str | torch.device | None = None) -> TrainedForecaster:
        """Read a checkpoint; nothing else is needed.

        Args:
            path: of the checkpoint.
            device: the GPU where there is one, by default.

        Raises:
            BundleError: when the file is missing or no checkpoint of a forecast.
        """
        stored = read_checkpoint(path, "scaling", "forecast train")
        known = stored["hyper_parameters"]
        module = ForecastTraining(
            ForecastConfig(**known["config"]), known["channels"], ValueScaling(**known["scaling"])
        )
        module.load_state_dict(stored["state_dict"])
        best = "cuda" if torch.cuda.is_available() else "cpu"
        return cls(module, device or best)

    @property
    def config(self) -> ForecastConfig:
        """With which it was trained."""
        return self._module.config

    @property
    def scaling(self) -> ValueScaling:
        """Of the values."""
        return self._module.scaling

    def forecast(self, inputs: Float32Array, steps: int) -> Float32Array:
        """See :class:`FrameForecaster`."""
        scaled = filled(self.scaling.scale(inputs)).to(self._module.device)
        with torch.inference_mode():
            answer = self._module.answer_to_scaled(self._module(scaled, steps))
        return self.scaling.restore(answer.float().cpu().numpy())
