"""Closest approach, by hand."""

from __future__ import annotations

import numpy as np

from convlstm_perception.ground.closest_approach import closest_approach


def test_by_hand() -> None:
    positions = np.array([[10.0, 3.0], [10.0, 0.0], [10.0, 0.0], [3.0, 4.0], [np.nan, np.nan]])
    velocities = np.array([[-2.0, 0.0], [1.0, 0.0], [-1.0, 1.0], [0.0, 0.0], [np.nan, np.nan]])
    times, distances = closest_approach(positions, velocities)
    np.testing.assert_allclose(times, [5.0, 0.0, 5.0, 0.0, np.nan])
    np.testing.assert_allclose(distances, [3.0, 10.0, 50**0.5, 5.0, np.nan])
