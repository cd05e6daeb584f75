"""When and how close people come."""

from __future__ import annotations

import numpy as np

from convlstm_perception.types import Float64Array

_STANDING = 1e-3  # m/s


def closest_approach(
    positions: Float64Array, velocities: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """Of points that go straight on, to the origin: minimum of |p + t v| over t >= 0.

    Args:
        positions: (N, 2) in metres.
        velocities: (N, 2) relative to the origin's, in m/s.

    Returns:
        (N,) seconds until then, 0 for those that move away or stand; (N,) metres then. NaN where
        a position is.
    """
    squared = (velocities**2).sum(-1)
    moving = squared > _STANDING**2
    times = -(positions * velocities).sum(-1) / np.where(moving, squared, 1.0)
    times = np.where(moving, np.maximum(times, 0.0), 0.0)
    times = np.where(np.isfinite(positions).all(-1), times, np.nan)
    nearest = positions + times[:, None] * velocities
    return times, np.hypot(nearest[:, 0], nearest[:, 1])
