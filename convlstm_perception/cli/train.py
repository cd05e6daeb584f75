"""``convlstm-perception train``: train from a YAML configuration."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="training configuration, see config/train/")
    parser.add_argument("--output", help="folder for checkpoints and logs")
    parser.add_argument("--steps", type=int, help="optimiser steps")
    parser.add_argument("--seed", type=int, help="seed of everything random")
    parser.add_argument("--start-from", help="checkpoint of an earlier phase")
    parser.add_argument("--resume", action="store_true", help="go on from the output's last.ckpt")
    parser.add_argument("--accelerator", default="auto", help="cpu, gpu or auto")
    parser.add_argument("--devices", default="auto", help="how many on each machine, or auto")
    parser.add_argument("--nodes", type=int, default=1, help="how many machines")
    parser.add_argument(
        "--precision", default="auto", help="of Lightning; auto is 16-mixed on a GPU, else 32-true"
    )


def run(args: argparse.Namespace) -> int:
    from convlstm_perception.training.config import TrainingConfig
    from convlstm_perception.training.run import Hardware, train

    config = TrainingConfig.load(
        args.config,
        output=args.output,
        steps=args.steps,
        seed=args.seed,
        start_from=args.start_from,
    )
    hardware = Hardware(args.accelerator, args.devices, args.nodes, args.precision)
    checkpoint = train(config, hardware, resume=args.resume)
    print(f"Trained. Checkpoint: {checkpoint}\nNext: convlstm-perception export {checkpoint}")
    return 0
