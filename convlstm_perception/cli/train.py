"""``convlstm-perception train``: train the network from a YAML configuration."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="training configuration, see config/train/")
    parser.add_argument("--output", help="folder for checkpoints and logs")
    parser.add_argument("--steps", type=int, help="optimiser steps")
    parser.add_argument("--seed", type=int, help="seed of everything random")
    parser.add_argument("--start-from", help="checkpoint of an earlier phase")
    parser.add_argument("--accelerator", default="auto", help="cpu, gpu or auto")
    parser.add_argument("--devices", default="auto", help="how many, or auto")


def run(args: argparse.Namespace) -> int:
    from convlstm_perception.training.config import TrainingConfig
    from convlstm_perception.training.run import train

    config = TrainingConfig.load(
        args.config,
        output=args.output,
        steps=args.steps,
        seed=args.seed,
        start_from=args.start_from,
    )
    checkpoint = train(config, accelerator=args.accelerator, devices=args.devices)
    print(f"Trained. Checkpoint: {checkpoint}\nNext: convlstm-perception export {checkpoint}")
    return 0
