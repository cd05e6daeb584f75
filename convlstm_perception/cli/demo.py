"""See it work: play a real video to the node over DDS and write what it answered."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path
from types import FrameType
from typing import NoReturn

from convlstm_perception.cli.numbers import positive_number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("out/demo"),
        help="folder for what the demo writes (default %(default)s)",
    )
    footage = parser.add_mutually_exclusive_group()
    footage.add_argument(
        "--video",
        type=Path,
        help="a video file or a folder of images of your own; without it vtest.avi "
        "(PETS 2009 S2.L1) is fetched once out of the Debian package opencv-doc",
    )
    footage.add_argument(
        "--generated", action="store_true", help="play a generated moving scene, fetch nothing"
    )
    parser.add_argument(
        "--rate",
        type=positive_number,
        help="frames a second; by default what the video was recorded at: 7 for the demo's "
        "own, else what the file claims",
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--seconds",
        type=positive_number,
        default=45.0,
        help="how long to play (default %(default)s)",
    )
    length.add_argument(
        "--whole", action="store_true", help="play the whole video (the demo's own: 114 s)"
    )
    parser.add_argument("--bundle", type=Path, help="model bundle; the shipped one by default")
    parser.add_argument(
        "--engine", default="auto", help="inference engine of the node (default %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Run the demo: 0 when it kept up or the machine is shown to be too slow, else 1."""
    from convlstm_perception.demo.run import DemoSettings, run_demo
    from convlstm_perception.ros.recorder import TopicRecorder

    settings = DemoSettings(
        folder=args.out,
        video=args.video,
        generated=args.generated,
        rate=args.rate,
        seconds=None if args.whole else args.seconds,
        bundle=args.bundle,
        engine=args.engine,
    )
    # SIGTERM must end the child processes, as Ctrl-C does.
    signal.signal(signal.SIGTERM, _interrupt)
    return run_demo(settings, TopicRecorder)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
