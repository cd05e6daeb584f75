"""``convlstm-perception COMMAND``: finds the command's module and runs it."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from types import ModuleType

from convlstm_perception import __version__
from convlstm_perception.errors import PerceptionError

PROGRAM = "convlstm-perception"
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

# A command's module has add_arguments(parser) and run(args) -> int, and is imported only
# when the command is given: no command pays for, or fails with, what another one imports.
COMMANDS = {
    "demo": "see it work: a real video through the node, as an annotated video and a report",
    "play": "publish a video or a folder of images as a camera",
    "replay": "answer the cameras of a ROS 2 bag again, without ROS",
    "evaluate": "measure the quality on an annotated video",
    "train": "train a model",
    "forecast": "forecast the next frames of any array, video or radar sequence",
    "application": "run a worked use: video prediction, driving, weather, medical sequences",
    "export": "make a model bundle of a training checkpoint",
    "benchmark": "measure the speed and the memory, beside other ways to run the network",
    "compile": "build the TensorRT engines of a model bundle",
    "doctor": "tell what this machine has for a model bundle, or what is wrong with a camera",
}

_ROS_MODULES = ("rclpy", "rosgraph_msgs", "sensor_msgs", "vision_msgs", "convlstm_perception_msgs")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after the program's name; those of the process by default.

    Returns:
        The exit code: the command's own, 2 for bad input, 130 when interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    overview = _overview()
    if not words or words[0] not in COMMANDS:
        overview.parse_args(words)  # handles --help and --version, refuses anything else
        overview.print_help()
        return EXIT_BAD_INPUT
    name = words[0]
    try:
        module = _command(name)
        parser = argparse.ArgumentParser(prog=f"{PROGRAM} {name}", description=module.__doc__)
        module.add_arguments(parser)
        exit_code: int = module.run(parser.parse_args(words[1:]))
        return exit_code
    except PerceptionError as error:
        return _refuse(name, str(error))
    except ModuleNotFoundError as error:
        return _refuse(name, _missing_module(error))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _overview() -> argparse.ArgumentParser:
    lines = [f"  {name:<13}{summary}" for name, summary in COMMANDS.items()]
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Pedestrian detection and trajectory prediction for cameras.",
        epilog="commands:\n" + "\n".join(lines) + f"\n\n{PROGRAM} COMMAND --help tells more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    parser.add_argument("command", nargs="?", choices=COMMANDS, metavar="COMMAND")
    return parser


def _command(name: str) -> ModuleType:
    return importlib.import_module(f"convlstm_perception.cli.{name}")


def _missing_module(error: ModuleNotFoundError) -> str:
    name = (error.name or str(error)).split(".")[0]
    if name in _ROS_MODULES:
        return (
            f"this command needs ROS 2, but Python cannot import {name}. Source your ROS 2 "
            "workspace, or in a source checkout run `make setup`, then `. .venv/ros_env.sh`."
        )
    return f"Python cannot import {error.name}. Install it, or run `make setup` in the checkout."


def _refuse(name: str, message: str) -> int:
    print(f"{PROGRAM} {name}: error: {message}", file=sys.stderr)
    return EXIT_BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
