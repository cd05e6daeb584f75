"""Weather: rain of the next hour from radar, beside an extrapolation along its motion.

KNMI's composite of accumulated rain, a file each five minutes, HDF5; trained on the first part of
the period, judged on its end. Without such files on a field of rain that is made up here.

Two ConvLSTMs: one that sees the frames as they are, and one in the frame that moves with the rain
(:mod:`convlstm_perception.applications.moving_frame`), which has only growth and decay to learn.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convlstm_perception import forecasting as fc
from convlstm_perception.applications.contest import (
    SMOKE_NOTE,
    Contest,
    Learner,
    minutes_each,
    show,
    train_learner,
)
from convlstm_perception.applications.moving_frame import (
    PAIRS,
    MovingFrameForecaster,
    in_moving_frame,
)
from convlstm_perception.applications.rain_fields import RainSettings, rain_fields
from convlstm_perception.applications.request import ApplicationRequest, DataUsed, warn_instead
from convlstm_perception.data.locate import data_folder, dataset_path
from convlstm_perception.errors import SourceError
from convlstm_perception.forecasting.config import ForecastConfig
from convlstm_perception.forecasting.data import ForecastData
from convlstm_perception.forecasting.module import ForecastTraining
from convlstm_perception.forecasting.scaling import fit_scaling
from convlstm_perception.types import Float32Array

NAME = "weather"
DATASET = "knmi-radar"
SHAPE = fc.WindowShape(inputs=4, targets=12)
PLAIN, MOVING = "ConvLSTM", "ConvLSTM on advection"
THRESHOLDS = (0.5, 1.0, 2.0)  # mm/h
SHARES = (0.6, 0.175, 0.225)

_AN_HOUR = 12.0  # frames
_REDUCE = 4  # kilometres of a pixel
_GENERATED = 92  # frames, as many as there are of the radar
_SMOKE_SIDE = 48  # pixels
_SOURCE = "KNMI open data, rad_nl25_rap_5min"
_MEND = (
    f"For the real figures fetch files of {_SOURCE}, a run of them five minutes apart, and give "
    "their folder with --data."
)


@dataclass(frozen=True)
class WeatherSetting:
    """A size of the experiment.

    Attributes:
        layers: hidden channels of the ConvLSTM.
        crop: side of the squares that are trained on, pixels.
        batch: windows of a step.
        steps: at most.
        minutes: at most; None for no limit.
        validate_every: steps.
    """

    layers: tuple[int, ...] = (32, 32)
    crop: int | None = 64
    batch: int = 4
    steps: int = 1500
    minutes: float | None = 12.0
    validate_every: int = 100
    kernel: int = 5
    patch: int = 4
    learning_rate: float = 2e-3


SMOKE = WeatherSetting((8,), 32, 2, 6, None, 6, kernel=3)


def run(request: ApplicationRequest) -> None:
    """Train, judge, and write what came out.

    Raises:
        PerceptionError: when data is damaged or a training cannot run.
    """
    setting = SMOKE if request.smoke else WeatherSetting()
    series, used = find_rain(request)
    data = ForecastData([series], fc.split_windows([series], SHAPE, SHARES))
    config = ForecastConfig(
        data=(used.source,),
        inputs=SHAPE.inputs,
        targets=SHAPE.targets,
        split=SHARES,
        crop=setting.crop,
        scaling="log",
        loss="mae",
        residual=True,
        hidden_channels=setting.layers,
        kernel_size=setting.kernel,
        patch_size=setting.patch,
        batch_size=setting.batch,
        learning_rate=setting.learning_rate,
        steps=setting.steps,
        minutes=minutes_each(request, setting.minutes, 2),
        validate_every=setting.validate_every,
        thresholds=THRESHOLDS,
        seed=request.seed,
    )
    scaling = fit_scaling("log", data.series, data.split.train, SHAPE, clip=True)
    plain = Learner(PLAIN, ForecastTraining(config, 1, scaling))
    moving = Learner(MOVING, ForecastTraining(config, 1, scaling))
    trained = [
        train_learner(plain, data, request, request.output),
        train_learner(moving, in_moving_frame(data, SHAPE), request, request.output),
    ]
    judged: list[fc.FrameForecaster] = [
        trained[0],
        MovingFrameForecaster(MOVING, trained[1]),
        fc.Advection(PAIRS),
        fc.LastFrame(),
    ]
    figures = fc.score(
        data.series,
        data.split.test,
        SHAPE,
        judged,
        span=scaling.span,
        low=0.0,
        thresholds=THRESHOLDS,
    )
    window = data.split.test[len(data.split.test) // 2]
    contest = Contest(
        use=NAME,
        data=used,
        setting={
            **dataclasses.asdict(setting),
            "seed": request.seed,
            "frames": series.shape[0],
            "grid": list(series.shape[2:]),
            "windows": {
                part: len(data.split.part(part)) for part in ("train", "validation", "test")
            },
        },
        trained=trained,
        figures=figures,
        shown=show(data, window, SHAPE, judged[:3]),
        notes=[SMOKE_NOTE] if request.smoke else [],
        units="mm/h",
    )
    contest.write(request.output)
    contest.print(request.output)


def find_rain(request: ApplicationRequest) -> tuple[fc.MemorySeries, DataUsed]:
    """The radar's series if it is there, else a generated one.

    Raises:
        SourceError: when a folder is named that holds no radar files.
    """
    if request.data is not None:
        return read_radar(request.data), _radar(request.data)
    try:
        folder = dataset_path(DATASET, data_folder())
    except SourceError as error:
        size = RainSettings(side=_SMOKE_SIDE) if request.smoke else RainSettings()
        made = rain_fields(_GENERATED, request.seed, size)
        warn_instead(f"{error}", made.name, _MEND)
        return made, DataUsed("generated rain", False, "", made.name)
    return read_radar(folder), _radar(folder)


def read_radar(folder: Path) -> fc.MemorySeries:
    """Rain in mm/h, on the part of the grid that the radars see.

    Args:
        folder: of HDF5 files with a frame each, five minutes' rain in mm.

    Raises:
        SourceError: when it holds none, or the radars saw nothing.
    """
    (stored,) = fc.open_series(folder, reduce=_REDUCE)
    values = stored.read(0, stored.shape[0]) * np.float32(_AN_HOUR)
    values = _seen_part(values, folder)
    attributes = {**stored.labels.attributes, "units": "mm/h"}
    labels = fc.Labels(times=stored.labels.times, variable="rain", attributes=attributes)
    return fc.MemorySeries(values, stored.name, labels)


def _seen_part(values: Float32Array, folder: Path) -> Float32Array:
    known = np.isfinite(values).any(axis=(0, 1))
    if not known.any():
        raise SourceError(f"{folder}: not one known value in {len(values)} frames")
    rows, columns = np.flatnonzero(known.any(axis=1)), np.flatnonzero(known.any(axis=0))
    part: Float32Array = values[:, :, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return part


def _radar(folder: Path) -> DataUsed:
    return DataUsed(_SOURCE, True, "CC BY 4.0, KNMI", folder.name)
