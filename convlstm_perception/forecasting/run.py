"""Train a forecast and judge it."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
from pytorch_lightning.callbacks import (
    EarlyStopping,
    LearningRateMonitor,
    ModelCheckpoint,
    Timer,
)
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from torch.utils.data import DataLoader

from convlstm_perception.forecasting.batches import Batch, WindowBatches, collate, some_windows
from convlstm_perception.forecasting.config import ForecastConfig
from convlstm_perception.forecasting.data import ForecastData, make_scaling, open_data
from convlstm_perception.forecasting.module import ForecastTraining
from convlstm_perception.forecasting.progress import TrainingBar
from convlstm_perception.forecasting.scaling import ValueScaling
from convlstm_perception.training.hardware import Hardware

BEST = "best.ckpt"
LAST = "last.ckpt"

_MONITORED = "validation/loss"
_LOG_EVERY = 20  # steps


def train(
    config: ForecastConfig,
    hardware: Hardware | None = None,
    *,
    resume: bool = False,
    data: ForecastData | None = None,
    module: ForecastTraining | None = None,
) -> Path:
    """Train and return the checkpoint of the lowest validation loss, ``<output>/best.ckpt``.

    Args:
        config: of the run.
        hardware: one device of the best kind there is by default.
        resume: go on from ``<output>/last.ckpt`` where there is one.
        data: opened already; that of the configuration by default.
        module: made already of the same configuration; made here by default.

    Raises:
        ParameterError: for values that do not fit the data.
        SourceError: when data is missing, damaged or too short.
    """
    hardware = hardware or Hardware()
    lightning.seed_everything(config.seed, workers=True)
    data = data or open_data(config)
    if module is None:
        scaling = make_scaling(config, data)
        module = ForecastTraining(config, data.series[0].shape[1], scaling)
    training, validation = _loaders(config, data, module.scaling)
    output = Path(config.output)
    best = ModelCheckpoint(
        output,
        filename=Path(BEST).stem,
        monitor=_MONITORED,
        save_last=True,
        enable_version_counter=False,
    )
    callbacks: list[Any] = [best, LearningRateMonitor("step"), TrainingBar()]
    if config.minutes is not None:
        callbacks.append(Timer(datetime.timedelta(minutes=config.minutes)))
    if config.patience is not None:
        callbacks.append(EarlyStopping(_MONITORED, patience=config.patience))
    trainer = lightning.Trainer(
        default_root_dir=output,
        **hardware.for_trainer(),
        max_steps=config.steps,
        val_check_interval=min(config.validate_every, config.steps),
        check_val_every_n_epoch=None,
        gradient_clip_val=config.gradient_clip or None,
        # "warn": some gradients have no deterministic CUDA kernel.
        deterministic="warn",
        logger=[CSVLogger(output, name="csv"), TensorBoardLogger(output, name="tensorboard")],
        callbacks=callbacks,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=min(_LOG_EVERY, len(training)),
    )
    last = output / LAST
    with _without_noise():
        trainer.fit(
            module,
            training,
            validation,
            ckpt_path=str(last) if resume and last.exists() else None,
            weights_only=True,
        )
        # The last steps, at the smallest rate, are mostly the best; none may have judged them.
        before = best.best_model_score
        reached = trainer.validate(module, validation, verbose=False)[0][_MONITORED]
    if before is None or reached < float(before):
        trainer.save_checkpoint(output / BEST)
    return output / BEST


@contextmanager
def _without_noise() -> Iterator[None]:
    """Keep off the terminal what is no news to who trains."""
    with warnings.catch_warnings():
        # The loggers write there too.
        warnings.filterwarnings("ignore", message="Checkpoint directory .* not empty")
        # What Lightning and torch have to settle between them.
        warnings.filterwarnings("ignore", category=FutureWarning, module="pytorch_lightning")
        yield


def _loaders(
    config: ForecastConfig, data: ForecastData, scaling: ValueScaling
) -> tuple[DataLoader[Batch], DataLoader[Batch]]:
    shape = config.windows
    training = WindowBatches(data.series, data.split.train, shape, scaling, config.crop)
    few = some_windows(data.split.validation, config.validation_windows)
    validation = WindowBatches(data.series, few, shape, scaling)
    common: dict[str, Any] = {
        "num_workers": config.workers,
        "persistent_workers": config.workers > 0,
        "collate_fn": collate,
    }
    return (
        DataLoader(
            training,
            min(config.batch_size, len(training)),
            shuffle=True,
            drop_last=True,
            **common,
        ),
        DataLoader(validation, config.batch_size, **common),
    )
