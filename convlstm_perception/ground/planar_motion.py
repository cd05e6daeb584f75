"""How something moves over the ground, from where it was last."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.geometry import RigidTransform
from convlstm_perception.types import NANOSECONDS_PER_SECOND, Float64Array

if TYPE_CHECKING:
    from typing_extensions import Self

_WINDOW = 0.5  # seconds over which a velocity is taken


@dataclass(frozen=True)
class PlanarPose:
    """A place and a heading on the ground: of a frame A in a frame B.

    Attributes:
        position: (2,) of A's origin in B, in metres.
        yaw: of A's x axis in B, in radians.
    """

    position: NDArray[np.float64]
    yaw: float

    @classmethod
    def of(cls, transform: RigidTransform) -> Self:
        """Without its height, roll and pitch."""
        return cls(transform.translation[:2], transform.yaw)

    @property
    def rotation(self) -> NDArray[np.float64]:
        """(2, 2) from A's axes to B's."""
        cosine, sine = np.cos(self.yaw), np.sin(self.yaw)
        return np.array([[cosine, -sine], [sine, cosine]])


class PlanarMotion:
    """The last poses of something in a frame that stands still."""

    def __init__(self) -> None:
        self._poses: deque[tuple[int, PlanarPose]] = deque()

    def clear(self) -> None:
        """Forget where it was."""
        self._poses.clear()

    def see(self, stamp_ns: int, pose: PlanarPose) -> None:
        """Note where it is; stamps grow."""
        self._poses.append((stamp_ns, pose))
        oldest = stamp_ns - round(_WINDOW * NANOSECONDS_PER_SECOND)
        while len(self._poses) > 2 and self._poses[1][0] <= oldest:
            self._poses.popleft()

    def twist(self) -> tuple[NDArray[np.float64], float]:
        """(2,) velocity in m/s in the frame that stands still, and yaw rate in rad/s."""
        if len(self._poses) < 2:
            return np.zeros(2), 0.0
        (first, before), (last, now) = self._poses[0], self._poses[-1]
        seconds = (last - first) / NANOSECONDS_PER_SECOND
        turned = (now.yaw - before.yaw + np.pi) % (2 * np.pi) - np.pi
        rate = turned / seconds
        # The mean velocity is the chord's; the present one has turned on by half of the angle.
        half = PlanarPose(np.zeros(2), turned / 2).rotation
        return half @ (now.position - before.position) / seconds, float(rate)

    def ahead(self, times: Float64Array) -> tuple[Float64Array, Float64Array]:
        """What stands still as seen from it, if it goes on like this, is turned and moved.

        Args:
            times: (H,) seconds from now.

        Returns:
            (H, 2, 2) rotations and (H, 2) translations, in the frame that stands still: of points
            that are known from it then, as if it had stayed where it is.
        """
        velocity, rate = self.twist()
        _, now = self._poses[-1]
        angles = rate * times
        cosine, sine = np.cos(angles), np.sin(angles)
        rotations = np.stack([cosine, -sine, sine, cosine], -1).reshape(-1, 2, 2)
        # Along an arc: the integral of the turning velocity.
        along = times * np.sinc(angles / np.pi)
        safe = np.where(angles == 0, 1.0, angles)
        across = times * np.where(angles == 0, 0.0, (1 - cosine) / safe)
        moved = along[:, None] * velocity + across[:, None] * np.array([-velocity[1], velocity[0]])
        return rotations, now.position + moved - rotations @ now.position
