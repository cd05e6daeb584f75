"""Run a training configuration."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import ModelCheckpoint, TQDMProgressBar
from pytorch_lightning.loggers import CSVLogger
from torch.utils.data import DataLoader

from convlstm_perception.errors import BundleError
from convlstm_perception.model import PedestrianMotionNet
from convlstm_perception.training.config import TrainingConfig
from convlstm_perception.training.module import PedestrianMotionTraining
from convlstm_perception.training.targets import ComposedClips, collate, make_compositor

_CHECKPOINT_EVERY = 500  # steps


def train(config: TrainingConfig, accelerator: str = "auto", devices: int | str = "auto") -> Path:
    """Train and return the path of the last checkpoint, ``<output>/last.ckpt``.

    Raises:
        SourceError: when a data set is missing or damaged.
    """
    lightning.seed_everything(config.seed, workers=True)
    module = PedestrianMotionTraining(config)
    horizons = module.network.config.horizons
    clips = ComposedClips(make_compositor(config, horizons), config.seed)
    output = Path(config.output)
    trainer = lightning.Trainer(
        default_root_dir=output,
        accelerator=accelerator,
        devices=devices,
        max_steps=config.steps,
        gradient_clip_val=5.0,
        logger=CSVLogger(output, name="logs"),
        callbacks=[
            ModelCheckpoint(
                output,
                filename="{step}",
                every_n_train_steps=_CHECKPOINT_EVERY,
                save_last=True,
                enable_version_counter=False,
            ),
            TQDMProgressBar(refresh_rate=10),
        ],
        log_every_n_steps=20,
    )
    loader = DataLoader(clips, config.batch_size, num_workers=config.workers, collate_fn=collate)
    trainer.fit(module, loader)
    checkpoint = output / "last.ckpt"
    trainer.save_checkpoint(checkpoint)
    return checkpoint


def load_trained(checkpoint: Path) -> tuple[TrainingConfig, PedestrianMotionNet]:
    """The configuration and the network of a checkpoint.

    Raises:
        BundleError: when the file is missing or no checkpoint of this training.
    """
    try:
        stored = torch.load(checkpoint, map_location="cpu", weights_only=True)
        config = TrainingConfig(**stored["hyper_parameters"])
    except (OSError, KeyError, TypeError, pickle.UnpicklingError) as error:
        raise BundleError(
            f"{checkpoint}: not a checkpoint of convlstm-perception train ({error})"
        ) from error
    # The checkpoint holds every weight: nothing else is read.
    config = dataclasses.replace(config, imagenet_weights=None, start_from=None)
    module = PedestrianMotionTraining(config)
    module.load_state_dict(stored["state_dict"])
    return config, module.network
