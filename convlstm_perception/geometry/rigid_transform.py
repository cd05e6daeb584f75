"""Rotations and translations between frames, as TF has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from convlstm_perception.errors import TransformError
from convlstm_perception.types import Float64Array

if TYPE_CHECKING:
    from typing_extensions import Self

_UNIT = 1e-6  # deviation of a squared norm up to which a quaternion is taken as it is
_NEARLY_UNIT = 0.02  # and up to which it is normalised; tf2 refuses what is farther off

OPTICAL_AXES: Float64Array = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])
"""(3, 3) from an optical frame (x right, y down, z ahead) to a body frame (x ahead, y left, z up),
REP-103."""


@dataclass(frozen=True, eq=False)
class RigidTransform:
    """Takes points of a source frame to a target frame: rotate, then translate.

    Attributes:
        quaternion: (4,) x, y, z, w of the rotation, of norm 1.
        translation: (3,) origin of the source frame in the target frame, in metres.
    """

    quaternion: Float64Array
    translation: Float64Array

    @classmethod
    def identity(cls) -> Self:
        """Nothing moves."""
        return cls(np.array([0.0, 0.0, 0.0, 1.0]), np.zeros(3))

    @classmethod
    def of(cls, quaternion: ArrayLike, translation: ArrayLike) -> Self:
        """From numbers that may be wrong.

        Raises:
            TransformError: when they are not finite, or the quaternion is none of a rotation.
        """
        q = np.array(quaternion, np.float64).reshape(4)
        t = np.array(translation, np.float64).reshape(3)
        if not (np.isfinite(q).all() and np.isfinite(t).all()):
            raise TransformError("a transform holds numbers that are not finite")
        squared = float(q @ q)
        if abs(squared - 1.0) > _NEARLY_UNIT:
            raise TransformError(
                f"a quaternion has the norm {squared**0.5:.3g} in place of 1; is it left empty?"
            )
        # What is normalised already stays to the bit: a recorded transform is the one used.
        if abs(squared - 1.0) > _UNIT:
            q = q / squared**0.5
        return cls(q, t)

    @classmethod
    def from_message(cls, rotation: Any, translation: Any) -> Self:
        """From a geometry_msgs/Quaternion and a Vector3 or Point.

        Raises:
            TransformError: see :meth:`of`.
        """
        return cls.of(
            (rotation.x, rotation.y, rotation.z, rotation.w),
            (translation.x, translation.y, translation.z),
        )

    @classmethod
    def from_matrix(cls, matrix: Float64Array, translation: ArrayLike) -> Self:
        """From a (3, 3) rotation matrix; Shepperd's method, stable for every rotation."""
        m = np.asarray(matrix, np.float64)
        diagonal = np.array([m[0, 0], m[1, 1], m[2, 2], m.trace()])
        largest = int(np.argmax(diagonal))
        q = np.zeros(4)
        if largest == 3:
            q[:] = m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], 1.0 + m.trace()
        else:
            i, j, k = largest, (largest + 1) % 3, (largest + 2) % 3
            q[i] = 1.0 - m.trace() + 2.0 * m[i, i]
            q[j], q[k] = m[j, i] + m[i, j], m[k, i] + m[i, k]
            q[3] = m[k, j] - m[j, k]
        return cls(q / np.linalg.norm(q), np.array(translation, np.float64).reshape(3))

    @classmethod
    def from_euler(
        cls, roll: float, pitch: float, yaw: float, translation: Sequence[float] = (0.0, 0.0, 0.0)
    ) -> Self:
        """About the fixed axes x, y, z in this order, in radians (REP-103)."""
        (cr, cp, cy), (sr, sp, sy) = np.cos([roll, pitch, yaw]), np.sin([roll, pitch, yaw])
        about_x = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
        about_y = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
        about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
        return cls.from_matrix(about_z @ about_y @ about_x, translation)

    @cached_property
    def matrix(self) -> Float64Array:
        """(3, 3) of the rotation."""
        x, y, z, w = self.quaternion
        return np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
            ]
        )

    @property
    def yaw(self) -> float:
        """Of the source frame's x axis about the target's z axis, in radians."""
        return float(np.arctan2(self.matrix[1, 0], self.matrix[0, 0]))

    def __matmul__(self, other: RigidTransform) -> RigidTransform:
        """First ``other``, then this one."""
        return RigidTransform(
            _product(self.quaternion, other.quaternion), self.apply(other.translation)
        )

    def inverse(self) -> RigidTransform:
        """From target to source."""
        conjugate = self.quaternion * np.array([-1.0, -1.0, -1.0, 1.0])
        return RigidTransform(conjugate, -(self.matrix.T @ self.translation))

    def apply(self, points: Float64Array) -> Float64Array:
        """(..., 3) points of the source frame in the target frame."""
        return points @ self.matrix.T + self.translation

    def towards(self, other: RigidTransform, share: float) -> RigidTransform:
        """Between this transform (share 0) and another (1): slerp, and straight on."""
        first, second = self.quaternion, other.quaternion
        cosine = float(first @ second)
        if cosine < 0:  # the same rotation the short way round
            second, cosine = -second, -cosine
        angle = float(np.arccos(min(cosine, 1.0)))
        if angle < 1e-6:
            q = (1 - share) * first + share * second
        else:
            q = np.sin((1 - share) * angle) * first + np.sin(share * angle) * second
        translation = (1 - share) * self.translation + share * other.translation
        return RigidTransform(q / np.linalg.norm(q), translation)


def _product(a: Float64Array, b: Float64Array) -> Float64Array:
    """Hamilton product of two quaternions x, y, z, w."""
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return np.array(
        [
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
            aw * bw - ax * bx - ay * by - az * bz,
        ]
    )
