"""Measure the speed and the memory of a model bundle, beside other ways to run the same network.

Cameras are measured from image to tracks, stage by stage, each number of them in a process of its
own. Then the networks alone are timed in turns with the competitors, all in one process with the
same threads, and set beside what the device could do at best.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from convlstm_perception.benchmark.request import COMPETITORS, BenchmarkRequest, with_threads
from convlstm_perception.cli.inference import add_engine_arguments, engine_settings
from convlstm_perception.cli.numbers import count

_LARGEST = 16384  # pixels of a side
_SMALLEST = 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    defaults = BenchmarkRequest.__dataclass_fields__
    parser.add_argument(
        "bundle", type=Path, nargs="?", help="model bundle; the shipped one by default"
    )
    add_engine_arguments(parser.add_argument_group("inference"))
    work = parser.add_argument_group("what to measure")
    work.add_argument(
        "--cameras",
        type=_counts,
        default=defaults["cameras"].default,
        metavar="N,N...",
        help="numbers of cameras answered together (default 1,2,4,8)",
    )
    work.add_argument(
        "--size",
        type=_size,
        default=(defaults["width"].default, defaults["height"].default),
        metavar="WxH",
        help="pixels of the generated camera images (default 1280x720)",
    )
    work.add_argument(
        "--video", type=Path, help="video or folder of images to show instead of generated ones"
    )
    work.add_argument(
        "--frames",
        type=count,
        default=defaults["frames"].default,
        metavar="N",
        help="timed frames of each camera (default %(default)s)",
    )
    work.add_argument(
        "--rounds",
        type=count,
        default=defaults["rounds"].default,
        metavar="N",
        help="times that each competitor is timed, in turns (default %(default)s)",
    )
    work.add_argument(
        "--beside",
        type=_competitors,
        default=COMPETITORS,
        metavar="NAME,NAME...",
        help=f"of {', '.join(COMPETITORS)}, or none; all that can run by default. onnxruntime is "
        "that of the CPU, beside an engine on a GPU",
    )
    parser.add_argument(
        "--json", action="store_true", help="print JSON, and nothing else, on standard output"
    )


def run(args: argparse.Namespace) -> int:
    """Run the command: 0 when everything was measured that can be had here."""
    from convlstm_perception.benchmark.console import print_benchmark
    from convlstm_perception.benchmark.run import benchmark
    from convlstm_perception.engine import default_bundle_path
    from convlstm_perception.evaluation.console import progress_bars

    width, height = args.size
    request = BenchmarkRequest(
        bundle=args.bundle or default_bundle_path(),
        inference=with_threads(engine_settings(args)),
        cameras=args.cameras,
        frames=args.frames,
        rounds=args.rounds,
        width=width,
        height=height,
        video=args.video,
        beside=args.beside,
    )
    with progress_bars() as begin:
        values = benchmark(request, begin)
    if args.json:
        print(json.dumps(values, indent=2))
    else:
        print_benchmark(values)
    return 0


def _counts(text: str) -> tuple[int, ...]:
    return tuple(sorted({count(part.strip()) for part in text.split(",")}))


def _size(text: str) -> tuple[int, int]:
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(side.isdecimal() for side in sides):
        raise argparse.ArgumentTypeError(f"{text!r}: expected WIDTHxHEIGHT, such as 1280x720")
    width, height = map(int, sides)
    if not all(_SMALLEST <= side <= _LARGEST for side in (width, height)):
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected sides from {_SMALLEST} to {_LARGEST} pixels"
        )
    return width, height


def _competitors(text: str) -> tuple[str, ...]:
    names = () if text == "none" else tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in COMPETITORS:
            raise argparse.ArgumentTypeError(
                f"{name!r}: expected some of {', '.join(COMPETITORS)}, or none"
            )
    return names
