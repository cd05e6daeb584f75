"""How far a training is, as one bar on standard error."""

from __future__ import annotations

import sys
from typing import Any

import pytorch_lightning as lightning
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_PLACES = 10_000  # of the bar


class TrainingBar(lightning.Callback):
    """Shows steps, loss and the best validation; steps or minutes fill the bar, what is ahead."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._best: float | None = None

    def on_train_start(self, trainer: lightning.Trainer, module: Any) -> None:
        if not trainer.is_global_zero:
            return
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        console = Console(file=sys.stderr)
        self._progress = Progress(
            *columns, TimeRemainingColumn(), console=console, refresh_per_second=2
        )
        self._progress.start()
        self._progress.add_task("training", total=_PLACES)

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: Any, outputs: Any, batch: Any, batch_index: int
    ) -> None:
        if self._progress is None:
            return
        loss = trainer.callback_metrics.get("loss")
        words = [f"step {trainer.global_step}"]
        words += [] if loss is None else [f"loss {float(loss):.4g}"]
        words += [] if self._best is None else [f"best validation {self._best:.4g}"]
        done = module.share_done(trainer.global_step)
        self._progress.update(
            self._progress.task_ids[0], description=", ".join(words), completed=done * _PLACES
        )

    def on_validation_end(self, trainer: lightning.Trainer, module: Any) -> None:
        loss = trainer.callback_metrics.get("validation/loss")
        if loss is not None and not trainer.sanity_checking:
            self._best = min(float(loss), float("inf") if self._best is None else self._best)

    def on_train_end(self, trainer: lightning.Trainer, module: Any) -> None:
        self._stop()

    def on_exception(self, trainer: lightning.Trainer, module: Any, exception: Any) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
