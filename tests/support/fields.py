"""Fields that move, to forecast."""

from __future__ import annotations

import numpy as np

from convlstm_perception.types import Float32Array


def moving_blob(
    frames: int, height: int, width: int, velocity: tuple[float, float], start: tuple[float, float]
) -> Float32Array:
    """(T, H, W): one bright blob on dark ground that moves (rows, columns) a frame."""
    rows, columns = np.mgrid[:height, :width]
    fields = []
    for time in range(frames):
        row, column = (place + time * speed for place, speed in zip(start, velocity, strict=True))
        fields.append(np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * 3.0**2)))
    return (10.0 * np.stack(fields)).astype(np.float32)


def moving_stripes(frames: int, side: int) -> Float32Array:
    """(T, side, side): oblique stripes from 0 to 10 that move two pixels a frame, for ever."""
    rows, columns = np.mgrid[:side, :side]
    times = np.arange(frames)[:, None, None]
    waves = np.sin(2 * np.pi * (columns + rows - 2 * times) / 16)
    return (5.0 + 5.0 * waves).astype(np.float32)
