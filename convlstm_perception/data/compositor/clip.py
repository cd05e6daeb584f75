"""What the compositor gives: a window of frames, and the truth about it."""

from __future__ import annotations

from dataclasses import dataclass

from convlstm_perception.types import Float32Array, Image


@dataclass(frozen=True)
class ClipLabels:
    """The truth about a window of frames and about the people in its newest one.

    Attributes:
        valid: (T,) float32, 1 where the slot holds a frame.
        dt: (T,) float32 seconds since the next older valid slot, as the motion graph takes it.
        boxes: (N, 4) float32 centre x, centre y, width, height of the people in the newest frame.
        ignored: (M, 4) float32 boxes of people too hidden to be asked for.
        motion: (N, H, 4) float32 displacement of the centre in box heights and change of log
            width and log height at each horizon; NaN where unknown.
        velocity: (N, 4) float32 the same per second, now; NaN where unknown.
    """

    valid: Float32Array
    dt: Float32Array
    boxes: Float32Array
    ignored: Float32Array
    motion: Float32Array
    velocity: Float32Array


@dataclass(frozen=True)
class Clip:
    """A window of frames: (T, H, W, 3) uint8 ``images``, blue, green, red, newest first."""

    images: Image
    labels: ClipLabels
