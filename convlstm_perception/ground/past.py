"""Where people stood on the ground in the last seconds, and what that says of now.

The past of a track is a set of observations, each with its covariance; people's velocity wanders.
Position and velocity now are their weighted least-squares fit (Bar-Shalom et al. 2001, section
6.2.2, the white-noise-acceleration model), over a window: nothing older has any part in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.geometry.covariance import symmetric
from convlstm_perception.types import NANOSECONDS_PER_SECOND, BoolArray, Float64Array, Int64Array

WANDERING = 0.1
"""Spectral density of people's acceleration, m^2/s^3: how far they get from straight on."""

_WINDOW = 2.0  # seconds
_SPACING = 1 / 15  # seconds between observations that are kept; nearer ones tell nothing new
_CAPACITY = 34
# Errors of boxes last from frame to frame: seconds. Observations closer than twice that tell less.
_PERSISTENCE = 0.4
_SPEED = 1.4  # standard deviation of a velocity's coordinate before anything is known, m/s


@dataclass(frozen=True)
class GroundState:
    """Of N people, in the frame of the observations.

    Attributes:
        positions: (N, 2) in metres; NaN for those never seen in the window.
        velocities: (N, 2) in m/s.
        covariances: (N, 4, 4) of (x, y, velocity x, velocity y).
    """

    positions: Float64Array
    velocities: Float64Array
    covariances: Float64Array

    def ahead(self, times: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Straight on: (N, H, 2) positions and (N, H, 2, 2) covariances at (H,) seconds."""
        t = times[None, :, None, None]
        p = self.covariances[:, None]
        cross = p[..., :2, 2:]
        covariances = (
            p[..., :2, :2] + t * (cross + np.swapaxes(cross, -1, -2)) + t**2 * p[..., 2:, 2:]
        )
        covariances = covariances + WANDERING / 3 * t**3 * np.eye(2)
        positions: Float64Array = (
            self.positions[:, None] + times[:, None] * self.velocities[:, None]
        )
        return positions, covariances


class GroundPast:
    """The observations of many tracks, each in a row of its own."""

    def __init__(self) -> None:
        self._rows: dict[int, int] = {}
        self._stamps = np.zeros((0, _CAPACITY), np.int64)
        self._positions = np.zeros((0, _CAPACITY, 2))
        self._noise = np.zeros((0, _CAPACITY, 2, 2))
        self._counts = np.zeros(0, np.int64)

    def clear(self) -> None:
        """Forget everybody."""
        self._rows.clear()

    def see(
        self, ids: Int64Array, stamp_ns: int, positions: Float64Array, noise: Float64Array
    ) -> None:
        """Add an observation of each of some tracks.

        Args:
            ids: (N,) of the tracks.
            stamp_ns: of the image; newer than all before.
            positions: (N, 2) in metres.
            noise: (N, 2, 2) covariances.
        """
        if not len(ids):
            return
        rows = np.array([self._row(identity) for identity in ids.tolist()])
        counts = self._counts[rows]
        # The newest is always kept; it takes the place of one that is close to the one before.
        last = self._stamps[rows, np.maximum(counts - 1, 0)]
        before = self._stamps[rows, np.maximum(counts - 2, 0)]
        close = (counts >= 2) & (last - before < round(_SPACING * NANOSECONDS_PER_SECOND))
        full = ~close & (counts == _CAPACITY)
        for row in rows[full].tolist():
            for store in (self._stamps, self._positions, self._noise):
                store[row, :-1] = store[row, 1:]
        counts = np.where(close | full, counts, counts + 1)
        self._counts[rows] = counts
        self._stamps[rows, counts - 1] = stamp_ns
        self._positions[rows, counts - 1] = positions
        self._noise[rows, counts - 1] = noise

    def keep(self, ids: Int64Array) -> None:
        """Forget all tracks but these."""
        gone = self._rows.keys() - set(ids.tolist())
        for identity in gone:
            del self._rows[identity]

    def state(self, ids: Int64Array, stamp_ns: int) -> GroundState:
        """Where tracks are at a stamp, and how they move."""
        rows = np.array([self._row(identity) for identity in ids.tolist()], np.intp)
        ages = (stamp_ns - self._stamps[rows]) / NANOSECONDS_PER_SECOND
        known: BoolArray = np.arange(_CAPACITY) < self._counts[rows, None]
        known &= ages <= _WINDOW + 1e-6
        most = int(self._counts[rows].max(initial=0))  # the rest of the columns is empty
        used = np.s_[:, :most]
        return _fit(ages[used], known[used], self._positions[rows, :most], self._noise[rows, :most])

    def _row(self, identity: int) -> int:
        row = self._rows.get(identity)
        if row is not None:
            return row
        free = set(range(len(self._counts))) - set(self._rows.values())
        if not free:
            self._grow()
            free = set(range(len(self._counts))) - set(self._rows.values())
        row = min(free)
        self._rows[identity] = row
        self._counts[row] = 0
        return row

    def _grow(self) -> None:
        more = max(8, len(self._counts))
        for name in ("_stamps", "_positions", "_noise", "_counts"):
            array = getattr(self, name)
            grown = np.zeros((len(array) + more, *array.shape[1:]), array.dtype)
            grown[: len(array)] = array
            setattr(self, name, grown)


def _fit(
    ages: Float64Array, known: BoolArray, positions: Float64Array, noise: Float64Array
) -> GroundState:
    """Weighted least squares of x(now) - age * velocity.

    Args:
        ages: (N, K) seconds. known: (N, K) which of them count. positions: (N, K, 2).
        noise: (N, K, 2, 2).
    """
    count = known.sum(1)
    ages = np.where(known, ages, 0.0)
    newest = np.where(known, ages, np.inf).min(1, initial=np.inf)
    span = np.where(count > 1, ages.max(1, initial=0.0) - newest, 1.0)
    spacing = span / np.maximum(count - 1, 1)
    repeated = np.where(count > 1, np.maximum(1.0, 2 * _PERSISTENCE / spacing), 1.0)[:, None]
    wander = WANDERING / 3 * ages**3
    xx, yy = repeated * noise[..., 0, 0] + wander, repeated * noise[..., 1, 1] + wander
    xy = repeated * noise[..., 0, 1]
    determinant = np.where(known, xx * yy - xy * xy, 1.0)
    weight_xx, weight_xy, weight_yy = (
        np.where(known, part / determinant, 0.0) for part in (yy, -xy, xx)
    )
    x, y = np.where(known, positions[..., 0], 0.0), np.where(known, positions[..., 1], 0.0)
    weights = np.stack(
        [
            *(weight_xx, weight_xy, weight_yy),
            *(weight_xx * x + weight_xy * y, weight_xy * x + weight_yy * y),
        ],
        -1,
    )
    powers = np.stack([np.ones_like(ages), ages, ages * ages], 1)
    # Sums over the observations: of weights and weighted positions, times the powers of the age.
    # Along an axis that is not the last numpy adds one by one, so that observations that do not
    # count, of weight 0, change no bit; a matrix product groups them by their number.
    sums = (powers[..., None] * weights[:, None]).sum(2)
    constant, linear, square = sums.transpose(1, 2, 0)
    information = np.empty((len(ages), 4, 4))
    information[:, :2, :2] = symmetric(*constant[:3])
    information[:, :2, 2:] = information[:, 2:, :2] = -symmetric(*linear[:3])
    information[:, 2:, 2:] = symmetric(*square[:3]) + np.eye(2) / _SPEED**2
    nobody = count == 0
    information[nobody] = np.eye(4)
    right = np.stack([*constant[3:], *-linear[3:]], -1)
    covariances: NDArray[np.float64] = np.linalg.inv(information)
    states = (covariances @ right[..., None])[..., 0]
    states[nobody], covariances[nobody] = np.nan, np.nan
    return GroundState(states[:, :2], states[:, 2:], covariances)
