"""Scaling goes there and back, fits the training part alone, and knows missing values."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from convlstm_perception.errors import ParameterError, SourceError
from convlstm_perception.forecasting import (
    MemorySeries,
    ValueScaling,
    WindowShape,
    fit_scaling,
    split_windows,
)
from convlstm_perception.forecasting.losses import masked_loss
from convlstm_perception.forecasting.scaling import ScalingKind, filled


@pytest.mark.parametrize("kind", ["linear", "log"])
def test_restoring_gives_the_values_again(kind: ScalingKind) -> None:
    scaling = ValueScaling(kind, (250.0, 0.0), (310.0, 80.0))
    values = np.random.default_rng(0).uniform(0, 1, (3, 2, 4, 5)).astype(np.float32)
    values = values * np.array([60, 80])[:, None, None] + np.array([250, 0])[:, None, None]
    values = values.astype(np.float32)
    values[0, 0, 0, 0] = np.nan
    scaled = scaling.scale(values)
    known = np.isfinite(values)
    assert scaled[known].min() >= 0 and scaled[known].max() <= 1
    assert (np.isfinite(scaled) == known).all()
    np.testing.assert_allclose(scaling.restore(scaled), values, rtol=1e-5, atol=1e-4)


def test_scaled_values_are_those_of_the_equations() -> None:
    values = np.array([[[2.0, 5.0, 12.0]]], np.float32)
    linear = ValueScaling("linear", (2.0,), (12.0,)).scale(values)
    np.testing.assert_allclose(linear, [[[0.0, 0.3, 1.0]]], atol=1e-6)
    log = ValueScaling("log", (2.0,), (12.0,)).scale(values)
    np.testing.assert_allclose(log, [[[0.0, np.log(4) / np.log(11), 1.0]]], atol=1e-6)


def test_rain_is_never_forecast_below_none() -> None:
    answer = np.array([[[-0.5, 0.5]]], np.float32)
    assert ValueScaling("log", (0.0,), (9.0,)).restore(answer).min() == 0.0
    assert ValueScaling("linear", (0.0,), (10.0,)).restore(answer).min() == -5.0
    assert ValueScaling("linear", (0.0,), (10.0,), clip=True).restore(answer).min() == 0.0


def test_the_range_is_that_of_the_training_part_alone() -> None:
    values = np.zeros((20, 1, 2, 2), np.float32)
    values[3], values[15], values[4, 0, 0, 0] = 7.0, 99.0, np.nan
    series, shape = [MemorySeries(values)], WindowShape(2, 1)
    split = split_windows(series, shape, (0.6, 0.2, 0.2))
    scaling = fit_scaling("linear", series, split.train, shape)
    assert (scaling.low, scaling.high) == ((0.0,), (7.0,))


def test_values_that_do_not_vary_are_refused() -> None:
    series, shape = [MemorySeries(np.ones((9, 1, 2, 2)))], WindowShape(2, 1)
    split = split_windows(series, shape, (1.0, 0.0, 0.0))
    with pytest.raises(ParameterError, match=r"channel 0: low 1\.0 is not below high 1\.0"):
        fit_scaling("linear", series, split.train, shape)


def test_other_channels_than_trained_on_are_refused() -> None:
    with pytest.raises(SourceError, match="3 channels, but the scaling is of 1"):
        ValueScaling("linear", (0.0,), (1.0,)).scale(np.zeros((2, 3, 4, 4), np.float32))


@pytest.mark.parametrize("name", ["mse", "mae", "cross_entropy"])
def test_missing_values_do_not_reach_the_loss(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    answer = torch.randn(2, 3, 1, 4, 4, generator=generator).requires_grad_()
    target = torch.rand(2, 3, 1, 4, 4, generator=generator)
    known = torch.rand(2, 3, 1, 4, 4, generator=generator) < 0.5
    loss = masked_loss(name, answer, target, known)  # type: ignore[arg-type]
    by_hand = {
        "mse": (answer - target) ** 2,
        "mae": (answer - target).abs(),
        "cross_entropy": -target * answer.sigmoid().log()
        - (1 - target) * (1 - answer.sigmoid()).log(),
    }
    torch.testing.assert_close(loss, by_hand[name][known].mean())
    wild = torch.where(known, target, torch.inf)
    other = masked_loss(name, answer, filled(wild.numpy()), known)  # type: ignore[arg-type]
    torch.testing.assert_close(other, loss)
    loss.backward()
    assert answer.grad is not None
    assert (answer.grad[~known] == 0).all() and (answer.grad[known] != 0).any()
