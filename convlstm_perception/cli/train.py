"""``convlstm-perception train``: train from a YAML configuration."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from convlstm_perception.cli.hardware import add_hardware_arguments, chosen_hardware
from convlstm_perception.errors import ParameterError

if TYPE_CHECKING:
    from convlstm_perception.training.config import TrainingConfig
    from convlstm_perception.training.hardware import Hardware

_CLIPS_SHOWN = 5
_FILTERED = 1  # zlib strategy for photographs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="training configuration, see config/train/")
    parser.add_argument("--output", help="folder for checkpoints and logs")
    parser.add_argument("--steps", type=int, help="optimiser steps")
    parser.add_argument("--seed", type=int, help="seed of everything random")
    parser.add_argument("--start-from", help="checkpoint of an earlier phase")
    parser.add_argument("--resume", action="store_true", help="go on from the output's last.ckpt")
    parser.add_argument(
        "--contact-sheet",
        type=Path,
        metavar="FILE.png",
        help="do not train: draw some of the training clips with their labels",
    )
    add_hardware_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from convlstm_perception.training.config import read_phase

    tracks_alone = read_phase(args.config) in ("tracks", "jaad-boxes")
    if args.contact_sheet is not None:
        if tracks_alone:
            raise ParameterError("--contact-sheet: this phase trains on boxes, not on clips")
        _draw_clips(args)
        return 0
    hardware = chosen_hardware(args)
    train = _train_tracks if tracks_alone else _train_network
    checkpoint = train(args, hardware)
    print(f"Trained. Checkpoint: {checkpoint}\nNext: convlstm-perception export {checkpoint}")
    return 0


def _train_tracks(args: argparse.Namespace, hardware: Hardware) -> Path:
    from convlstm_perception.training.tracks import TrackTrainingConfig, train_tracks

    for name in ("steps", "start_from"):
        if getattr(args, name) is not None:
            option = name.replace("_", "-")
            raise ParameterError(f"--{option}: not of this phase; its length is `epochs`")
    config = TrackTrainingConfig.load(args.config, output=args.output, seed=args.seed)
    return train_tracks(config, hardware, resume=args.resume)


def _train_network(args: argparse.Namespace, hardware: Hardware) -> Path:
    from convlstm_perception.training.run import train

    return train(_network_config(args), hardware, resume=args.resume)


def _network_config(args: argparse.Namespace) -> TrainingConfig:
    from convlstm_perception.training.config import TrainingConfig

    return TrainingConfig.load(
        args.config,
        output=args.output,
        steps=args.steps,
        seed=args.seed,
        start_from=args.start_from,
    )


def _draw_clips(args: argparse.Namespace) -> None:
    import cv2

    from convlstm_perception.model import NetworkConfig
    from convlstm_perception.training.data import first_clips
    from convlstm_perception.visualization.contact_sheet import draw_contact_sheet

    path: Path = args.contact_sheet
    if path.suffix.lower() != ".png":
        raise ParameterError(f"--contact-sheet {path}: give a file that ends in .png")
    config = _network_config(args)
    horizons = NetworkConfig(**config.network).horizons
    sheet = draw_contact_sheet(first_clips(config, horizons, _CLIPS_SHOWN))
    path.parent.mkdir(parents=True, exist_ok=True)
    small = (cv2.IMWRITE_PNG_COMPRESSION, 9, cv2.IMWRITE_PNG_STRATEGY, _FILTERED)
    if not cv2.imwrite(str(path), sheet, small):
        raise ParameterError(f"--contact-sheet {path}: cannot be written")
    print(f"Wrote {path}")
