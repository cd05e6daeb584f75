"""Run a training configuration."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
from pytorch_lightning.callbacks import LearningRateMonitor, ModelCheckpoint, TQDMProgressBar
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from rich.progress import Progress
from torch.utils.data import DataLoader

from convlstm_perception.data.compositor import ClipCompositor
from convlstm_perception.errors import BundleError
from convlstm_perception.model import PedestrianMotionNet
from convlstm_perception.training.checkpoint import read_checkpoint
from convlstm_perception.training.clips import (
    ComposedClips,
    EncodedClips,
    collate_images,
    encoded_clips_folder,
    make_encode,
    write_encoded_clips,
)
from convlstm_perception.training.config import TrainingConfig
from convlstm_perception.training.data import make_compositors
from convlstm_perception.training.hardware import Hardware
from convlstm_perception.training.module import PedestrianMotionTraining

_VALIDATION_SEED_OFFSET = 1_000_003


def train(config: TrainingConfig, hardware: Hardware | None = None, resume: bool = False) -> Path:
    """Train and return the checkpoint of the lowest validation loss, ``<output>/best.ckpt``.

    Args:
        config: of the run.
        hardware: one device of the best kind there is by default.
        resume: go on from ``<output>/last.ckpt`` where there is one.

    Raises:
        ParameterError: when the configuration names nothing to compose clips of.
        SourceError: when a data set is missing or damaged.
    """
    hardware = hardware or Hardware()
    lightning.seed_everything(config.seed, workers=True)
    module = PedestrianMotionTraining(config)
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
        max_steps=config.steps,
        val_check_interval=min(config.validate_every, config.steps),
        check_val_every_n_epoch=None,
        gradient_clip_val=5.0,
        # "warn": the gradient of bilinear resizing has no deterministic CUDA kernel.
        deterministic="warn",
        logger=[CSVLogger(output, name="csv"), TensorBoardLogger(output, name="tensorboard")],
        callbacks=[best, LearningRateMonitor("step"), TQDMProgressBar(refresh_rate=10)],
        log_every_n_steps=20,
    )
    last = output / "last.ckpt"
    trainer.fit(
        module,
        *_loaders(config, module, trainer.global_rank, trainer.world_size),
        ckpt_path=str(last) if resume and last.exists() else None,
        weights_only=True,
    )
    return Path(best.best_model_path)


def _loaders(
    config: TrainingConfig, module: PedestrianMotionTraining, rank: int, ranks: int
) -> tuple[DataLoader[Any], DataLoader[Any]]:
    training, validation = make_compositors(config, module.network.config.horizons)
    validation_seed = config.seed + _VALIDATION_SEED_OFFSET
    if config.phase == "appearance":
        clips = ComposedClips(training, config.seed, rank=rank, ranks=ranks)
        held_out = ComposedClips(validation, validation_seed, config.validation_clips)
        return (
            DataLoader(
                clips, config.batch_size, num_workers=config.workers, collate_fn=collate_images
            ),
            DataLoader(held_out, config.batch_size, collate_fn=collate_images),
        )
    encoded = _encoded(config, module, training, config.seed, config.clips)
    held_out_encoded = _encoded(
        config, module, validation, validation_seed, config.validation_clips
    )
    return (
        DataLoader(
            encoded,
            config.batch_size,
            shuffle=True,
            drop_last=True,
            num_workers=config.workers,
            collate_fn=encoded.collate,
            persistent_workers=config.workers > 0,
        ),
        DataLoader(held_out_encoded, config.batch_size, collate_fn=held_out_encoded.collate),
    )


def _encoded(
    config: TrainingConfig,
    module: PedestrianMotionTraining,
    compositor: ClipCompositor,
    seed: int,
    count: int,
) -> EncodedClips:
    """The encoded windows of a compositor, written now unless an earlier run has."""
    material = ("data", "rendered_people", "recordings", "person_heights", "peopled_share")
    shape = ("height", "width", "slots", "step")
    description = {name: getattr(config, name) for name in (*material, *shape)}
    folder = encoded_clips_folder(
        Path(config.output),
        {**description, "seed": seed, "count": count},
        module.network.encoder,
    )
    if not (folder / "labels.pkl").exists():
        encode = make_encode(module.network.encoder, config.height, config.width)
        clips = DataLoader(
            ComposedClips(compositor, seed), batch_size=None, num_workers=config.workers
        )
        with Progress() as progress:
            task = progress.add_task(f"encoding {count} clips", total=count)
            write_encoded_clips(
                folder,
                itertools.islice(iter(clips), count),
                count,
                encode,
                lambda: progress.advance(task),
            )
    return EncodedClips(folder)


def load_trained(checkpoint: Path) -> tuple[TrainingConfig, PedestrianMotionNet]:
    """The configuration and the network of a checkpoint.

    Raises:
        BundleError: when the file is missing or no checkpoint of this training.
    """
    stored = read_checkpoint(checkpoint)
    if stored["hyper_parameters"]["phase"] not in ("appearance", "motion"):
        raise BundleError(f"{checkpoint}: a checkpoint of a track decoder, not of the network")
    config = TrainingConfig(**stored["hyper_parameters"])
    # The checkpoint holds every weight: nothing else is read.
    module = PedestrianMotionTraining(dataclasses.replace(config, pretrained=None, start_from=None))
    module.load_state_dict(stored["state_dict"])
    return config, module.network
