"""What each part of the motion network is worth: short runs of the same data, seed and length.

    python benchmarks/ablations.py --clips out/train/motion/clips-<...> \
        --validation-clips out/train/motion/clips-<...> --steps 300

The two folders are windows that ``convlstm-perception train config/train/motion.yaml`` has encoded.
Prints a table in Markdown: validation likelihood of the trajectories, error of the centre after one
second in box heights, seconds a training step.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from convlstm_perception.training.clips import EncodedBatch, EncodedClips
from convlstm_perception.training.config import TrainingConfig
from convlstm_perception.training.module import PedestrianMotionTraining

_HORIZON = 1  # index of 1.0 s


@dataclass(frozen=True)
class Variant:
    """A network and how much of the window it is shown."""

    name: str
    network: dict[str, Any] = field(default_factory=dict)
    slots: int = 8


VARIANTS = (
    Variant("as shipped: depthwise 5x5, T = 8, residual on velocity"),
    Variant("dense 3x3 recurrence", {"recurrence": "dense", "kernel_size": 3}),
    Variant("T = 4", slots=4),
    Variant("T = 1: without recurrence", slots=1),
    Variant("trajectory not a residual on velocity", {"residual_on_velocity": False}),
)


class Shortened(PedestrianMotionTraining):
    """Sees only the newest slots of each window, and measures the error after one second."""

    def __init__(self, config: TrainingConfig, slots: int) -> None:
        super().__init__(config)
        self.slots = slots
        self.errors: list[Tensor] = []
        self.standing: list[Tensor] = []

    def _shown(self, batch: EncodedBatch) -> EncodedBatch:
        targets = replace(
            batch.targets,
            valid=batch.targets.valid[:, : self.slots],
            dt=batch.targets.dt[:, : self.slots],
        )
        return EncodedBatch(batch.recurrent[: self.slots], batch.skip, targets)

    def training_step(self, batch: Any, batch_index: int) -> Tensor:
        return super().training_step(self._shown(batch), batch_index)

    def validation_step(self, batch: Any, batch_index: int) -> None:
        # Judged where there is motion to be seen: in whole windows, the same for every variant.
        whole = batch.targets.valid.all(1, keepdim=True)
        batch = self._shown(batch)
        super().validation_step(batch, batch_index)
        motion, targets = self.network.motion, batch.targets
        input_to_state, skip = self._encoded(batch)
        hidden = motion.remember(input_to_state, targets.valid, targets.dt)
        features = motion.fuse(hidden, skip)
        cells, _ = self._cells(targets, *features.shape[-1:-3:-1], neighbours=False)
        _, predicted = motion.at_candidates(hidden, features, cells)
        truth = targets.motion[..., _HORIZON, :2]
        known = truth.isfinite().all(-1) & whole
        difference = predicted.displacement[..., _HORIZON, :2] - truth
        self.errors.append(difference.norm(dim=-1)[known])
        self.standing.append(truth.norm(dim=-1)[known])


def run(variant: Variant, arguments: argparse.Namespace) -> dict[str, float]:
    """Train one variant and measure it once, at the end."""
    lightning.seed_everything(1)
    config = TrainingConfig(
        phase="motion",
        data={},
        output=str(arguments.output),
        pretrained="movenet",
        steps=arguments.steps,
        batch_size=arguments.batch_size,
        learning_rate=arguments.learning_rate,
        network=variant.network,
    )
    module = Shortened(config, variant.slots)
    training, validation = EncodedClips(arguments.clips), EncodedClips(arguments.validation_clips)
    trainer = lightning.Trainer(
        accelerator=arguments.accelerator,
        devices=1,
        max_steps=arguments.steps,
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        gradient_clip_val=5.0,
    )
    loader = DataLoader(
        training, config.batch_size, shuffle=True, drop_last=True, collate_fn=training.collate
    )
    begin = time.perf_counter()
    trainer.fit(module, loader)
    seconds = (time.perf_counter() - begin) / arguments.steps
    judge = lightning.Trainer(
        accelerator=arguments.accelerator,
        devices=1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    (figures,) = judge.validate(
        module,
        DataLoader(validation, config.batch_size, collate_fn=validation.collate),
        verbose=False,
    )
    return {
        "likelihood": figures["validation/trajectory"],
        "error": float(torch.cat(module.errors).mean()),
        "standing": float(torch.cat(module.standing).mean()),
        "seconds": seconds,
    }


def main() -> None:
    """Run every variant and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--validation-clips", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--accelerator", default="auto")
    parser.add_argument("--output", type=Path, default=Path("out/ablations"))
    arguments = parser.parse_args()
    print("| variant | NLL | error at 1 s | standing still | s a step |\n|---|---|---|---|---|")
    for variant in VARIANTS:
        result = run(variant, arguments)
        print(
            f"| {variant.name} | {result['likelihood']:.3f} | {result['error']:.3f} | "
            f"{result['standing']:.3f} | {result['seconds']:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
