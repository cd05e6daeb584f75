"""Forecast the next frames of any (time, height, width[, channel]) array with a ConvLSTM.

Reads .npy and .npz, Zarr, NetCDF, HDF5, folders of radar files, videos and folders of images.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import types
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convlstm_perception.cli.hardware import add_hardware_arguments, chosen_hardware
from convlstm_perception.cli.numbers import count
from convlstm_perception.errors import ParameterError

if TYPE_CHECKING:
    from convlstm_perception.forecasting.config import ForecastConfig
    from convlstm_perception.forecasting.judgement import Judgement

_PARTS = ("train", "validation", "test")
_MOST_NAMED = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="train|evaluate|predict")
    train = kinds.add_parser("train", help="train on an array, and judge on its last part")
    evaluate = kinds.add_parser("evaluate", help="judge a trained network beside the baselines")
    predict = kinds.add_parser("predict", help="forecast what follows an array")
    _add_train(train)
    _add_evaluate(evaluate)
    _add_predict(predict)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    kinds = {"train": _train, "evaluate": _evaluate, "predict": _predict}
    return kinds[args.kind](args)


def _add_train(parser: argparse.ArgumentParser) -> None:
    from convlstm_perception.forecasting.config import ForecastConfig
    from convlstm_perception.settings import described_fields

    parser.add_argument("data", nargs="*", help="files or folders that hold the frames")
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="YAML or TOML; what follows wins over it"
    )
    hints = typing.get_type_hints(ForecastConfig)
    for entry, known in described_fields(ForecastConfig):
        if entry.name in ("data", "network"):
            continue
        default = "" if entry.default in (None, ()) else f" (default {_words(entry.default)})"
        parser.add_argument(
            f"--{entry.name.replace('_', '-')}",
            help=known.description + default,
            **_kind(hints[entry.name], known.choices),
        )
    parser.add_argument("--resume", action="store_true", help="go on from the output's last.ckpt")
    add_hardware_arguments(parser)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, help="best.ckpt of forecast train")
    parser.add_argument("data", nargs="*", help="other data; all of it is judged on")
    parser.add_argument(
        "--part",
        choices=_PARTS,
        default="test",
        help="of the data that it was trained on (default %(default)s)",
    )
    _add_reading(parser)
    parser.add_argument(
        "--output", type=Path, help="folder for scores.json and scores.png; the checkpoint's"
    )


def _add_predict(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, help="best.ckpt of forecast train")
    parser.add_argument("data", nargs="*", help="other data than it was trained on")
    parser.add_argument(
        "--at",
        type=int,
        metavar="INDEX",
        help="first frame to forecast, from 0; it and those after it are the truth (default: the "
        "first after the end)",
    )
    parser.add_argument("--steps", type=count, help="frames to forecast; as trained by default")
    parser.add_argument(
        "--sequence", type=int, default=0, help="which of several sequences (default %(default)s)"
    )
    _add_reading(parser)
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("out/forecast/prediction"),
        help="folder for what is written (default %(default)s)",
    )


def _add_reading(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--variable", help="array to read, where a file has several")
    parser.add_argument("--layout", help="axes of the arrays, such as THW or NTHWC")
    parser.add_argument("--reduce", type=count, help="pixels along each side that make one")
    parser.add_argument(
        "--thresholds", type=_numbers(float), metavar="N,N...", help="of events that are scored"
    )


def _train(args: argparse.Namespace) -> int:
    from convlstm_perception.forecasting.checkpoint import TrainedForecaster
    from convlstm_perception.forecasting.config import ForecastConfig
    from convlstm_perception.forecasting.data import open_data
    from convlstm_perception.forecasting.judgement import judge
    from convlstm_perception.forecasting.run import train

    given = {name: value for name, value in vars(args).items() if name != "data"}
    names = ForecastConfig.__dataclass_fields__
    overrides = {name: value for name, value in given.items() if name in names}
    config = ForecastConfig.load(args.config, data=tuple(args.data) or None, **overrides)
    hardware = chosen_hardware(args)
    data = open_data(config)
    split = data.split
    print(
        f"{_names(config.data)}: {len(split.train)} windows to train on, "
        f"{len(split.validation)} for validation, {len(split.test)} for the test"
    )
    # Lightning's notes on hardware it looked for, and its advertisement.
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    checkpoint = train(config, hardware, resume=args.resume, data=data)
    if int(os.environ.get("LOCAL_RANK", 0)) or int(os.environ.get("NODE_RANK", 0)):
        return 0  # one of several processes that train; the first one judges
    print(f"Trained. Checkpoint: {checkpoint}")
    if split.test:
        judgement = judge(TrainedForecaster.load(checkpoint), data=data)
        _show(judgement, checkpoint.parent, "test part")
    print(f"Next: convlstm-perception forecast predict {checkpoint}")
    return 0


def _evaluate(args: argparse.Namespace) -> int:
    from convlstm_perception.forecasting.checkpoint import TrainedForecaster
    from convlstm_perception.forecasting.judgement import judge

    forecaster = TrainedForecaster.load(args.checkpoint)
    config = _reading(forecaster.config, args)
    part = args.part
    if args.data:
        config, part = dataclasses.replace(config, split=(0.0, 0.0, 1.0)), "test"
    judgement = judge(forecaster, config, part=part)
    folder = args.output or args.checkpoint.parent
    _show(judgement, folder, "all of it" if args.data else f"{part} part")
    return 0


def _predict(args: argparse.Namespace) -> int:
    from convlstm_perception.forecasting.checkpoint import TrainedForecaster
    from convlstm_perception.forecasting.judgement import print_figures
    from convlstm_perception.forecasting.prediction import predict, write_prediction
    from convlstm_perception.forecasting.readers import open_series

    forecaster = TrainedForecaster.load(args.checkpoint)
    config = _reading(forecaster.config, args)
    series = open_series(config.data, config.variable, config.layout, config.reduce)
    if not 0 <= args.sequence < len(series):
        raise ParameterError(f"--sequence {args.sequence}: there are {len(series)}, from 0")
    prediction = predict(
        forecaster,
        series[args.sequence],
        at=args.at,
        steps=args.steps,
        thresholds=config.thresholds,
    )
    files = write_prediction(prediction, args.output)
    if prediction.figures:
        title = f"{Path(prediction.series).name} from frame {prediction.at}"
        print_figures(title, prediction.figures, prediction.shown.labels.units)
    print(f"{args.output}: {', '.join(file.name for file in files)}")
    return 0


def _show(judgement: Judgement, folder: Path, what: str) -> None:
    """Write the figures, and print them as a table."""
    from convlstm_perception.forecasting.judgement import print_figures

    judgement.write(folder)
    print_figures(f"{_names(judgement.data)}: {what}", judgement.figures, judgement.units)
    print(f"{folder}: scores.json, scores.png")


def _names(paths: Sequence[str]) -> str:
    """Of a few files, or how many there are."""
    few = len(paths) <= _MOST_NAMED
    return ", ".join(Path(path).name for path in paths) if few else f"{len(paths)} files"


def _reading(config: ForecastConfig, args: argparse.Namespace) -> ForecastConfig:
    """The configuration of the training, reading what the options say."""
    given: dict[str, Any] = {
        name: getattr(args, name)
        for name in ("variable", "layout", "reduce", "thresholds")
        if getattr(args, name) is not None
    }
    if args.data:
        given["data"] = tuple(args.data)
    return dataclasses.replace(config, **given)


def _kind(hint: Any, choices: tuple[str, ...]) -> dict[str, Any]:
    """How argparse reads a field of this type."""
    kinds = [one for one in typing.get_args(hint) if one is not types.NoneType]
    if isinstance(hint, types.UnionType):
        hint = kinds[0]
    if hint is bool:
        return {"action": argparse.BooleanOptionalAction, "default": None}
    if choices:
        return {"choices": choices}
    if typing.get_origin(hint) is tuple:
        return {"type": _numbers(typing.get_args(hint)[0]), "metavar": "N,N..."}
    return {"type": hint, "metavar": {int: "N", float: "X"}.get(hint)}


def _numbers(kind: type[int] | type[float]) -> Callable[[str], tuple[Any, ...]]:
    """Reads numbers with commas between them."""

    def numbers(text: str) -> tuple[Any, ...]:
        try:
            return tuple(kind(word) for word in text.split(","))
        except ValueError as error:
            raise argparse.ArgumentTypeError(
                f"{text!r}: expected numbers with commas between them"
            ) from error

    return numbers


def _words(default: Any) -> str:
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
