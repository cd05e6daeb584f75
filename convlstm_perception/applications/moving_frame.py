"""A forecast in the frame that moves with the field: motion by optical flow, the rest by a network.

Extrapolation along the motion is hard to beat with little data: a network would first have to learn
to move things. Here it does not: every frame of a window is carried along the flow of its inputs to
the time of the last one, so that what only moves stands still; a network is trained to forecast how
that picture changes (growth and decay), and each of its answers is carried forward to its time. As
with Germann and Zawadzki 2002, "Scale-dependence of the predictability of precipitation from
continental radar images", part I, change is what is left in Lagrangian coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convlstm_perception import forecasting as fc
from convlstm_perception.forecasting.advection import advect, mean_flow
from convlstm_perception.forecasting.data import ForecastData
from convlstm_perception.forecasting.fields import FieldSeries
from convlstm_perception.types import Float32Array

PAIRS = 3
"""Neighbouring frames, the last ones, whose flows are averaged."""


class MovingFrameForecaster:
    """Answers in the data's own frame, with a network that forecasts in the moving one.

    Args:
        name: in tables and pictures.
        network: trained on the data of :func:`in_moving_frame`.
    """

    def __init__(self, name: str, network: fc.FrameForecaster) -> None:
        self.name = name
        self._network = network

    def forecast(self, inputs: Float32Array, steps: int) -> Float32Array:
        """See :class:`fc.FrameForecaster`."""
        return np.stack([self._answer(window, steps) for window in inputs])

    def _answer(self, inputs: Float32Array, steps: int) -> Float32Array:
        flow = mean_flow(inputs, PAIRS)
        still = self._network.forecast(_brought_to_last(inputs, flow)[None], steps)[0]
        frames = [advect(frame, flow, lead)[-1] for lead, frame in enumerate(still, start=1)]
        return np.stack(frames)


def in_moving_frame(data: ForecastData, shape: fc.WindowShape) -> ForecastData:
    """The training and validation windows, each as a series of its own, in its moving frame.

    Args:
        data: in its own frame.
        shape: of the windows.

    Returns:
        Series of one window each; no window for test, which is judged in the data's own frame.
    """
    series: list[FieldSeries] = []
    parts: dict[str, tuple[fc.Window, ...]] = {}
    for part in ("train", "validation"):
        windows = data.split.part(part)
        parts[part] = tuple(fc.Window(len(series) + index, 0) for index in range(len(windows)))
        series += [_window(data.series, window, shape) for window in windows]
    return ForecastData(series, fc.Split(**parts, test=()))


def _window(
    series: Sequence[FieldSeries], window: fc.Window, shape: fc.WindowShape
) -> fc.MemorySeries:
    inputs, targets = fc.read_window(series, window, shape)
    flow = mean_flow(inputs, PAIRS)
    back = [advect(frame, -flow, lead)[-1] for lead, frame in enumerate(targets, start=1)]
    frames = np.concatenate([_brought_to_last(inputs, flow), np.stack(back)])
    return fc.MemorySeries(
        frames, f"{series[window.series].name}, moving with frame {window.start}"
    )


def _brought_to_last(inputs: Float32Array, flow: Float32Array) -> Float32Array:
    """Each input carried along the flow to the time of the last one."""
    last = len(inputs) - 1
    moved = [advect(frame, flow, last - index)[-1] for index, frame in enumerate(inputs[:last])]
    return np.stack([*moved, inputs[last]])
