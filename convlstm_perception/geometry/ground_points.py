"""Points on the ground, how surely they are known, and why others are none."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.types import Float64Array


class GroundRefusal(IntEnum):
    """Why a point cannot be brought to the ground."""

    NONE = 0
    OUTSIDE_LENS = 1
    ABOVE_HORIZON = 2
    CUT = 3

    @property
    def reason(self) -> str:
        """In words."""
        return _REASONS[self]


_REASONS = {
    GroundRefusal.NONE: "",
    GroundRefusal.OUTSIDE_LENS: "outside of what the calibration's distortion covers",
    GroundRefusal.ABOVE_HORIZON: "at or above the horizon: its ray never meets the ground",
    GroundRefusal.CUT: "the image's edges cut off the feet, and the head does not tell the place",
}


@dataclass(frozen=True)
class GroundPoints:
    """N points on the ground of the target frame.

    Attributes:
        positions: (N, 3) in metres; NaN where refused.
        noise: (N, 2, 2) covariance of x and y by what changes from image to image: the pixels.
        refusals: (N,) uint8, of :class:`GroundRefusal`.
    """

    positions: Float64Array
    noise: Float64Array
    refusals: NDArray[np.uint8]

    @property
    def valid(self) -> NDArray[np.bool_]:
        """(N,) True where the point is on the ground."""
        return self.refusals == GroundRefusal.NONE

    def reason(self, row: int) -> str:
        """Why a point is refused, in words; or ""."""
        return GroundRefusal(self.refusals[row]).reason


@dataclass(frozen=True)
class PersonPoints(GroundPoints):
    """Where N people stand.

    Attributes:
        bias: (N, 2, 2) covariance by what stays: the mounting, and how tall somebody is.
        heights: (N,) of the people in metres.
    """

    bias: Float64Array
    heights: Float64Array

    def replace(self, rows: NDArray[np.bool_], others: PersonPoints) -> None:
        """Put other points in the place of some."""
        for entry in fields(self):
            getattr(self, entry.name)[rows] = getattr(others, entry.name)
