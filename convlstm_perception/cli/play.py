"""Publish a video or a folder of images as a camera: Image, CameraInfo, CompressedImage."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

from convlstm_perception.cli.numbers import count, number, seconds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("source", type=Path, help="a video file or a folder of images")
    parser.add_argument(
        "--topic",
        default="/camera/image",
        help="topic of the images (default %(default)s); camera_info stands beside it",
    )
    parser.add_argument(
        "--rate",
        type=_rate,
        default="source",
        metavar="HZ|source|max",
        help="images a second; 'source': the rate that the video's header claims, 10 for a "
        "folder (default); 'max': the next image as soon as every reliable subscriber has "
        "acknowledged the last one",
    )
    parser.add_argument("--loop", action="store_true", help="begin again after the last image")
    parser.add_argument("--frames", type=count, metavar="N", help="stop after N images")
    parser.add_argument(
        "--compressed", action="store_true", help="also publish JPEG images on TOPIC/compressed"
    )
    parser.add_argument(
        "--camera-info",
        type=Path,
        metavar="FILE.yaml",
        help="calibration as camera_calibration writes it; without it the camera_info tells "
        "the size and is marked uncalibrated (k[0] = 0)",
    )
    parser.add_argument("--frame-id", default="camera", help="frame_id (default %(default)s)")
    reliability = parser.add_mutually_exclusive_group()
    reliability.add_argument(
        "--reliable",
        action="store_true",
        default=True,
        help="publish reliable; serves reliable and best-effort subscribers (default)",
    )
    reliability.add_argument(
        "--best-effort",
        dest="reliable",
        action="store_false",
        help="publish best effort, as most camera drivers do",
    )
    parser.add_argument(
        "--stamps",
        choices=("now", "nominal"),
        default="now",
        help="'now': each image is stamped with the time of its publication (default); "
        "'nominal': the stamps are exactly one period apart, whatever the clock says",
    )
    parser.add_argument(
        "--wait-for-subscribers",
        type=count,
        default=0,
        metavar="N",
        help="start when N subscribers listen to the images",
    )
    parser.add_argument(
        "--start-delay",
        type=seconds,
        default=0.0,
        metavar="SECONDS",
        help="wait so long before the first image",
    )
    parser.add_argument(
        "--report", type=Path, metavar="FILE.json", help="also write what was published as JSON"
    )


def run(args: argparse.Namespace) -> int:
    """Publish until the source ends or the process is interrupted; 0 in both cases."""
    from convlstm_perception.data.video import open_source
    from convlstm_perception.ros.player import PlayerSettings, play

    settings = PlayerSettings(
        topic=args.topic,
        rate=args.rate,
        loop=args.loop,
        frames=args.frames,
        compressed=args.compressed,
        camera_info=args.camera_info,
        frame_id=args.frame_id,
        reliable=args.reliable,
        stamps=args.stamps,
        wait_for_subscribers=args.wait_for_subscribers,
        start_delay=args.start_delay,
    )
    with open_source(args.source) as source:
        report = play(source, settings)
    print(report)
    if args.report is not None:
        values = {**dataclasses.asdict(report), "rate": report.rate}
        args.report.write_text(json.dumps(values) + "\n")
    return 0


def _rate(text: str) -> float | str:
    if text in ("source", "max"):
        return text
    rate = number(text, "a number of images a second, 'source' or 'max'")
    if not 0.01 <= rate <= 1000.0:
        raise argparse.ArgumentTypeError(f"{text} Hz: expected 0.01 to 1000")
    return rate
