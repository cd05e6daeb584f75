"""Advection: what is in the last frame goes on moving as it moved between the last frames.

The motion is a dense optical flow; the field is carried along it by a backward semi-Lagrangian
scheme with one interpolation, as in Germann and Zawadzki 2002, "Scale-dependence of the
predictability of precipitation from continental radar images", part I, section 4.
"""

from __future__ import annotations

import itertools
from typing import Any

import cv2
import numpy as np

from convlstm_perception.errors import ParameterError
from convlstm_perception.forecasting.forecasters import latest_known
from convlstm_perception.types import Float32Array

_LEAST_SIDE = 16  # pixels, below which a pyramid of flow has nothing to stand on
_BRIGHTEST = 255.0
_BULK = 99.9  # percentile of the values that white stands for: one hot pixel must not dim the rest


class Advection:
    """Extrapolates along the optical flow (DIS, Kroeger et al. 2016) of the last frames.

    What comes in over an edge is unknown; the edge's values stand for it.

    Args:
        pairs: neighbouring frames, the last ones, whose flows are averaged.

    Raises:
        ParameterError: for fewer than one pair.
    """

    name = "advection"

    def __init__(self, pairs: int = 3) -> None:
        if pairs < 1:
            raise ParameterError(f"advection: {pairs} pairs of frames; at least 1")
        self._pairs = pairs

    def forecast(self, inputs: Float32Array, steps: int) -> Float32Array:
        """See :class:`FrameForecaster`; frames that are too small for a flow stay as they are."""
        answers = [self._extrapolate(window, steps) for window in inputs]
        return np.stack(answers)

    def _extrapolate(self, frames: Float32Array, steps: int) -> Float32Array:
        last = latest_known(frames[None])[0]
        flow = mean_flow(frames, self._pairs)
        return advect(last, flow, steps)


def mean_flow(frames: Float32Array, pairs: int) -> Float32Array:
    """(H, W, 2) pixels a frame, right and down, averaged over the last pairs of frames.

    Args:
        frames: (T, C, H, W); NaN where a value is missing. One flow serves all channels.
        pairs: how many; fewer where there are fewer frames.
    """
    height, width = frames.shape[-2:]
    flow = np.zeros((height, width, 2), np.float32)
    pairs = min(pairs, len(frames) - 1)
    if pairs < 1 or min(height, width) < _LEAST_SIDE:
        return flow
    grey = _grey(frames[-pairs - 1 :])
    method: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    method.setFinestScale(0)
    for before, after in itertools.pairwise(grey):
        # From after to before: where each pixel of the later frame came from.
        flow -= method.calc(after, before, None)
    return flow / pairs


def advect(field: Float32Array, flow: Float32Array, steps: int) -> Float32Array:
    """(steps, C, H, W): a (C, H, W) field carried along a (H, W, 2) flow that stays as it is.

    The way back from each pixel is followed step by step through the flow, and the field is read
    once, at its end: interpolating again at each step would blur it.
    """
    height, width = field.shape[-2:]
    columns, rows = np.meshgrid(
        np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    )
    grid = np.stack([columns, rows], axis=-1)
    place = grid.copy()
    answers = []
    for _ in range(steps):
        # Midpoint: the flow half a step back stands for the whole step.
        half = place - 0.5 * _sample(flow, place)
        place = place - _sample(flow, half)
        answers.append(np.stack([_sample(channel, place) for channel in field]))
    return np.stack(answers).astype(np.float32)


def _sample(values: Float32Array, places: Float32Array) -> Float32Array:
    """Bilinear values at (H, W, 2) places (column, row); beyond an edge, those of the edge."""
    sampled = cv2.remap(
        values, places, None, interpolation=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(sampled, np.float32)


def _grey(frames: Float32Array) -> list[np.ndarray]:
    """Frames as 8-bit images on one scale; missing values are as dark as the darkest."""
    known = np.isfinite(frames)
    values = frames[known]
    if not len(values):
        return [np.zeros(frames.shape[-2:], np.uint8)] * len(frames)
    low, high = float(values.min()), float(np.percentile(values, _BULK))
    span = high - low or 1.0
    mean = np.where(known, (frames - low) / span, 0.0).mean(axis=1)
    return list((np.clip(mean, 0.0, 1.0) * _BRIGHTEST).round().astype(np.uint8))
