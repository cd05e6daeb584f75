"""Measure the quality on annotated video or photographs, side by side with other detectors.

Writes evaluation.json and report.html. Contenders are the model and those of --baselines that can
run here; all of them answer the same images in the same process on the same machine.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from convlstm_perception.cli.inference import add_engine_arguments, engine_settings
from convlstm_perception.cli.numbers import count

if TYPE_CHECKING:
    from convlstm_perception.evaluation.run import EvaluationRequest

_BOX_FORECASTING = "jaad-boxes"
_DATASETS = (
    "coco",
    "coco-persons",
    "jaad",
    _BOX_FORECASTING,
    "kitti",
    "mot",
    "penn-fudan",
    "pets",
    "ros-bag",
    "yolo",
)
_BASELINES = ("yolo-fastest", "fastestdet", "hog")
_PROGRAM = "convlstm-perception evaluate"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    data = parser.add_argument_group("what to measure on")
    data.add_argument(
        "--dataset",
        choices=_DATASETS,
        default="pets",
        help="kind of data set (default %(default)s); jaad-boxes measures the track decoder on "
        "JAAD's public protocol, without images",
    )
    data.add_argument(
        "--path", type=Path, help="the data set itself; needed for coco, mot, ros-bag and yolo"
    )
    data.add_argument("--split", help="part of the data set; all of it by default")
    data.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder of all data sets; by default the first that exists of "
        "$CONVLSTM_PERCEPTION_DATA, datasets and ../shared/data",
    )
    data.add_argument(
        "--video",
        type=Path,
        help="the video of pets; by default the one beside its annotation, else the demo's is "
        "fetched",
    )
    data.add_argument(
        "--every",
        type=count,
        default=1,
        metavar="N",
        help="score detections on each N-th annotated frame (default %(default)s); all frames are "
        "shown, and tracks and trajectories scored, in any case",
    )
    data.add_argument(
        "--calibration",
        type=Path,
        metavar="FILE",
        help="Tsai calibration of the camera, for --ground; View_001.xml beside the annotation by "
        "default",
    )
    contenders = parser.add_argument_group("what to measure")
    contenders.add_argument(
        "--ground",
        action="store_true",
        help="measure the model on the ground too, in metres; for pets, whose camera is calibrated",
    )
    contenders.add_argument("--bundle", type=Path, help="model bundle; the shipped one by default")
    add_engine_arguments(contenders)
    contenders.add_argument(
        "--baselines",
        type=_baselines,
        help=f"of {', '.join(_BASELINES)}, separated by commas, or none; all that can run by "
        "default",
    )
    contenders.add_argument(
        "--baseline-every",
        type=count,
        default=15,
        metavar="N",
        help="run slow baselines (hog) on each N-th annotated frame only (default %(default)s)",
    )
    contenders.add_argument(
        "--peers",
        type=Path,
        metavar="DIR",
        help="folder with yolo_fastest and fastestdet; `peers` in the folder of data by default",
    )
    contenders.add_argument(
        "--decoder", type=Path, help="track decoder for jaad-boxes; the shipped one by default"
    )
    output = parser.add_argument_group("output")
    output.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder for evaluation.json and report.html (default out/evaluate/DATASET)",
    )
    output.add_argument(
        "--json", action="store_true", help="print the JSON, and nothing else, on standard output"
    )
    parser.set_defaults(parser=parser)


def run(args: argparse.Namespace) -> int:
    """Run the command: 0 when everything was measured."""
    request = _request(args)
    if args.dataset == _BOX_FORECASTING:
        return _forecast_boxes(args)
    from convlstm_perception.evaluation.console import print_figures, progress_bars
    from convlstm_perception.evaluation.run import evaluate

    with progress_bars() as begin:
        values = evaluate(request, begin)
    if args.json:
        print(json.dumps(values, indent=2))
    else:
        print_figures(values)
        print(f"{_output(args)}: evaluation.json, report.html")
    return 0


def _request(args: argparse.Namespace) -> EvaluationRequest:
    from convlstm_perception.evaluation.run import EvaluationRequest

    return EvaluationRequest(
        dataset=args.dataset,
        path=args.path,
        split=args.split,
        data=args.data,
        video=args.video,
        every=args.every,
        bundle=args.bundle,
        inference=engine_settings(args),
        baselines=args.baselines,
        baseline_every=args.baseline_every,
        peers=args.peers,
        ground=args.ground,
        calibration=args.calibration,
        output=_output(args),
        command=_command(args),
    )


def _forecast_boxes(args: argparse.Namespace) -> int:
    """The public protocol of box forecasting: no images, no contenders, no page."""
    from convlstm_perception.data.locate import data_folder, dataset_path
    from convlstm_perception.evaluation.box_forecasting import run_box_forecasting
    from convlstm_perception.evaluation.console import print_box_errors, progress_bars
    from convlstm_perception.visualization.page import write_json

    folder = dataset_path(_BOX_FORECASTING, data_folder(args.data), args.path)
    with progress_bars() as begin:
        result = run_box_forecasting(folder, args.decoder, begin(_BOX_FORECASTING, None))
    values = {"dataset": _BOX_FORECASTING, **result.to_dict()}
    _output(args).mkdir(parents=True, exist_ok=True)
    write_json(_output(args) / "evaluation.json", values)
    if args.json:
        print(json.dumps(values, indent=2))
    else:
        print_box_errors(result)
    if not result.beats_constant_velocity:
        print("The decoder does not beat going straight on: do not use it.", file=sys.stderr)
        return 1
    return 0


def _output(args: argparse.Namespace) -> Path:
    folder: Path = args.output or Path("out/evaluate") / args.dataset
    return folder


def _command(args: argparse.Namespace) -> str:
    """The command again, with what differs from the defaults."""
    words = [*_PROGRAM.split(), "--dataset", args.dataset]
    for action in args.parser._actions:
        value = getattr(args, action.dest, action.default)
        if action.dest == "dataset" or not action.option_strings or value == action.default:
            continue
        words.append(action.option_strings[-1])
        if action.nargs != 0:
            words.append(",".join(value) or "none" if isinstance(value, tuple) else str(value))
    return shlex.join(words)


def _baselines(text: str) -> tuple[str, ...]:
    if text == "none":
        return ()
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in _BASELINES:
            raise argparse.ArgumentTypeError(
                f"{name!r}: expected some of {', '.join(_BASELINES)}, or none"
            )
    return names
