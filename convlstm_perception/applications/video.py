"""Video prediction: Moving MNIST, ten frames seen and ten asked for (Shi et al. 2015, section 4.1).

ConvLSTMs of different depth beside an FC-LSTM and the last frame, all trained on the same
sequences in the same run. The usual setting is the paper's scaled down to a processor; ``full`` is
the paper's own.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

from convlstm_perception import forecasting as fc
from convlstm_perception.applications.contest import (
    SMOKE_NOTE,
    Contest,
    Learner,
    minutes_each,
    show,
    train_learner,
)
from convlstm_perception.applications.drawn_digits import draw_digits
from convlstm_perception.applications.fc_lstm import FullyConnectedForecaster
from convlstm_perception.applications.handwritten_digits import LICENCE, DigitImages, open_digits
from convlstm_perception.applications.moving_digits import SPEED, moving_digits
from convlstm_perception.applications.odds import LastFrameOdds, cross_entropy
from convlstm_perception.applications.request import ApplicationRequest, DataUsed, warn_instead
from convlstm_perception.errors import SourceError
from convlstm_perception.forecasting.config import ForecastConfig
from convlstm_perception.forecasting.data import ForecastData
from convlstm_perception.forecasting.fields import FieldSeries
from convlstm_perception.forecasting.module import ForecastTraining
from convlstm_perception.forecasting.scaling import ValueScaling

NAME = "video"
SHAPE = fc.WindowShape(inputs=10, targets=10)

PUBLISHED = {
    "Shi et al. 2015, table 1: cross-entropy per sequence": {
        "FC-LSTM, 2048-2048": 4832.49,
        "ConvLSTM, 256": 3887.94,
        "ConvLSTM, 128-128": 3733.56,
        "ConvLSTM, 128-64-64": 3670.85,
    },
    "OpenSTL, ConvLSTM-S, 200 epochs, on its own test set: per frame": {
        "mse_frame": 29.80,
        "mae_frame": 90.64,
        "ssim": 0.9288,
    },
}

_ODDS_WINDOWS = 500  # to count on
_SHOWN = 2  # number of the test sequence in the pictures


@dataclass(frozen=True)
class VideoSetting:
    """A size of the experiment.

    Attributes:
        sequences: for training, validation and test.
        digits: different pictures of digits to train with; None for all there are.
        unseen_digits: whether the test is on digits that were not trained with.
        layers: hidden channels of each ConvLSTM.
        units: of each layer of each FC-LSTM, which have two.
        batch: sequences of a step.
        steps: at most.
        minutes: at most, of all networks together; None for no limit.
        validate_every: steps.
        patience: validations without a better one that end a training.
        constant_rate: the learning rate stays, as the paper's; else it rises and falls.
        peepholes: as the paper has them.
        kernel, patch: of the ConvLSTMs.
        side: of the frames; digits and their speed shrink with it.
        learning_rate: of RMSProp; its peak.
    """

    sequences: tuple[int, int, int]
    digits: int | None
    unseen_digits: bool
    layers: tuple[tuple[int, ...], ...]
    units: tuple[int, ...]
    batch: int
    steps: int
    minutes: float | None
    validate_every: int
    patience: int | None = None
    constant_rate: bool = False
    peepholes: bool = False
    kernel: int = 5
    patch: int = 4
    side: int = 64
    learning_rate: float = 1e-3


FULL = VideoSetting(
    sequences=(10_000, 2_000, 3_000),
    digits=500,
    unseen_digits=False,
    layers=((256,), (128, 128), (128, 64, 64)),
    units=(2048,),
    batch=16,
    steps=200_000,
    minutes=None,
    validate_every=625,
    patience=20,
    constant_rate=True,
    peepholes=True,
)
SCALED = VideoSetting(
    sequences=(10_000, 64, 300),
    digits=None,
    unseen_digits=True,
    layers=((64,), (48, 48)),
    units=(512, 72),
    batch=16,
    steps=3000,
    minutes=60.0,
    validate_every=300,
    kernel=3,
    side=32,
    learning_rate=3e-3,
)
SMOKE = dataclasses.replace(
    SCALED,
    sequences=(32, 4, 6),
    layers=((8,), (8, 8)),
    units=(16,),
    batch=4,
    steps=6,
    minutes=None,
    validate_every=6,
)


class RmsPropTraining(ForecastTraining):
    """With the optimiser of Shi et al., RMSProp with a decay of 0.9.

    AdamW's first steps lead to a grey mean, which it then takes thousands of steps to leave.
    """

    def make_optimizer(self) -> torch.optim.Optimizer:
        """See :class:`ForecastTraining`."""
        return torch.optim.RMSprop(self.parameters(), lr=self.config.learning_rate, alpha=0.9)


class PaperTraining(RmsPropTraining):
    """At a constant rate, as Shi et al."""

    def configure_optimizers(self) -> Any:
        """See Lightning."""
        return self.make_optimizer()


def run(request: ApplicationRequest) -> None:
    """Train, judge, and write what came out.

    Raises:
        PerceptionError: when data is damaged or a training cannot run.
    """
    setting = FULL if request.full else SMOKE if request.smoke else SCALED
    training_digits, test_digits, used = find_digits(request, setting)
    data = make_data(setting, training_digits, test_digits, request.seed)
    learners = make_learners(setting, request, used)
    trained = [train_learner(one, data, request, request.output) for one in learners]
    odds = LastFrameOdds(data.series, data.split.train[:_ODDS_WINDOWS], SHAPE)
    judged: list[fc.FrameForecaster] = [*trained, odds]
    figures = fc.score(
        data.series, data.split.test, SHAPE, [*judged, fc.LastFrame()], span=1.0, low=0.0
    )
    more = {
        one.name: {"cross_entropy": cross_entropy(data.series, data.split.test, SHAPE, one)}
        for one in judged
    }
    window = data.split.test[min(_SHOWN, len(data.split.test) - 1)]
    contest = Contest(
        use=NAME,
        data=used,
        setting={**dataclasses.asdict(setting), "seed": request.seed},
        trained=trained,
        figures=figures,
        shown=show(data, window, SHAPE, trained),
        more=more,
        notes=[SMOKE_NOTE] if request.smoke else [],
        published=PUBLISHED if request.full else {},
    )
    contest.write(request.output)
    contest.print(request.output)


def find_digits(
    request: ApplicationRequest, setting: VideoSetting
) -> tuple[np.ndarray, np.ndarray, DataUsed]:
    """(N, 28, 28) digits to train with, to test with, and what they are.

    Raises:
        SourceError: when a folder is named that holds none.
    """
    try:
        training, test = (open_digits(part, request.data) for part in ("train", "test"))
    except SourceError as error:
        if request.data is not None:
            raise
        training, test = (draw_digits(400, request.seed + more) for more in (0, 1))
        warn_instead(
            f"{error}", training.source, "Give --data the folder of MNIST's idx files otherwise."
        )
        return training.images, test.images, DataUsed("moving digits", False, "", training.source)
    chosen = training.images
    if setting.digits is not None:
        random = np.random.default_rng(request.seed)
        chosen = chosen[random.choice(len(chosen), setting.digits, replace=False)]
    return chosen, test.images if setting.unseen_digits else chosen, _mnist(training)


def _mnist(training: DigitImages) -> DataUsed:
    return DataUsed("Moving MNIST, made here", True, f"digits: {LICENCE}", training.source)


def make_data(
    setting: VideoSetting, training: np.ndarray, test: np.ndarray, seed: int
) -> ForecastData:
    """Sequences of each part; no two parts have one in common."""
    share = setting.side / FULL.side
    slowest, fastest = (share * speed for speed in SPEED)
    training, test = (shrunk(digits, share) for digits in (training, test))
    parts: list[tuple[fc.Window, ...]] = []
    series: list[FieldSeries] = []
    for number, count in enumerate(setting.sequences):
        digits = test if number == 2 else training
        parts.append(tuple(fc.Window(len(series) + index, 0) for index in range(count)))
        series += moving_digits(
            digits, count, 3 * seed + number, side=setting.side, speed=(slowest, fastest)
        )
    return ForecastData(series, fc.Split(*parts))


def shrunk(digits: npt.NDArray[np.uint8], share: float) -> npt.NDArray[np.uint8]:
    """(N, S, S) pictures with ``share`` of the pixels along each side, by their mean."""
    if share == 1.0:
        return digits
    side = round(share * digits.shape[1])
    small = [cv2.resize(one, (side, side), interpolation=cv2.INTER_AREA) for one in digits]
    return np.stack(small).astype(np.uint8)


def make_learners(
    setting: VideoSetting, request: ApplicationRequest, used: DataUsed
) -> list[Learner]:
    """The ConvLSTMs, and the FC-LSTMs."""
    kind = PaperTraining if setting.constant_rate else RmsPropTraining
    scaling = ValueScaling("linear", (0.0,), (1.0,), clip=True)
    minutes = minutes_each(request, setting.minutes, len(setting.layers) + len(setting.units))
    common: dict[str, Any] = {
        "data": (used.source,),
        "inputs": SHAPE.inputs,
        "targets": SHAPE.targets,
        "loss": "cross_entropy",
        "kernel_size": setting.kernel,
        "patch_size": setting.patch,
        "network": {"peepholes": True} if setting.peepholes else None,
        "batch_size": setting.batch,
        "learning_rate": setting.learning_rate,
        "steps": setting.steps,
        "minutes": minutes,
        "validate_every": setting.validate_every,
        "validation_windows": setting.sequences[1],
        "patience": setting.patience,
        "seed": request.seed,
    }
    learners = []
    for layers in setting.layers:
        torch.manual_seed(request.seed)
        config = ForecastConfig(hidden_channels=layers, **common)
        name = f"ConvLSTM {'-'.join(map(str, layers))}"
        learners.append(Learner(name, kind(config, 1, scaling)))
    for units in setting.units:
        torch.manual_seed(request.seed)
        network = FullyConnectedForecaster((1, setting.side, setting.side), units)
        config = ForecastConfig(hidden_channels=(units, units), **common)
        learners.append(Learner(f"FC-LSTM {units}-{units}", kind(config, 1, scaling, network)))
    return learners
