"""Training of the track decoder on box tracks alone."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import EMAWeightAveraging, ModelCheckpoint, TQDMProgressBar
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from convlstm_perception.data.readers import read_tracks
from convlstm_perception.data.readers.jaad import FRAME_RATE
from convlstm_perception.data.track_windows import (
    OBSERVED,
    PREDICTED,
    TrackWindows,
    camera_windows,
    protocol_windows,
)
from convlstm_perception.data.walks import WalkSampler
from convlstm_perception.errors import BundleError, ParameterError
from convlstm_perception.model.track_decoder import TrackDecoder, TrackDecoderConfig
from convlstm_perception.training.checkpoint import read_checkpoint
from convlstm_perception.training.config import read_values
from convlstm_perception.training.hardware import Hardware

_PIXELS = 25.0  # unit of the loss in pixels, so that it is about 1
_VALIDATION_WINDOWS = 8000
_LEAST_PAST = 0.3  # seconds of a real track before the first window is taken


@dataclass(frozen=True)
class TrackTrainingConfig:
    """One training run of :class:`TrackDecoder`.

    Attributes:
        phase: ``tracks`` for the decoder of the pipeline: tracks of any camera, with a detector's
            errors, judged by likelihood. ``jaad-boxes`` for the public protocol on JAAD: exact
            boxes, 15 frames observed and 45 predicted, judged by squared pixels.
        jaad: folder of the JAAD box table.
        output: folder for checkpoints and logs.
        windows: in ``tracks``, how many windows are drawn.
        stride: in ``jaad-boxes``, frames between windows.
        splits: of JAAD to train on.
        validation_split: of JAAD to choose the best epoch with.
        static_share: in ``tracks``, share of walks before a camera that stands still.
        width, blocks, dropout: of the decoder.
        zoom: standard deviation of the log of a random focal length.
        batch_size, epochs, learning_rate, weight_decay: of AdamW and its one-cycle schedule.
        averaging: decay of the exponential moving average of the weights.
        seed: of everything random.
    """

    phase: Literal["tracks", "jaad-boxes"]
    jaad: str
    output: str
    windows: int = 200_000
    stride: int = 2
    splits: tuple[str, ...] = ("train",)
    validation_split: str = "val"
    static_share: float = 0.5
    width: int = 256
    blocks: int = 3
    dropout: float = 0.1
    zoom: float = 0.15
    batch_size: int = 512
    epochs: int = 20
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    averaging: float = 0.999
    seed: int = 1

    @classmethod
    def load(cls, path: Path, **overrides: Any) -> TrackTrainingConfig:
        """Read a YAML file; ``overrides`` that are not None win.

        Raises:
            ParameterError: for a missing file, a key that does not exist, or a missing one.
        """
        values = read_values(path, cls, overrides)
        try:
            return cls(**values)
        except TypeError as error:
            raise ParameterError(f"{path}: {error}") from error

    def decoder(self) -> TrackDecoderConfig:
        """The decoder that this run trains."""
        grid = TrackDecoderConfig(width=self.width, blocks=self.blocks, dropout=self.dropout)
        if self.phase == "tracks":
            return grid
        period = 1.0 / FRAME_RATE
        return dataclasses.replace(
            grid,
            slots=OBSERVED,
            step=period,
            horizons=tuple(period * (frame + 1) for frame in range(PREDICTED)),
            image_context=True,
        )


class TrackDecoderTraining(lightning.LightningModule):
    """One optimiser step on a batch of windows."""

    def __init__(self, config: TrackTrainingConfig) -> None:
        super().__init__()
        self.save_hyperparameters(dataclasses.asdict(config))
        self.config = config
        self.decoder = TrackDecoder(config.decoder())

    def training_step(self, batch: list[Tensor], batch_index: int) -> Tensor:
        loss = self._loss(*self._augmented(*batch))
        self.log("loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: list[Tensor], batch_index: int) -> None:
        self.log("validation/loss", self._loss(*batch), prog_bar=True, sync_dist=True)

    def _loss(self, boxes: Tensor, valid: Tensor, size: Tensor, future: Tensor) -> Tensor:
        forecast = self.decoder(boxes, valid, size)
        known = future.isfinite()
        error = forecast.boxes - future.nan_to_num()
        exact = self.config.phase == "jaad-boxes"
        # The squared error is asked for: the scale must not trade the mean for likelihood.
        height = boxes[:, :1, 3:].clamp(min=1.0)
        distance = (error.detach() if exact else error).abs() / height
        scale = forecast.scales / height
        likelihood = ((distance / scale + scale.log()) * known).sum() / known.sum().clamp(min=1)
        if not exact:
            return likelihood
        centre, extent = error.chunk(2, dim=-1)
        corners = torch.cat([centre - extent / 2, centre + extent / 2], dim=-1)
        squared = (corners**2).mean(dim=(1, 2))
        # The root calms the few windows with errors of hundreds of pixels.
        pixels = (squared + 1.0).sqrt() / _PIXELS + squared / (8 * _PIXELS**2)
        return pixels.mean() + 0.1 * likelihood

    def _augmented(
        self, boxes: Tensor, valid: Tensor, size: Tensor, future: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Mirrored half of the time, and seen through another focal length."""
        count = len(boxes)
        mirror = torch.rand(count, 1, 1, device=boxes.device) < 0.5
        zoom = torch.exp(self.config.zoom * torch.randn(count, 1, 1, device=boxes.device))
        middle = torch.cat([size / 2, torch.zeros_like(size)], dim=1).unsqueeze(1)
        seen = []
        for table in (boxes, future):
            table = torch.where(mirror, mirrored(table, size), table)
            seen.append((table - middle) * zoom + middle)
        return seen[0], valid, size, seen[1]

    def configure_optimizers(self) -> Any:
        config = self.config
        optimizer = torch.optim.AdamW(
            self.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            config.learning_rate,
            total_steps=int(self.trainer.estimated_stepping_batches),
            pct_start=0.1,
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


def mirrored(boxes: Tensor, size: Tensor) -> Tensor:
    """Boxes (N, ..., 4) in the image mirrored left to right; ``size`` (N, 2) in pixels."""
    width = size[:, 0].view(-1, *[1] * (boxes.dim() - 2))
    return torch.cat([(width - boxes[..., 0]).unsqueeze(-1), boxes[..., 1:]], dim=-1)


def train_tracks(
    config: TrackTrainingConfig, hardware: Hardware | None = None, resume: bool = False
) -> Path:
    """Train and return the checkpoint of the lowest validation loss, ``<output>/best.ckpt``.

    Raises:
        SourceError: when the data set is missing or damaged.
    """
    hardware = hardware or Hardware()
    lightning.seed_everything(config.seed, workers=True)
    module = TrackDecoderTraining(config)
    output = Path(config.output)
    best = ModelCheckpoint(
        output,
        filename="best",
        monitor="validation/loss",
        save_last=True,
        enable_version_counter=False,
    )
    trainer = lightning.Trainer(
        default_root_dir=output,
        **hardware.for_trainer(),
        max_epochs=config.epochs,
        gradient_clip_val=1.0,
        deterministic=True,
        logger=[CSVLogger(output, name="csv"), TensorBoardLogger(output, name="tensorboard")],
        callbacks=[
            EMAWeightAveraging(decay=config.averaging),
            best,
            TQDMProgressBar(refresh_rate=20),
        ],
        log_every_n_steps=50,
    )
    training, validation = _windows(config, module.decoder.config)
    last = output / "last.ckpt"
    trainer.fit(
        module,
        _loader(training, config.batch_size, shuffle=True),
        _loader(validation, 4 * config.batch_size, shuffle=False),
        ckpt_path=str(last) if resume and last.exists() else None,
        weights_only=True,
    )
    return Path(best.best_model_path)


def _windows(
    config: TrackTrainingConfig, decoder: TrackDecoderConfig
) -> tuple[TrackWindows, TrackWindows]:
    folder = Path(config.jaad).expanduser()
    tracks = [track for split in config.splits for track in read_tracks("jaad", folder, split)]
    held_out = read_tracks("jaad", folder, config.validation_split)
    if config.phase == "jaad-boxes":
        return protocol_windows(tracks, config.stride), protocol_windows(held_out)
    past = decoder.slots * decoder.step + 0.2
    grid: dict[str, Any] = {
        "slots": decoder.slots,
        "step": decoder.step,
        "horizons": decoder.horizons,
    }
    training, validation = (
        camera_windows(
            np.random.default_rng([config.seed, number]),
            WalkSampler(
                pool, past, max(decoder.horizons), 1.0 - config.static_share, least_past=_LEAST_PAST
            ),
            count,
            **grid,
        )
        for number, (pool, count) in enumerate(
            ((tracks, config.windows), (held_out, _VALIDATION_WINDOWS))
        )
    )
    return training, validation


def _loader(windows: TrackWindows, batch_size: int, shuffle: bool) -> DataLoader[Any]:
    tables = (windows.boxes, windows.valid, windows.image_size, windows.future)
    dataset = TensorDataset(*(torch.from_numpy(table) for table in tables))
    # Batches are cut as slices: one item at a time costs more than the step itself.
    order: Any = torch.utils.data.RandomSampler if shuffle else torch.utils.data.SequentialSampler
    sampler = torch.utils.data.BatchSampler(order(dataset), batch_size, drop_last=shuffle)
    return DataLoader(dataset, sampler=sampler, batch_size=None)


def load_trained_tracks(checkpoint: Path) -> TrackDecoder:
    """The decoder of a checkpoint.

    Raises:
        BundleError: when the file is missing or no checkpoint of this training.
    """
    stored = read_checkpoint(checkpoint)
    if stored["hyper_parameters"]["phase"] not in ("tracks", "jaad-boxes"):
        raise BundleError(f"{checkpoint}: a checkpoint of the network, not of a track decoder")
    module = TrackDecoderTraining(TrackTrainingConfig(**stored["hyper_parameters"]))
    module.load_state_dict(stored["state_dict"])
    return module.decoder.eval()
