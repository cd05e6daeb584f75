"""The Lightning module: one optimiser step on a batch of clips."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytorch_lightning as lightning
import torch
from torch import Tensor, nn

from convlstm_perception.model import NetworkConfig, PedestrianMotionNet
from convlstm_perception.model.network import CELL
from convlstm_perception.training.clips import EncodedBatch, ImageBatch
from convlstm_perception.training.config import TrainingConfig
from convlstm_perception.training.losses import candidate_losses, heatmap_loss
from convlstm_perception.training.pretrained import load_pretrained
from convlstm_perception.training.targets import Targets

_WEIGHTS = {"heat": 1.0, "offset": 1.0, "size": 1.0, "velocity": 2.0, "trajectory": 1.0}
_NEIGHBOUR_SHARE = 0.4


class PedestrianMotionTraining(lightning.LightningModule):
    """Trains a :class:`PedestrianMotionNet` in one of the phases of :class:`TrainingConfig`."""

    def __init__(self, config: TrainingConfig) -> None:
        super().__init__()
        self.save_hyperparameters(dataclasses.asdict(config))
        self.config = config
        self.network = PedestrianMotionNet(NetworkConfig(**config.network))
        if config.pretrained:
            load_pretrained(self.network, config.pretrained)
        if config.start_from:
            checkpoint = torch.load(config.start_from, map_location="cpu", weights_only=True)
            self.load_state_dict(checkpoint["state_dict"])
        encoder = self.network.encoder
        frozen: list[nn.Module] = list(encoder.backbone.features)[: config.frozen_blocks]
        if config.phase == "motion":
            frozen = [encoder.backbone, encoder.pyramid]
            if not self.network.config.memory_in_detection:
                frozen += [self.network.motion.heatmap, self.network.motion.box]
        for module in frozen:
            module.requires_grad_(False)

    def on_train_epoch_start(self) -> None:
        # Published batch statistics are better than those of a few composed images.
        self.network.encoder.backbone.eval()

    def training_step(self, batch: ImageBatch | EncodedBatch, batch_index: int) -> Tensor:
        loss, values = self._losses(batch, neighbours=True)
        for name, value in values.items():
            shown = name in ("heat", "trajectory")
            self.log(name, value, prog_bar=shown, batch_size=len(batch.targets.boxes))
        return loss

    def validation_step(self, batch: ImageBatch | EncodedBatch, batch_index: int) -> None:
        _, values = self._losses(batch, neighbours=False)
        self.log_dict(
            {f"validation/{name}": value for name, value in values.items()},
            batch_size=len(batch.targets.boxes),
            sync_dist=True,
        )

    def _losses(
        self, batch: ImageBatch | EncodedBatch, neighbours: bool
    ) -> tuple[Tensor, dict[str, Tensor]]:
        targets, motion = batch.targets, self.network.motion
        input_to_state, skip = self._encoded(batch)
        hidden = motion.remember(input_to_state, targets.valid, targets.dt)
        features = motion.fuse(hidden, skip)
        rows, columns = features.shape[-2:]
        cells, corner = self._cells(targets, columns, rows, neighbours)
        box, predicted = motion.at_candidates(hidden, features, cells)
        losses = candidate_losses(box, predicted, corner, targets)._asdict()
        if self.config.phase == "motion" and not self.network.config.memory_in_detection:
            # Detections are what they are: only the trajectories are learned.
            del losses["offset"], losses["size"]
        else:
            losses["heat"] = heatmap_loss(motion.heatmap(features), targets.heat, targets.weight)
        loss = sum(
            (_WEIGHTS[name] * value for name, value in losses.items()),
            start=torch.zeros((), device=features.device),
        )
        return loss, {"loss": loss, **losses}

    def _encoded(self, batch: ImageBatch | EncodedBatch) -> tuple[list[Tensor], Tensor]:
        """``input_to_state`` of every slot and the newest frame's ``skip``."""
        encoder = self.network.encoder
        if isinstance(batch, ImageBatch):
            input_to_state, skip = encoder(batch.images[0])
            return [input_to_state], skip
        slots, count = batch.recurrent.shape[:2]
        encoded = encoder.to_gates(batch.recurrent.flatten(0, 1).to(self.dtype))
        return list(encoded.unflatten(0, (slots, count)).unbind(0)), batch.skip.to(self.dtype)

    def _cells(
        self, targets: Targets, columns: int, rows: int, neighbours: bool
    ) -> tuple[Tensor, Tensor]:
        """The cell at which each person is asked for: its centre's, or now and then a neighbour.

        The strongest peak is not always at the centre; a neighbour must answer as well.

        Returns:
            Flat cells (B, N) and their corners (B, N, 2).
        """
        corner = (targets.boxes[..., :2] / CELL).floor()
        if neighbours:
            aside = torch.randint(-1, 2, corner.shape, device=corner.device)
            drawn = torch.rand(corner.shape[:2], device=corner.device) < _NEIGHBOUR_SHARE
            corner = corner + aside * drawn.unsqueeze(-1)
        limit = torch.tensor([columns - 1, rows - 1], device=corner.device)
        corner = torch.minimum(corner.clamp(min=0), limit)
        return (corner[..., 1] * columns + corner[..., 0]).long(), corner

    def configure_optimizers(self) -> Any:
        config, network = self.config, self.network
        detector = [network.encoder.backbone, network.encoder.pyramid]
        detector += [network.motion.heatmap, network.motion.box]
        known = {id(parameter) for module in detector for parameter in module.parameters()}
        trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        pretrained = [parameter for parameter in trained if id(parameter) in known]
        new = [parameter for parameter in trained if id(parameter) not in known]
        peaks = [config.learning_rate, config.detector_learning_rate]
        optimizer = torch.optim.AdamW(
            [{"params": new}, {"params": pretrained}],
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=peaks, total_steps=config.steps, pct_start=0.1
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }
