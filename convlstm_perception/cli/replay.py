"""Answer the images of a bag again: without ROS, as fast as may be, the same every time.

Where the bag holds the node's own answers, the images that it answered are answered again, and the
answers compared to the last bit. Writes a bag of results, a video for each camera and summary.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from convlstm_perception.cli.inference import add_engine_arguments, engine_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "bag", type=Path, help="folder of a rosbag2 bag (with metadata.yaml), MCAP or sqlite3"
    )
    images = parser.add_mutually_exclusive_group()
    images.add_argument(
        "--camera",
        type=_camera,
        action="append",
        metavar="NAME=TOPIC",
        help="a camera and the topic of its images; may be given for several. By default they are "
        "found by the stamps of the node's answers, or else by the topics' names",
    )
    images.add_argument(
        "--topic", help="topic of the images of a single camera, whose answers bear no name"
    )
    parser.add_argument(
        "--all-frames",
        action="store_true",
        help="answer every image, not only those that the node answered",
    )
    parser.add_argument("--bundle", type=Path, help="model bundle; the shipped one by default")
    add_engine_arguments(parser)
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder for results, overlay.mp4 and summary.json (default out/replay/NAME)",
    )
    parser.add_argument("--no-overlay", dest="overlay", action="store_false", help="draw no video")
    parser.add_argument(
        "--json", action="store_true", help="print the summary, and nothing else, as JSON"
    )


def run(args: argparse.Namespace) -> int:
    """Run the command: 0 when the bag was replayed."""
    from convlstm_perception.evaluation.console import progress_bars
    from convlstm_perception.replay import ReplayRequest, replay

    output: Path = args.output or Path("out/replay") / args.bag.resolve().stem
    cameras = dict(args.camera) if args.camera else None
    request = ReplayRequest(
        bag=args.bag,
        output=output,
        bundle=args.bundle,
        inference=engine_settings(args),
        cameras={"": args.topic} if args.topic else cameras,
        every_frame=args.all_frames,
        overlay=args.overlay,
    )
    with progress_bars() as begin:
        summary = replay(request, begin)
    if args.json:
        print(json.dumps(summary, indent=2))
    else:
        _print(summary, output)
    return 0


def _print(summary: dict[str, Any], output: Path) -> None:
    print(f"{summary['model']} on {summary['engine']}, parameters {summary['parameters']}")
    for name, camera in summary["cameras"].items():
        line = (
            f"{name or camera['image_topic']}: {camera['answered']} of {camera['images']} images "
            f"answered, {camera['track_ids']} tracks"
        )
        if camera["compared"]:
            line += f"; {camera['identical']} of {camera['compared']} as the node's, to the bit"
        print(line)
        if camera["different"]:
            print(f"  differ: {camera['first_difference']} to {camera['last_difference']}")
        for reason, count in camera["refused"].items():
            print(f"  {count} refused: {reason}")
        if camera["without_image"]:
            print(f"  {camera['without_image']} answers of the node without their image in the bag")
    for note in summary["notes"]:
        print(f"note: {note}", file=sys.stderr)
    print(f"{summary['images_per_second']:g} images a second; {output}: results, summary.json")


def _camera(text: str) -> tuple[str, str]:
    name, separator, topic = text.partition("=")
    if not separator or not topic:
        raise argparse.ArgumentTypeError(f"{text!r}: expected NAME=TOPIC")
    return name, topic
