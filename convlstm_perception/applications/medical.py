"""Medical sequences: a beating heart in ultrasound, and the brain in functional MRI.

Both come with Python packages (see :mod:`convlstm_perception.applications.medical_sequences`). One
patient, one recording, seconds long: this shows how to begin, and is no finding.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from convlstm_perception import forecasting as fc
from convlstm_perception.applications.contest import (
    SMOKE_NOTE,
    Contest,
    Learner,
    minutes_each,
    show,
    train_learner,
)
from convlstm_perception.applications.medical_sequences import (
    fetch_echocardiogram,
    read_echocardiogram,
    read_functional_mri,
    short_echocardiogram,
)
from convlstm_perception.applications.regression import Autoregression, TrainingMean
from convlstm_perception.applications.request import ApplicationRequest, DataUsed, warn_instead
from convlstm_perception.errors import SourceError
from convlstm_perception.forecasting.config import ForecastConfig
from convlstm_perception.forecasting.data import ForecastData
from convlstm_perception.forecasting.module import ForecastTraining
from convlstm_perception.forecasting.scaling import fit_scaling
from convlstm_perception.visualization.page import write_json

NAME = "medical"

_HEIGHT = 64  # pixels, of the ultrasound sector


@dataclass(frozen=True)
class Study:
    """A recording and what is asked about it.

    Attributes:
        name: of its folder, below that of the use.
        read: gives the recording and tells where it is from.
        shape: of the windows.
        shares: of the time, for training, validation and test.
        layers: hidden channels of the ConvLSTM.
        kernel, patch: of the ConvLSTM.
        batch: windows of a step.
        steps: at most.
        minutes: at most.
        validate_every: steps.
    """

    name: str
    read: Callable[[ApplicationRequest], tuple[fc.MemorySeries, DataUsed]]
    shape: fc.WindowShape
    shares: tuple[float, float, float]
    layers: tuple[int, ...]
    kernel: int
    patch: int
    batch: int
    steps: int
    minutes: float
    validate_every: int


def open_echocardiogram(request: ApplicationRequest) -> tuple[fc.MemorySeries, DataUsed]:
    """The whole recording if it can be had; else its beginning, which pydicom carries.

    Raises:
        SourceError: when a file is named that is no such recording.
    """
    licence = "MIT, as the package"
    if request.data is not None:
        series = read_echocardiogram(request.data, _HEIGHT)
        return series, DataUsed("echocardiogram", True, "", request.data.name)
    if not request.smoke:
        try:
            series = read_echocardiogram(fetch_echocardiogram(), _HEIGHT)
        except SourceError as error:
            short = "the first 30 of its 120 frames, which pydicom carries"
            warn_instead(f"{error}", short, "With a network the whole recording is fetched.")
        else:
            source = "color3d_jpeg_baseline.dcm of PyPI's pydicom-data 1.0.0"
            return series, DataUsed("echocardiogram, 120 frames", True, licence, source)
    series = read_echocardiogram(short_echocardiogram(), _HEIGHT)
    source = "examples_ybr_color.dcm of PyPI's pydicom"
    return series, DataUsed("echocardiogram, its first 30 frames", True, licence, source)


def open_functional_mri(request: ApplicationRequest) -> tuple[fc.MemorySeries, DataUsed]:
    """The series that nibabel carries."""
    used = DataUsed("functional MRI", True, "MIT", "functional.nii of PyPI's nibabel")
    return read_functional_mri(), used


ECHO = Study(
    name="echocardiogram",
    read=open_echocardiogram,
    shape=fc.WindowShape(inputs=10, targets=10),
    shares=(0.6, 0.17, 0.23),
    layers=(32, 32),
    kernel=5,
    patch=4,
    batch=4,
    steps=800,
    minutes=5.0,
    validate_every=50,
)
BRAIN = Study(
    name="functional_mri",
    read=open_functional_mri,
    shape=fc.WindowShape(inputs=3, targets=1),
    shares=(0.5, 0.2, 0.3),
    layers=(16,),
    kernel=3,
    patch=1,
    batch=4,
    steps=200,
    minutes=1.0,
    validate_every=10,
)


def run(request: ApplicationRequest) -> None:
    """Train, judge, and write what came out of each study, and ``scores.json`` with both.

    Raises:
        PerceptionError: when data is damaged or a training cannot run.
    """
    studies = [ECHO, BRAIN]
    if request.smoke:
        studies = [
            dataclasses.replace(
                ECHO,
                shape=fc.WindowShape(inputs=3, targets=2),
                layers=(8,),
                kernel=3,
                steps=6,
                validate_every=6,
            ),
            dataclasses.replace(BRAIN, layers=(4,), steps=6, validate_every=2),
        ]
    scores = {study.name: _run_study(study, request, len(studies)) for study in studies}
    write_json(request.output / "scores.json", {"use": NAME, "studies": scores})


def _run_study(study: Study, request: ApplicationRequest, studies: int) -> dict[str, object]:
    series, used = study.read(request)
    shape = study.shape
    data = ForecastData([series], fc.split_windows([series], shape, study.shares))
    scaling = fit_scaling("linear", data.series, data.split.train, shape)
    minutes = study.minutes if request.minutes is None else minutes_each(request, None, studies)
    config = ForecastConfig(
        data=(used.source,),
        inputs=shape.inputs,
        targets=shape.targets,
        split=study.shares,
        residual=True,
        hidden_channels=study.layers,
        kernel_size=study.kernel,
        patch_size=study.patch,
        batch_size=study.batch,
        steps=study.steps,
        minutes=minutes,
        validate_every=study.validate_every,
        seed=request.seed,
    )
    learner = Learner("ConvLSTM", ForecastTraining(config, series.shape[1], scaling))
    folder = request.output / study.name
    trained = train_learner(learner, data, request, folder)
    fitted = [kind(data.series, data.split.train, shape) for kind in (Autoregression, TrainingMean)]
    judged: list[fc.FrameForecaster] = [trained, *fitted, fc.Advection(), fc.LastFrame()]
    figures = fc.score(
        data.series, data.split.test, shape, judged, span=scaling.span, low=min(scaling.low)
    )
    contest = Contest(
        use=f"{NAME}, {study.name.replace('_', ' ')}",
        data=used,
        setting={
            "inputs": shape.inputs,
            "targets": shape.targets,
            "layers": list(study.layers),
            "kernel": study.kernel,
            "patch": study.patch,
            "batch": study.batch,
            "steps": study.steps,
            "minutes": minutes,
            "seed": request.seed,
            "frames": series.shape[0],
            "grid": list(series.shape[1:]),
            "windows": {
                part: len(data.split.part(part)) for part in ("train", "validation", "test")
            },
        },
        trained=[trained],
        figures=figures,
        shown=show(data, data.split.test[-1], shape, judged[:3]),
        notes=[SMOKE_NOTE] if request.smoke else [],
        units=series.labels.units,
    )
    contest.write(folder)
    contest.print(folder)
    return contest.to_dict()
