"""What is taken to be known: the ground, how the camera stands above it, how tall people are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.errors import GroundError
from convlstm_perception.geometry.rigid_transform import OPTICAL_AXES, RigidTransform

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True)
class GroundPlane:
    """The ground, in the target frame: all points p with ``normal @ p == offset``.

    Attributes:
        normal: (3,) of length 1, upwards.
        offset: along it, in metres.
    """

    normal: NDArray[np.float64]
    offset: float

    @classmethod
    def of(cls, values: Sequence[float] = (0.0, 0.0, 1.0, 0.0)) -> Self:
        """From the normal's three coordinates, of any length, and the offset; z = 0 by default.

        Raises:
            GroundError: when that is no plane that a ground could be.
        """
        numbers = np.array(values, np.float64)
        if numbers.shape != (4,) or not np.isfinite(numbers).all():
            raise GroundError("the ground plane is the normal's x, y, z and an offset: 4 numbers")
        length = float(np.linalg.norm(numbers[:3]))
        if length == 0 or numbers[2] <= 0:
            raise GroundError(
                f"the ground plane's normal {numbers[:3].tolist()} does not point upwards (z > 0)"
            )
        return cls(numbers[:3] / length, float(numbers[3] / length))


@dataclass(frozen=True)
class Mounting:
    """How well the camera's place is known: standard deviations.

    Attributes:
        rotation: about each axis, in radians.
        height: above the ground, in metres.
    """

    rotation: float = 0.0
    height: float = 0.0


@dataclass(frozen=True)
class PersonHeight:
    """How tall people are, in metres: mean and standard deviation."""

    mean: float = 1.7
    deviation: float = 0.1


def pose_above_ground(height: float, pitch: float, roll: float) -> RigidTransform:
    """From the optical frame to a ground frame below the camera: x where it looks, z up.

    Args:
        height: of the camera above the ground in metres.
        pitch, roll: of the camera's body frame (REP-103), in radians: pitch positive looks down,
            roll positive has its right side down.
    """
    body = RigidTransform.from_euler(roll, pitch, 0.0, (0.0, 0.0, height))
    return body @ RigidTransform.from_matrix(OPTICAL_AXES, (0.0, 0.0, 0.0))
