"""Training learns, goes on where it was, and leaves a checkpoint that needs nothing else."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from convlstm_perception.errors import BundleError, ParameterError, SourceError
from convlstm_perception.forecasting import MemorySeries, score
from convlstm_perception.forecasting.checkpoint import TrainedForecaster
from convlstm_perception.forecasting.config import ForecastConfig
from convlstm_perception.forecasting.data import make_scaling, open_data
from convlstm_perception.forecasting.judgement import judge
from convlstm_perception.forecasting.module import ForecastTraining, rate_at
from convlstm_perception.forecasting.prediction import predict
from convlstm_perception.forecasting.run import train
from convlstm_perception.training.hardware import Hardware
from tests.support.fields import moving_stripes

_CPU = Hardware("cpu", 1)


def _config(folder: Path, **changes: Any) -> ForecastConfig:
    path = folder / "stripes.npy"
    if not path.exists():
        np.save(path, moving_stripes(80, 16))
    values: dict[str, Any] = {
        "data": (str(path),),
        "output": str(folder / "out"),
        "inputs": 3,
        "targets": 2,
        "split": (0.6, 0.2, 0.2),
        "hidden_channels": (4,),
        "kernel_size": 3,
        "steps": 4,
        "validate_every": 2,
        "validation_windows": 4,
        "batch_size": 4,
    }
    return ForecastConfig(**{**values, **changes})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ForecastConfig]:
    folder = tmp_path_factory.mktemp("trained")
    config = _config(folder)
    return train(config, _CPU), config


def test_the_checkpoint_is_enough(trained: tuple[Path, ForecastConfig]) -> None:
    path, config = trained
    (series,) = open_data(config).series
    inputs = series.read(10, 13)[None]
    Path(config.data[0]).rename(f"{config.data[0]}.gone")
    forecaster = TrainedForecaster.load(path, "cpu")
    assert forecaster.config == config
    assert forecaster.scaling.low == pytest.approx((0.0,), abs=0.1)
    first = forecaster.forecast(inputs, 5)
    assert first.shape == (1, 5, 1, 16, 16) and np.isfinite(first).all()
    np.testing.assert_array_equal(TrainedForecaster.load(path, "cpu").forecast(inputs, 5), first)
    Path(f"{config.data[0]}.gone").rename(config.data[0])


def test_the_best_validation_is_kept(tmp_path: Path) -> None:
    config = _config(tmp_path, steps=30, learning_rate=0.02)
    best = TrainedForecaster.load(train(config, _CPU), "cpu")
    last = TrainedForecaster.load(tmp_path / "out" / "last.ckpt", "cpu")
    data = open_data(config)
    few = data.split.validation[:: len(data.split.validation) // 4]
    errors = [score(data.series, few, config.windows, [one])[one.name].mse for one in (best, last)]
    assert errors[0] is not None and errors[1] is not None
    assert errors[0] <= errors[1] * 1.05


def test_a_run_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(_config(tmp_path), _CPU)
    steps: list[int] = []
    plain = ForecastTraining.training_step

    def counted(self: ForecastTraining, batch: Any, batch_index: int) -> torch.Tensor:
        steps.append(self.global_step)
        return plain(self, batch, batch_index)

    monkeypatch.setattr(ForecastTraining, "training_step", counted)
    train(_config(tmp_path, steps=7), _CPU, resume=True)
    assert steps == [4, 5, 6]


@pytest.mark.parametrize(("falls", "kept"), [(True, 5), (False, 4)])
def test_the_last_steps_are_kept_if_they_are_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, falls: bool, kept: int
) -> None:
    def validate(self: ForecastTraining, batch: Any, batch_index: int) -> None:
        loss = 1.0 / (1 + self.global_step) if falls else float(self.global_step)
        self.log("validation/loss", loss)

    monkeypatch.setattr(ForecastTraining, "validation_step", validate)
    path = train(_config(tmp_path, steps=5, validate_every=4), _CPU)
    assert torch.load(path, weights_only=True)["global_step"] == kept


def test_the_scaling_is_that_of_the_training_part(tmp_path: Path) -> None:
    values = moving_stripes(80, 16)
    values[70:] *= 9.0
    np.save(tmp_path / "stripes.npy", values)
    config = _config(tmp_path)
    scaling = make_scaling(config, open_data(config))
    assert scaling.high == pytest.approx((10.0,), abs=0.1)
    given = make_scaling(_config(tmp_path, high=(50.0,), clip=True), open_data(config))
    assert given.high == (50.0,) and given.low == scaling.low and given.clip


def test_minutes_end_a_training(tmp_path: Path) -> None:
    config = _config(tmp_path, steps=10**6, validate_every=10**5, minutes=0.03)
    path = train(config, _CPU)
    stored = torch.load(path, weights_only=True)
    assert 0 < stored["global_step"] < 10**5
    assert TrainedForecaster.load(path, "cpu").config.minutes == 0.03


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "cross_entropy", "crop": 9},
        {"loss": "mae", "residual": True, "scaling": "log"},
        {"network": {"recurrence": "depthwise"}, "memory_mib": 0, "workers": 1},
    ],
)
def test_options_train_and_forecast(tmp_path: Path, changes: dict[str, Any]) -> None:
    values = moving_stripes(80, 18)[:, :, :17].copy()  # not a whole number of patches
    values[:, :2, :2] = np.nan
    np.save(tmp_path / "stripes.npy", values)
    config = _config(tmp_path, steps=2, **changes)
    judgement = judge(TrainedForecaster.load(train(config, _CPU), "cpu"))
    assert list(judgement.figures) == ["ConvLSTM", "last frame", "advection"]
    assert all(math.isfinite(one.mse or math.nan) for one in judgement.figures.values())


def test_a_probability_is_forecast_within_the_range(tmp_path: Path) -> None:
    config = _config(tmp_path, loss="cross_entropy", steps=2)
    forecaster = TrainedForecaster.load(train(config, _CPU), "cpu")
    wild = np.full((1, 3, 1, 16, 16), 1000.0, np.float32)
    answer = forecaster.forecast(wild, 2)
    assert answer.min() >= 0.0 and answer.max() <= 10.0


def test_a_prediction_is_of_the_frames_after_its_place(
    trained: tuple[Path, ForecastConfig],
) -> None:
    path, _ = trained
    forecaster = TrainedForecaster.load(path, "cpu")
    fields = moving_stripes(30, 16)
    fields[:, :3, :3] = np.nan
    series = MemorySeries(fields[:, None])
    middle = predict(forecaster, series, at=10, steps=4)
    np.testing.assert_array_equal(middle.shown.inputs[:, 0], fields[7:10])
    assert middle.shown.truth is not None
    np.testing.assert_array_equal(middle.shown.truth[:, 0], fields[10:14])
    assert list(middle.figures) == ["ConvLSTM", "last frame", "advection"]
    assert middle.figures["last frame"].mse == pytest.approx(
        np.nanmean((fields[10:14] - fields[9]) ** 2)
    )
    assert np.isnan(middle.frames[:, 0, :3, :3]).all()
    assert np.isfinite(middle.frames[:, 0, 3:]).all()
    almost = predict(forecaster, series, at=28, steps=4)
    assert almost.figures["ConvLSTM"].mse_by_lead[2:] == (None, None)
    end = predict(forecaster, series)
    assert end.at == 30 and end.shown.truth is None and not end.figures
    assert end.frames.shape == (2, 1, 16, 16)
    with pytest.raises(ParameterError, match=r"at: 2: .* has 30 frames.*expected 3 to 30"):
        predict(forecaster, series, at=2)


def test_data_that_do_not_fit_are_refused(
    trained: tuple[Path, ForecastConfig], tmp_path: Path
) -> None:
    forecaster = TrainedForecaster.load(trained[0], "cpu")
    with pytest.raises(SourceError, match="3 channels, but the scaling is of 1"):
        predict(forecaster, MemorySeries(np.zeros((9, 3, 16, 16))))
    with pytest.raises(ParameterError, match="crop: 99: the fields have 16x16 pixels"):
        train(_config(tmp_path, crop=99), _CPU)
    with pytest.raises(ParameterError, match="the network cannot be made"):
        train(_config(tmp_path, network={"recurrence": "circular"}), _CPU)
    with pytest.raises(ParameterError, match="low: 2 numbers for 1 channels"):
        train(_config(tmp_path, low=(0.0, 1.0)), _CPU)


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.ckpt").write_bytes(b"nothing of the kind")
    with pytest.raises(BundleError, match=r"not a checkpoint of .* forecast train"):
        TrainedForecaster.load(tmp_path / "a.ckpt")
    with pytest.raises(BundleError, match=r"none\.ckpt"):
        TrainedForecaster.load(tmp_path / "none.ckpt")


def test_the_rate_rises_and_falls() -> None:
    rates = [rate_at(share) for share in (0.0, 0.025, 0.05, 0.5, 1.0, 1.2)]
    assert rates[0] == 0.01 and rates[1] == 0.5 and rates[2] == 1.0
    assert 0.3 < rates[3] < 0.7
    assert rates[4] == pytest.approx(0.01) and rates[5] == pytest.approx(0.01)
