"""The Lightning module: one optimiser step on a batch of windows."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import Timer
from torch import Tensor, nn

from convlstm_perception.errors import ParameterError
from convlstm_perception.forecasting.batches import Batch
from convlstm_perception.forecasting.config import ForecastConfig
from convlstm_perception.forecasting.losses import masked_loss
from convlstm_perception.forecasting.scaling import ValueScaling
from convlstm_perception.model import EncoderForecaster

_WARM_UP = 0.05  # of the training
_LAST_RATE = 0.01  # of the peak


class ForecastTraining(lightning.LightningModule):
    """Trains an :class:`EncoderForecaster`; its checkpoint holds all that a forecast needs.

    Args:
        config: of the run.
        channels: of the frames.
        scaling: of the values.
        network: another one with the same ``network(frames, steps)``; its checkpoint does not tell
            how it is built.

    Raises:
        ParameterError: for options that the network has not, or that do not go together.
    """

    def __init__(
        self,
        config: ForecastConfig,
        channels: int,
        scaling: ValueScaling,
        network: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(
            {
                "config": dataclasses.asdict(config),
                "channels": channels,
                "scaling": dataclasses.asdict(scaling),
            }
        )
        self.config = config
        self.scaling = scaling
        self.network = network or _new_network(config, channels)

    def forward(self, inputs: Tensor, steps: int) -> Tensor:
        """Scaled frames (B, T, C, H, W) to the network's answer (B, steps, C, H, W)."""
        answer: Tensor = self.network(inputs, steps)
        return answer + inputs[:, -1:] if self.config.residual else answer

    def answer_to_scaled(self, answer: Tensor) -> Tensor:
        """Scaled frames of the network's answer: after the loss cross_entropy it is of logits."""
        return answer.sigmoid() if self.config.loss == "cross_entropy" else answer

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        loss = self._loss(batch)
        self.log("loss", loss)
        return loss

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        loss = self._loss(batch)
        self.log("validation/loss", loss, sync_dist=True, batch_size=len(batch.inputs))

    def _loss(self, batch: Batch) -> Tensor:
        answer = self(batch.inputs, batch.targets.shape[1])
        return masked_loss(self.config.loss, answer, batch.targets, batch.known)

    def make_optimizer(self) -> torch.optim.Optimizer:
        """That the rate, which rises and falls, is of."""
        config = self.config
        return torch.optim.AdamW(
            self.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )

    def configure_optimizers(self) -> Any:
        optimizer = self.make_optimizer()
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: rate_at(self.share_done(step))
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def share_done(self, step: int) -> float:
        """How much of the training is done after ``step`` steps, by steps or by minutes."""
        share = step / self.config.steps
        if self.config.minutes is None:
            return share
        timers = [one for one in self.trainer.callbacks if isinstance(one, Timer)]
        seconds = 60.0 * self.config.minutes
        return max(share, *(one.time_elapsed() / seconds for one in timers))


def _new_network(config: ForecastConfig, channels: int) -> EncoderForecaster:
    try:
        network = EncoderForecaster(
            channels,
            config.hidden_channels,
            config.kernel_size,
            patch_size=config.patch_size,
            **(config.network or {}),
        )
    except (TypeError, ValueError) as error:
        raise ParameterError(f"the network cannot be made: {error}") from error
    if config.residual:
        # The change that it forecasts begins at none: training begins at the last frame.
        for values in network.to_patches.parameters():
            nn.init.zeros_(values)
    return network


def rate_at(share: float) -> float:
    """The learning rate, of its peak, when ``share`` of the training is done.

    A line up over the first twentieth, then half a cosine down to a hundredth: whether it is steps
    or minutes that end the training, it ends at a small rate.
    """
    if share < _WARM_UP:
        return max(share / _WARM_UP, _LAST_RATE)
    falling = 0.5 * (1.0 + math.cos(math.pi * min((share - _WARM_UP) / (1.0 - _WARM_UP), 1.0)))
    return _LAST_RATE + (1.0 - _LAST_RATE) * falling
