"""Run one of the worked uses of ConvLSTM: video prediction, driving, weather, medical sequences.

Trains where there is something to train, judges it beside simple baselines, and writes scores.json,
pictures and an animation.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from convlstm_perception.applications import APPLICATIONS
from convlstm_perception.cli.hardware import add_hardware_arguments, chosen_hardware
from convlstm_perception.cli.numbers import positive_number
from convlstm_perception.errors import ParameterError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "uses:\n" + "\n".join(
        f"  {name:<10}{what}" for name, what in APPLICATIONS.items()
    )
    parser.add_argument(
        "name", choices=APPLICATIONS, metavar="NAME", help=f"of the use: {', '.join(APPLICATIONS)}"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder to write (default out/applications/NAME)"
    )
    parser.add_argument(
        "--smoke", action="store_true", help="only show that all of it runs; trains for seconds"
    )
    parser.add_argument(
        "--full", action="store_true", help="the publication's own setting, for a GPU; video only"
    )
    parser.add_argument(
        "--minutes",
        type=positive_number,
        metavar="N",
        help="longest time to train, all networks together",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="PATH",
        help="video: folder of MNIST's idx files; weather: folder of radar files; medical: an "
        "ultrasound DICOM file (default: what is at the usual places, or fetched)",
    )
    parser.add_argument("--seed", type=int, default=1, help="of everything random (default 1)")
    add_hardware_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from convlstm_perception.applications import ApplicationRequest, run_application

    if args.full and args.smoke:
        raise ParameterError("--full and --smoke: give one of them")
    if args.full and args.name != "video":
        raise ParameterError(f"--full: {args.name} has no such setting; only video has")
    request = ApplicationRequest(
        output=args.out or Path("out/applications") / args.name,
        smoke=args.smoke,
        full=args.full,
        minutes=args.minutes,
        data=args.data,
        seed=args.seed,
        hardware=chosen_hardware(args),
    )
    run_application(args.name, request)
    return 0
