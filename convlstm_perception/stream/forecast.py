"""Where tracks will be, from their past boxes: by a learned decoder, or by constant velocity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from convlstm_perception.engine.base import Engine
from convlstm_perception.stream.kinematics import constant_velocity
from convlstm_perception.types import Float32Array


@dataclass(frozen=True)
class TrackPast:
    """What is known of one track.

    Attributes:
        ages: (n,) float32 seconds before now, increasing; the first is 0.
        boxes: (n, 4) float32 centre x, centre y, width, height in pixels then.
    """

    ages: Float32Array
    boxes: Float32Array


class TrackForecaster(Protocol):
    """Future boxes of tracks.

    Attributes:
        history: seconds of past boxes that it reads.
    """

    history: float

    def forecast(self, pasts: Sequence[TrackPast]) -> tuple[Float32Array, Float32Array]:
        """(N, H, 4) boxes and (N, H, 4) variances, in pixels and pixels squared."""
        ...


class ConstantVelocityForecaster:
    """Straight on (see :func:`constant_velocity`).

    Args:
        times: (H,) seconds from now.
    """

    history = 0.8

    def __init__(self, times: Float32Array) -> None:
        self._times = times

    def forecast(self, pasts: Sequence[TrackPast]) -> tuple[Float32Array, Float32Array]:
        """As :class:`TrackForecaster`."""
        shape = (len(pasts), len(self._times), 4)
        boxes, variances = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for row, past in enumerate(pasts):
            boxes[row], variances[row] = constant_velocity(past.ages, past.boxes, self._times)
        return boxes, variances


class DecoderForecaster:
    """A bundle's track decoder.

    Args:
        engine: of ``tracks.onnx``: ``boxes`` (N, S, 4) and ``valid`` (N, S), newest slot first, to
            ``future_boxes`` and ``future_scales`` (N, H, 4).
        step: seconds between the slots.
        calibration: factor of the scales.
    """

    def __init__(self, engine: Engine, step: float, calibration: float = 1.0) -> None:
        self._engine, self._step, self._calibration = engine, step, calibration
        self._inputs = {name: spec.allocate() for name, spec in engine.inputs.items()}
        self._outputs = {name: spec.allocate() for name, spec in engine.outputs.items()}
        self._batch, self._slots = engine.inputs["valid"].shape
        self.history = self._slots * step

    def forecast(self, pasts: Sequence[TrackPast]) -> tuple[Float32Array, Float32Array]:
        """As :class:`TrackForecaster`.

        Raises:
            EngineError: when inference fails.
        """
        shape = (len(pasts), *self._outputs["future_boxes"].shape[1:])
        boxes, variances = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for first in range(0, len(pasts), self._batch):
            some = pasts[first : first + self._batch]
            for row, past in enumerate(some):
                self._inputs["boxes"][row], self._inputs["valid"][row] = on_grid(
                    past.ages, past.boxes, self._slots, self._step
                )
            self._engine.run(self._inputs, self._outputs)
            rows = np.s_[first : first + len(some)]
            boxes[rows] = self._outputs["future_boxes"][: len(some)]
            # Laplace scale b: the variance is 2 b^2.
            scales = self._calibration * self._outputs["future_scales"][: len(some)]
            variances[rows] = 2.0 * np.square(scales)
        return boxes, variances


def on_grid(
    ages: np.ndarray, boxes: np.ndarray, slots: int, step: float
) -> tuple[Float32Array, Float32Array]:
    """A track's boxes on the grid of ages 0, step, ..., interpolated between neighbours.

    Args:
        ages: (n,) seconds before now, increasing, the first 0.
        boxes: (n, 4).
        slots, step: of the grid.

    Returns:
        (slots, 4) boxes and (slots,) 1 where the track is old enough, else 0.
    """
    grid = np.arange(slots) * step
    values = np.stack([np.interp(grid, ages, column) for column in boxes.T], axis=1)
    # Beyond the oldest box nothing is known: a value held there would look like a slower walk.
    known = grid <= ages[-1] + 0.1 * step
    return (values * known[:, None]).astype(np.float32), known.astype(np.float32)
