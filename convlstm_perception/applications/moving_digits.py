"""Moving MNIST, made as it is read: digits that bounce about in a square.

As in Srivastava et al. 2015, "Unsupervised Learning of Video Representations using LSTMs", section
3.1, with the numbers of Shi et al. 2015, section 4.1: two digits in 64x64 pixels, start and
direction uniformly at random, a speed from 3 to 5 pixels a frame, reflected at the edges; where
digits overlap, the brighter one is seen. Each sequence follows from a seed and its number alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from convlstm_perception.forecasting.fields import EVERYTHING, Labels
from convlstm_perception.types import Float32Array

SPEED = (3.0, 5.0)
"""Slowest and fastest, pixels a frame."""


@dataclass(frozen=True, eq=False)
class MovingDigits:
    """One sequence; see :class:`convlstm_perception.forecasting.FieldSeries`. Values from 0 to 1.

    Attributes:
        digits: (N, S, S) uint8 pictures that digits are drawn from.
        number: of the sequence.
        seed: of all sequences.
        frames: of the sequence.
        side: of the square, pixels.
        count: digits in it.
        speed: slowest and fastest, pixels a frame.
    """

    digits: npt.NDArray[np.uint8]
    number: int
    seed: int
    frames: int = 20
    side: int = 64
    count: int = 2
    speed: tuple[float, float] = SPEED
    labels: Labels = field(default_factory=lambda: Labels(variable="brightness"))

    @property
    def name(self) -> str:
        """With the number."""
        return f"moving digits, seed {self.seed}, sequence {self.number}"

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(time, channels, height, width)."""
        return self.frames, 1, self.side, self.side

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""
        return np.dtype(np.float32)

    def read(
        self, start: int, stop: int, rows: slice = EVERYTHING, columns: slice = EVERYTHING
    ) -> Float32Array:
        """See :meth:`convlstm_perception.forecasting.FieldSeries.read`."""
        chosen, places = self._course()
        size = self.digits.shape[1]
        frames = np.zeros((stop - start, self.side, self.side), np.uint8)
        for digit, course in zip(chosen, places, strict=True):
            for frame, (top, left) in zip(frames, course[start:stop], strict=True):
                part = frame[top : top + size, left : left + size]
                np.maximum(part, self.digits[digit], out=part)
        return (frames[:, None, rows, columns] / np.float32(255)).astype(np.float32)

    def _course(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """(count,) which digits, and (count, frames, 2) their upper left corners (row, column)."""
        random = np.random.default_rng([self.seed, self.number])
        free = float(self.side - self.digits.shape[1])
        chosen = random.integers(len(self.digits), size=self.count)
        start = random.uniform(0.0, free, (self.count, 1, 2))
        angle = random.uniform(0.0, 2.0 * np.pi, (self.count, 1))
        speed = random.uniform(*self.speed, (self.count, 1, 1))
        direction = np.stack([np.sin(angle), np.cos(angle)], axis=-1)
        straight = start + speed * direction * np.arange(self.frames)[:, None]
        # Reflection at both edges: the straight line, folded.
        folded = np.abs((straight + free) % (2.0 * free) - free)
        return chosen, folded.round().astype(np.int64)


def moving_digits(
    digits: npt.NDArray[np.uint8], sequences: int, seed: int, **options: Any
) -> list[MovingDigits]:
    """So many sequences; ``options`` are those of :class:`MovingDigits`."""
    return [MovingDigits(digits, number, seed, **options) for number in range(sequences)]
