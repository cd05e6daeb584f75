"""Figures against values worked out by hand, and against an implementation apart."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from convlstm_perception.forecasting import (
    Advection,
    ForecastScore,
    LastFrame,
    MemorySeries,
    WindowShape,
    score,
    split_windows,
)
from convlstm_perception.types import Float32Array

_RANDOM = np.random.default_rng(3)


def test_figures_by_hand() -> None:
    """One window of two lead times of 2x2 pixels; one pixel of the second is missing."""
    truth = np.array([[[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [5.0, np.nan]]], np.float32)
    forecast = np.array([[[1.0, 4.0], [0.0, 4.0]], [[4.0, 0.0], [5.0, 9.0]]], np.float32)
    gathered = ForecastScore(2, span=5.0, thresholds=[3.0])
    gathered.update(forecast[None, :, None], truth[None, :, None])
    figures = gathered.figures()
    assert figures.windows == 1
    assert figures.mse_by_lead == pytest.approx([(4 + 9) / 4, 16 / 3])
    assert figures.mae_by_lead == pytest.approx([(2 + 3) / 4, 4 / 3])
    assert figures.mse == pytest.approx(29 / 7)
    assert figures.mae == pytest.approx(9 / 7)
    assert figures.mse_frame == pytest.approx(29 / 2)
    assert figures.mae_frame == pytest.approx(9 / 2)
    assert figures.ssim is None  # smaller than its window
    # At or above 3, truth and forecast. First: hit (4, 4), miss (3, 0), false alarm (2, 4).
    # Second: hit (5, 5), false alarm (0, 4).
    (event,) = figures.thresholds
    assert event.csi_by_lead == pytest.approx([1 / 3, 1 / 2])
    assert event.pod_by_lead == pytest.approx([1 / 2, 1.0])
    assert event.far_by_lead == pytest.approx([1 / 2, 1 / 2])
    assert (event.csi, event.pod, event.far) == pytest.approx((2 / 5, 2 / 3, 2 / 4))


def test_what_never_happened_has_no_figure() -> None:
    gathered = ForecastScore(1, span=1.0, thresholds=[100.0])
    gathered.update(np.zeros((1, 1, 1, 2, 2)), np.zeros((1, 1, 1, 2, 2)))
    event = gathered.figures().thresholds[0]
    assert (event.csi, event.pod, event.far) == (None, None, None)
    assert gathered.figures().to_dict()["thresholds"][0]["csi_by_lead"] == (None,)


def test_frames_of_which_nothing_is_known_have_no_figure() -> None:
    truth = np.full((1, 2, 1, 12, 12), np.nan, np.float32)
    truth[:, 0] = _RANDOM.random((12, 12))
    gathered = ForecastScore(2, span=1.0)
    gathered.update(np.zeros_like(truth), truth)
    figures = gathered.figures()
    assert figures.mse_by_lead[1] is None and figures.ssim_by_lead[1] is None
    assert figures.mse_by_lead[0] is not None and figures.ssim_by_lead[0] is not None


def _fields() -> tuple[Float32Array, Float32Array]:
    truth = gaussian_filter(_RANDOM.normal(size=(3, 4, 2, 24, 20)), (0, 0, 0, 2, 2))
    forecast = truth + 0.05 * _RANDOM.normal(size=truth.shape)
    return (40 * forecast + 280).astype(np.float32), (40 * truth + 280).astype(np.float32)


def _similarity(one: np.ndarray, other: np.ndarray, span: float) -> np.ndarray:
    """The map of Wang et al. 2004 by scipy, in float64; `mirror` is what reflection is called."""

    def smooth(values: np.ndarray) -> np.ndarray:
        return gaussian_filter(values, 1.5, radius=5, mode="mirror")

    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    mean_one, mean_other = smooth(one), smooth(other)
    variance_one = smooth(one * one) - mean_one**2
    variance_other = smooth(other * other) - mean_other**2
    covariance = smooth(one * other) - mean_one * mean_other
    above = (2 * mean_one * mean_other + c1) * (2 * covariance + c2)
    below = (mean_one**2 + mean_other**2 + c1) * (variance_one + variance_other + c2)
    return above / below


def test_similarity_against_scipy() -> None:
    forecast, truth = _fields()
    low, span = float(truth.min()), float(np.ptp(truth))
    gathered = ForecastScore(4, span, low)
    gathered.update(forecast, truth)
    flat = [values.astype(np.float64).reshape(-1, 24, 20) - low for values in (forecast, truth)]
    maps = np.stack([_similarity(*pair, span) for pair in zip(*flat, strict=True)])
    by_lead = maps.reshape(truth.shape).mean(axis=(0, 2, 3, 4))
    assert gathered.figures().ssim_by_lead == pytest.approx(by_lead, abs=1e-4)
    assert 0.2 < by_lead.mean() < 0.98  # neither trivially right nor wrong


def test_a_perfect_forecast_is_perfectly_similar() -> None:
    _, truth = _fields()
    gathered = ForecastScore(4, float(np.ptp(truth)), float(truth.min()))
    gathered.update(truth, truth)
    assert gathered.figures().ssim == pytest.approx(1.0, abs=1e-5)


def test_batches_add_up() -> None:
    forecast, truth = _fields()
    truth[0, 1, 0, :5] = np.nan
    at_once, one_by_one = (ForecastScore(4, 1.0, thresholds=[280.0]) for _ in range(2))
    at_once.update(forecast, truth)
    for index in range(3):
        one_by_one.update(forecast[index : index + 1], truth[index : index + 1])
    assert one_by_one.figures().mse == pytest.approx(at_once.figures().mse)
    assert one_by_one.figures().thresholds[0].csi == at_once.figures().thresholds[0].csi


def test_a_forecast_that_is_not_finite_is_an_error() -> None:
    with pytest.raises(ValueError, match="not finite"):
        ForecastScore(1, 1.0).update(np.full((1, 1, 1, 2, 2), np.nan), np.zeros((1, 1, 1, 2, 2)))


def test_forecasters_are_judged_on_the_same_windows_without_missing_values() -> None:
    values = _RANDOM.random((12, 1, 16, 16)).astype(np.float32)
    values[7, 0, 3:5] = np.nan
    series, shape = [MemorySeries(values)], WindowShape(3, 2)
    split = split_windows(series, shape, (0.0, 0.0, 1.0))
    figures = score(series, split.test, shape, [LastFrame(), Advection()], batch_size=3)
    assert [one.windows for one in figures.values()] == [8, 8]
    errors = []
    for window in split.test:
        # Persistence by hand: the last value that is known.
        seen = values[window.start : window.start + 3, 0]
        last = np.where(np.isfinite(seen[-1]), seen[-1], seen[-2])
        errors.append((values[window.start + 3 : window.start + 5, 0] - last).ravel())
    assert figures["last frame"].mse == pytest.approx(np.nanmean(np.concatenate(errors) ** 2))
