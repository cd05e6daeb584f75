"""The Lightning module: one optimiser step on a batch of clips."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytorch_lightning as lightning
import torch
from torch import Tensor, nn

from convlstm_perception.model import NetworkConfig, PedestrianMotionNet
from convlstm_perception.model.network import CELL
from convlstm_perception.training.config import TrainingConfig
from convlstm_perception.training.losses import candidate_losses, heatmap_loss
from convlstm_perception.training.targets import Batch

_WEIGHTS = {"offset": 1.0, "size": 2.0, "velocity": 1.0, "trajectory": 0.2}
_NEIGHBOUR_SHARE = 0.4


class PedestrianMotionTraining(lightning.LightningModule):
    """Trains a :class:`PedestrianMotionNet` in one of the phases of :class:`TrainingConfig`."""

    def __init__(self, config: TrainingConfig) -> None:
        super().__init__()
        self.save_hyperparameters(dataclasses.asdict(config))
        self.config = config
        self.network = PedestrianMotionNet(NetworkConfig(**config.network))
        if config.imagenet_weights:
            weights = torch.load(config.imagenet_weights, map_location="cpu", weights_only=True)
            self.network.encoder.backbone.load_imagenet_weights(weights)
        if config.start_from:
            checkpoint = torch.load(config.start_from, map_location="cpu", weights_only=True)
            self.load_state_dict(checkpoint["state_dict"])
        encoder = self.network.encoder
        blocks = encoder.backbone.features.children()
        frozen: list[nn.Module] = list(blocks)[: config.frozen_blocks]
        if config.phase == "motion":
            frozen = [encoder.backbone, encoder.pyramid]
        for module in frozen:
            module.requires_grad_(False)

    def on_train_epoch_start(self) -> None:
        # ImageNet's batch statistics are better than those of eight composed images.
        self.network.encoder.backbone.eval()
        if self.config.phase == "motion":
            self.network.encoder.pyramid.eval()

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        features = self._features(batch)
        logits = self.network.motion.heatmap(features)
        cells, corner = self._cells(batch, logits.shape[-1], logits.shape[-2])
        predicted = self.network.motion.at_cells(features, cells)
        losses = candidate_losses(
            predicted, corner, batch.boxes, batch.present, batch.motion, batch.velocity
        )
        heat = heatmap_loss(logits, batch.heat, batch.weight)
        loss = heat + sum(
            (weight * getattr(losses, name) for name, weight in _WEIGHTS.items()),
            start=torch.zeros((), device=heat.device),
        )
        values = {"heat": heat, **losses._asdict(), "loss": loss}
        self.log_dict(values, prog_bar=True, batch_size=len(batch.boxes))
        return loss

    def _features(self, batch: Batch) -> Tensor:
        encoder, motion = self.network.encoder, self.network.motion
        slots, count = batch.images.shape[:2]
        if self.config.phase == "appearance":
            input_to_state, skip = encoder(batch.images[0])
            return motion.fuse([input_to_state], skip, batch.valid, batch.dt)
        with torch.no_grad():
            # Slots without a frame are not worth encoding: their state passes through unchanged.
            shown = batch.valid.T.flatten() > 0
            skip, coarse = encoder.features(batch.images.flatten(0, 1)[shown])
        encoded = encoder.input_to_state(coarse)
        every = encoded.new_zeros(slots * count, *encoded.shape[1:])
        every[shown] = encoded
        return motion.fuse(
            list(every.unflatten(0, (slots, count)).unbind(0)), skip[:count], batch.valid, batch.dt
        )

    def _cells(self, batch: Batch, columns: int, rows: int) -> tuple[Tensor, Tensor]:
        """The cell at which each person is asked for: its centre's, or now and then a neighbour.

        The strongest peak is not always at the centre; a neighbour must answer as well.

        Returns:
            Flat cells (B, N) and their corners (B, N, 2).
        """
        centre = (batch.boxes[..., :2] / CELL).floor()
        aside = torch.randint(-1, 2, centre.shape, device=centre.device)
        aside *= (torch.rand(centre.shape[:2], device=centre.device) < _NEIGHBOUR_SHARE).unsqueeze(
            -1
        )
        limit = torch.tensor([columns - 1, rows - 1], device=centre.device)
        corner = torch.minimum((centre + aside).clamp(min=0), limit)
        return (corner[..., 1] * columns + corner[..., 0]).long(), corner

    def configure_optimizers(self) -> Any:
        config = self.config
        backbone = [p for p in self.network.encoder.backbone.parameters() if p.requires_grad]
        known = {id(parameter) for parameter in backbone}
        rest = [p for p in self.network.parameters() if p.requires_grad and id(p) not in known]
        # Pretrained weights move slowly, new ones fast.
        groups, peaks = [{"params": rest}], [config.learning_rate]
        if backbone:
            groups.append({"params": backbone})
            peaks.append(config.learning_rate / 5)
        optimizer = torch.optim.AdamW(
            groups, lr=config.learning_rate, weight_decay=config.weight_decay
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=peaks, total_steps=config.steps, pct_start=0.1
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }
