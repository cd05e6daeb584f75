"""Answer the cameras of a ROS 2 bag again, without ROS, and write the results as a bag.

The same bag, bundle and engine give the same results to the last bit. Where the bag holds the
node's own trajectories, those images are answered that the node had answered, so that the results
are the node's; --all answers every image. Where it holds the node's parameters, as a black box
does, thresholds and tracker are set by them.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from rich.progress import Progress

from convlstm_perception.cli.inference import add_engine_arguments, engine_settings
from convlstm_perception.engine import ModelBundle, MotionModel, default_bundle_path
from convlstm_perception.replay.recording import find_cameras, recorded_parameters
from convlstm_perception.replay.run import RESULTS, Replay
from convlstm_perception.replay.settings import recorded_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("bag", type=Path, help="folder of the bag, or its .mcap or .db3 file")
    parser.add_argument("--bundle", type=Path, help="model bundle; the shipped one by default")
    parser.add_argument(
        "--output", type=Path, default=Path("out/replay"), help="folder (default %(default)s)"
    )
    parser.add_argument(
        "--topic", action="append", default=[], help="image topic; all by default; may be repeated"
    )
    parser.add_argument(
        "--all", action="store_true", help="answer every image, also where the node skipped it"
    )
    parser.add_argument(
        "--rectify", action="store_true", help="rectify by the camera_info beside the images"
    )
    ground = parser.add_argument_group(
        "metres", "what the bag's parameters do not tell; TF and calibrations are the bag's own"
    )
    ground.add_argument("--target-frame", metavar="FRAME", help="frame of what is said in metres")
    ground.add_argument("--fixed-frame", metavar="FRAME", help="frame that stands still, as odom")
    ground.add_argument(
        "--odometry", metavar="TOPIC", help="nav_msgs/Odometry that tells the motion"
    )
    ground.add_argument(
        "--camera-height", type=float, metavar="M", help="metres above the ground, in place of TF"
    )
    ground.add_argument(
        "--camera-pitch", type=float, metavar="RAD", help="with it: how far the camera looks down"
    )
    ground.add_argument(
        "--camera-roll", type=float, metavar="RAD", help="with it: how far its right side is lower"
    )
    parser.add_argument("--no-overlay", action="store_true", help="draw no overlay videos")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON only")
    add_engine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Raises:
        PerceptionError: when the bag, the bundle or the engine cannot be used.
    """
    cameras = find_cameras(args.bag, args.topic)
    if args.all:
        cameras = [dataclasses.replace(camera, answered=None) for camera in cameras]
    settings = recorded_settings(recorded_parameters(args.bag), cameras, _told(args))
    bundle = ModelBundle.load(args.bundle or default_bundle_path())
    model = MotionModel.load(bundle, engine_settings(args), len(cameras))
    try:
        replay = Replay(
            args.bag,
            cameras,
            model,
            settings,
            args.output,
            overlay=not args.no_overlay,
        )
        with Progress(disable=args.json) as progress:
            task = progress.add_task("replaying", total=None)
            replay.run(lambda: progress.advance(task))
    finally:
        model.close()
    summary = {
        "bag": str(args.bag),
        "results": str(args.output / RESULTS),
        "model": bundle.model_id,
        "engine": model.engine_name,
        "cameras": [_plain(camera) for camera in replay.summaries.values()],
    }
    (args.output / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    if args.json:
        print(json.dumps(summary, indent=2))
    else:
        _show(summary)
    return 0


def _told(args: argparse.Namespace) -> dict[str, Any]:
    """The options that stand for parameters of the node."""
    told = {
        "target_frame": args.target_frame,
        "fixed_frame": args.fixed_frame,
        "odometry_topic": args.odometry,
        "camera_height": args.camera_height,
        "camera_pitch": args.camera_pitch,
        "camera_roll": args.camera_roll,
        "rectify": args.rectify or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _plain(camera: Any) -> dict[str, Any]:
    values = dataclasses.asdict(camera) | {"refused": dict(camera.refused)}
    work = camera.seconds
    rate = round((camera.answered + camera.unusable) / work, 2) if work else 0.0
    return values | {"seconds": round(work, 3), "frames_a_second": rate}


def _show(summary: dict[str, Any]) -> None:
    for camera in summary["cameras"]:
        print(
            f"{camera['topic']}: {camera['answered']} of {camera['images']} images answered, "
            f"{camera['unusable']} unusable, {camera['passed_over']} passed over as by the node, "
            f"{sum(camera['refused'].values())} refused; {camera['frames_a_second']} a second"
        )
        if camera["identical"] or camera["different"]:
            print(
                f"  {camera['identical']} answers are to the bit what the node had published, "
                f"{camera['different']} are not"
            )
        for model in camera["other_models"]:
            print(f"  the node answered with {model}, this replay with {summary['model']}")
        for reason, count in camera["refused"].items():
            print(f"  {count} times: {reason}")
    print(f"results: {summary['results']}")
