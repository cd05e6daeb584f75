"""Figures of forecasts by lead time, in the data's own units, over known values alone.

For truth x and forecast y of the pixels i that are known:

* ``mse`` = mean of (y_i - x_i)^2, ``mae`` = mean of |y_i - x_i| over pixels, channels and frames.
* ``mse_frame``, ``mae_frame``: the same summed over a frame's pixels and channels, and then
  averaged over frames, as OpenSTL reports them (Tan et al. 2023, "OpenSTL: A Comprehensive
  Benchmark of Spatio-Temporal Predictive Learning").
* ``ssim``: structural similarity (Wang et al. 2004, "Image quality assessment: from error
  visibility to structural similarity", equation 13: Gaussian window of 11 pixels, sigma 1.5, K1
  0.01, K2 0.03), as torchmetrics computes its map; averaged over known pixels. None below 11 pixels
  of a side.
* at each threshold, of the pixels with hits H (y and x at or above it), misses M (x alone) and
  false alarms F (y alone): ``csi`` = H / (H + M + F), ``pod`` = H / (H + M), ``far`` = F / (H + F)
  (Wilks 2011, "Statistical Methods in the Atmospheric Sciences", section 8.2.2; CSI is his threat
  score). Counts are pooled before they are divided; None where nothing is to be divided by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torchmetrics.functional.image import structural_similarity_index_measure

from convlstm_perception.types import BoolArray, Float32Array, Float64Array

SSIM_WINDOW = 11  # pixels


@dataclass(frozen=True)
class ThresholdFigures:
    """Of the event "at or above a threshold"; see the module's text.

    Attributes:
        threshold: in the data's own units.
        csi, pod, far: all lead times pooled.
        csi_by_lead, pod_by_lead, far_by_lead: of each lead time.
    """

    threshold: float
    csi: float | None
    pod: float | None
    far: float | None
    csi_by_lead: tuple[float | None, ...]
    pod_by_lead: tuple[float | None, ...]
    far_by_lead: tuple[float | None, ...]


@dataclass(frozen=True)
class ForecastFigures:
    """How good one forecaster is; see the module's text.

    Attributes:
        windows: how many were judged.
        mse, mae, mse_frame, mae_frame, ssim: over all lead times.
        mse_by_lead, mae_by_lead, ssim_by_lead: of each lead time, the next frame first.
        thresholds: one for each threshold.
    """

    windows: int
    mse: float | None
    mae: float | None
    mse_frame: float | None
    mae_frame: float | None
    ssim: float | None
    mse_by_lead: tuple[float | None, ...]
    mae_by_lead: tuple[float | None, ...]
    ssim_by_lead: tuple[float | None, ...]
    thresholds: tuple[ThresholdFigures, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class ForecastScore:
    """Gathers forecasts beside their truth.

    Args:
        steps: lead times.
        span: range of the values, the L of the structural similarity.
        low: value that stands for missing ones in the windows of the structural similarity.
        thresholds: of events, in the data's own units.
    """

    def __init__(
        self, steps: int, span: float, low: float = 0.0, thresholds: Sequence[float] = ()
    ) -> None:
        self._span = span
        self._low = low
        self._thresholds = tuple(thresholds)
        self._windows = 0
        self._known = np.zeros(steps)
        self._squared = np.zeros(steps)
        self._absolute = np.zeros(steps)
        self._similar = np.zeros(steps)
        self._compared = np.zeros(steps)  # pixels of the similarity
        # (threshold, hit or missed or false alarm, lead time)
        self._events = np.zeros((len(self._thresholds), 3, steps))

    def update(self, forecast: Float32Array, truth: Float32Array) -> None:
        """Add forecasts.

        Args:
            forecast: (B, steps, C, H, W), finite.
            truth: the same shape, NaN where a value is missing.

        Raises:
            ValueError: for shapes that differ, or a forecast not finite where the truth is known.
        """
        if forecast.shape != truth.shape or truth.shape[1] != len(self._known):
            raise ValueError(
                f"forecast {forecast.shape}, truth {truth.shape}, lead times {len(self._known)}"
            )
        known = np.isfinite(truth)
        if not np.isfinite(forecast[known]).all():
            raise ValueError("a forecast is not finite where the truth is known")
        self._windows += len(truth)
        error = np.where(known, forecast.astype(np.float64) - np.where(known, truth, 0.0), 0.0)
        self._known += _by_lead(known)
        self._squared += _by_lead(error**2)
        self._absolute += _by_lead(np.abs(error))
        for events, threshold in zip(self._events, self._thresholds, strict=True):
            said, true = (forecast >= threshold) & known, (truth >= threshold) & known
            events += [_by_lead(said & true), _by_lead(true & ~said), _by_lead(said & ~true)]
        if min(truth.shape[-2:]) >= SSIM_WINDOW:
            self._add_similarity(forecast, truth, known)

    def figures(self) -> ForecastFigures:
        """Of everything added so far."""
        # Every window has the same lead times: as many frames of each as windows.
        frames = float(self._windows * len(self._known))
        return ForecastFigures(
            windows=self._windows,
            mse=_ratio(self._squared.sum(), self._known.sum()),
            mae=_ratio(self._absolute.sum(), self._known.sum()),
            mse_frame=_ratio(self._squared.sum(), frames),
            mae_frame=_ratio(self._absolute.sum(), frames),
            ssim=_ratio(self._similar.sum(), self._compared.sum()),
            mse_by_lead=_ratios(self._squared, self._known),
            mae_by_lead=_ratios(self._absolute, self._known),
            ssim_by_lead=_ratios(self._similar, self._compared),
            thresholds=tuple(
                _threshold_figures(threshold, *events)
                for threshold, events in zip(self._thresholds, self._events, strict=True)
            ),
        )

    def _add_similarity(
        self, forecast: Float32Array, truth: Float32Array, known: BoolArray
    ) -> None:
        """From 0 to 1, where float32 has digits enough for the differences of squares in it."""
        first, second = (
            torch.from_numpy(np.where(known, (values - self._low) / self._span, 0.0)).float()
            for values in (forecast, truth)
        )
        _, similar = structural_similarity_index_measure(
            first.flatten(0, 1), second.flatten(0, 1), data_range=1.0, return_full_image=True
        )
        self._similar += _by_lead(np.where(known, similar.reshape(first.shape).numpy(), 0.0))
        self._compared += _by_lead(known)


def _by_lead(values: np.ndarray) -> Float64Array:
    return values.sum(axis=(0, 2, 3, 4), dtype=np.float64)


def _threshold_figures(
    threshold: float, hits: Float64Array, misses: Float64Array, alarms: Float64Array
) -> ThresholdFigures:
    pairs = [(hits, hits + misses + alarms), (hits, hits + misses), (alarms, hits + alarms)]
    csi, pod, far = (_ratio(part.sum(), whole.sum()) for part, whole in pairs)
    return ThresholdFigures(threshold, csi, pod, far, *(_ratios(*pair) for pair in pairs))


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole > 0 else None


def _ratios(part: Float64Array, whole: Float64Array) -> tuple[float | None, ...]:
    return tuple(_ratio(*pair) for pair in zip(part, whole, strict=True))
