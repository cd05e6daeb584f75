"""What every evaluation takes: recorded answers beside the people annotated in the same frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlstm_perception.data.sequence import FrameTruth
from convlstm_perception.types import Float32Array, PerceptionResult

# Times are stored as float32, so that 0.1 s at 30 frames a second is frame 3.0000000447.
_SAME_FRAME = 1e-3


@dataclass(frozen=True)
class AnsweredSequence:
    """One video with its answers.

    Attributes:
        name: of the sequence, unique among those evaluated together.
        truths: frame number, counted from 0, to the people annotated in it.
        results: the answers; the index is the frame number.
        frame_rate: frames a second; frame n was exposed ``n / frame_rate`` seconds after frame 0.
    """

    name: str
    truths: Mapping[int, FrameTruth]
    results: Sequence[PerceptionResult]
    frame_rate: float

    def __post_init__(self) -> None:
        if not self.frame_rate > 0:
            raise ValueError(f"{self.name}: frame_rate is {self.frame_rate}, expected above 0")

    def frames(self) -> list[int]:
        """Numbers of the frames that are both annotated and answered, rising."""
        return sorted(number for number in self.truths if 0 <= number < len(self.results))


class PersonPaths:
    """Where each annotated person is at any time of a sequence, between the frames too.

    A time between two neighbouring annotated frames is interpolated linearly when the person is in
    both; a frame that was annotated without the person is an absence and is never bridged.
    """

    def __init__(self, truths: Mapping[int, FrameTruth], frame_rate: float) -> None:
        self._frame_rate = frame_rate
        self._frames = np.array(sorted(truths), np.int64)
        self._boxes = [
            dict(zip(truths[frame].ids.tolist(), truths[frame].boxes, strict=True))
            for frame in self._frames.tolist()
        ]

    def boxes(self, identity: int, frame: int, seconds: ArrayLike) -> NDArray[np.float64]:
        """Boxes of one person at times relative to a frame.

        Args:
            identity: the person's id in the annotation.
            frame: number of the frame that times count from.
            seconds: (T,) times after that frame in seconds; negative ones lie before it.

        Returns:
            (T, 4) boxes in pixels; NaN where the person is not annotated, nothing extrapolated.
        """
        numbers = frame + np.asarray(seconds, np.float64).reshape(-1) * self._frame_rate
        whole = np.rint(numbers)
        numbers = np.where(np.abs(numbers - whole) < _SAME_FRAME, whole, numbers)
        boxes = np.full((len(numbers), 4), np.nan)
        if len(self._frames) == 0:
            return boxes
        after = np.searchsorted(self._frames, numbers, side="left")
        for row, (number, high) in enumerate(zip(numbers.tolist(), after.tolist(), strict=True)):
            if high == len(self._frames):
                continue
            late = self._boxes[high].get(identity)
            if late is None:
                continue
            if self._frames[high] == number:
                boxes[row] = late
            elif high > 0 and (early := self._boxes[high - 1].get(identity)) is not None:
                start = self._frames[high - 1]
                share = (number - start) / (self._frames[high] - start)
                boxes[row] = early * (1.0 - share) + late * share
        return boxes


def values_at(
    times: Float32Array,
    now: NDArray[np.floating],
    future: NDArray[np.floating],
    seconds: NDArray[np.floating],
) -> NDArray[np.float64]:
    """Predicted values at given times, linear between the predicted ones.

    Args:
        times: (H,) seconds after the frame of ``future``, increasing, above 0.
        now: (N, D) values at the frame itself.
        future: (N, H, D) predicted values.
        seconds: (T,) times asked for.

    Returns:
        (N, T, D) values; NaN before the frame and after the last predicted time.
    """
    seconds = np.asarray(seconds, np.float64)
    knots = np.concatenate([[0.0], np.asarray(times, np.float64)])
    known = np.concatenate([now[:, None], future], axis=1).astype(np.float64)
    values = np.full((len(known), len(seconds), known.shape[2]), np.nan)
    # The knots were rounded to float32: a time that equals one may lie a hair beyond it.
    inside = (seconds >= 0) & (seconds <= knots[-1] + 1e-5)
    if len(knots) == 1:
        values[:, inside] = known[:, :1]
        return values
    asked = np.minimum(seconds[inside], knots[-1])
    late = np.clip(np.searchsorted(knots, asked, side="left"), 1, len(knots) - 1)
    share = ((asked - knots[late - 1]) / (knots[late] - knots[late - 1]))[None, :, None]
    values[:, inside] = known[:, late - 1] * (1.0 - share) + known[:, late] * share
    return values
