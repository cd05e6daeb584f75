"""Options of the commands that train: what on."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convlstm_perception.training.hardware import Hardware


def add_hardware_arguments(parser: argparse._ActionsContainer) -> None:
    """Declare them, in Lightning's terms."""
    parser.add_argument("--accelerator", default="auto", help="cpu, gpu or auto")
    parser.add_argument("--devices", default="auto", help="how many on each machine, or auto")
    parser.add_argument("--nodes", type=int, default=1, help="how many machines")
    parser.add_argument(
        "--precision", default="auto", help="of Lightning; auto is 16-mixed on a GPU, else 32-true"
    )


def chosen_hardware(args: argparse.Namespace) -> Hardware:
    """What the options name."""
    from convlstm_perception.training.hardware import Hardware

    return Hardware(args.accelerator, args.devices, args.nodes, args.precision)
