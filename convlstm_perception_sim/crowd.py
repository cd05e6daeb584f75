"""People who walk their ways and keep off each other.

The social force model of Helbing and Molnar 1995, "Social force model for pedestrian dynamics"
(Physical Review E 51), with its constants: everybody is drawn towards the next point of the way at
the speed they like, and pushed away by what is in front of them, elliptically around others' next
step. Bodies that touch push each other apart, as in Helbing, Farkas and Vicsek 2000, "Simulating
dynamical features of escape panic" (Nature 407). JuPedSim would be the library for all this, but it
needs numpy 1.25, and the simulator at most 1.24.2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RELAXATION = 0.5  # seconds in which somebody takes up their own speed
PEOPLE_STRENGTH, PEOPLE_RANGE = 2.1, 0.3  # m²/s², m
BODY_RADIUS = 0.25  # metres
BODY_STIFFNESS = 300.0  # 1/s², less than theirs, which steps of a fiftieth of a second do not bear
THING_STRENGTH, THING_RANGE = 10.0, 0.2  # m²/s², m, of things that are no people
STEP_AHEAD = 2.0  # seconds of others' way that count
SIGHT = math.radians(200.0)  # angle in which others push with their whole strength
BEHIND = 0.5  # share with which they do from behind
FASTEST = 1.3  # of somebody's own speed
RESTLESSNESS = 0.15  # m/s² of random pushes; they part two who meet head on
ARRIVED = 0.8  # metres from a point of the way at which the next one is taken
_INNER_STEP = 0.02  # seconds; the forces change within a tenth of a second
_TINY = 1e-9


@dataclass(frozen=True)
class Way:
    """Where somebody walks, there and back again for ever.

    Attributes:
        points: x, y in metres, at least two.
        start: share of the first stretch that lies behind them at the beginning, in [0, 1).
        speed: that they like, in m/s.
    """

    points: Sequence[tuple[float, float]]
    start: float
    speed: float


@dataclass(frozen=True)
class Thing:
    """A round thing that people walk around.

    Attributes:
        x, y: of its middle in metres.
        radius: in metres.
    """

    x: float
    y: float
    radius: float


class Crowd:
    """Everybody.

    Args:
        ways: one for each person.
        seed: of the random pushes.

    Attributes:
        positions: (N, 2) in metres.
        velocities: (N, 2) in m/s.
    """

    def __init__(self, ways: Sequence[Way], seed: int) -> None:
        self._ways = [np.array(way.points, np.float64) for way in ways]
        self._speeds = np.array([way.speed for way in ways])
        self._next = [1] * len(ways)
        self._onward = [1] * len(ways)
        self._random = np.random.default_rng(seed)
        starts = [
            points[0] + way.start * (points[1] - points[0])
            for way, points in zip(ways, self._ways, strict=True)
        ]
        self.positions: Array = np.array(starts).reshape(-1, 2)
        self.velocities: Array = self._speeds[:, None] * self._directions()

    def advance(self, seconds: float, things: Sequence[Thing] = ()) -> None:
        """Let time pass.

        Args:
            seconds: how much.
            things: where they are meanwhile.
        """
        steps = max(1, round(seconds / _INNER_STEP))
        for _ in range(steps):
            self._step(seconds / steps, things)

    def _step(self, seconds: float, things: Sequence[Thing]) -> None:
        self._choose_points()
        directions = self._directions()
        wanted = self._speeds[:, None] * directions
        forces = (wanted - self.velocities) / RELAXATION
        forces += people_forces(self.positions, self.velocities, directions)
        forces += thing_forces(self.positions, things)
        forces += RESTLESSNESS * self._random.normal(size=forces.shape) / math.sqrt(seconds / 0.1)
        velocities = self.velocities + seconds * forces
        speeds = np.linalg.norm(velocities, axis=1)
        limits = FASTEST * self._speeds / np.maximum(speeds, _TINY)
        self.velocities = velocities * np.minimum(1.0, limits)[:, None]
        self.positions = self.positions + seconds * self.velocities

    def _choose_points(self) -> None:
        for row, points in enumerate(self._ways):
            if np.linalg.norm(points[self._next[row]] - self.positions[row]) > ARRIVED:
                continue
            if not 0 <= self._next[row] + self._onward[row] < len(points):
                self._onward[row] = -self._onward[row]
            self._next[row] += self._onward[row]

    def _directions(self) -> Array:
        """(N, 2) of length 1, to everybody's next point."""
        targets = np.array([points[at] for points, at in zip(self._ways, self._next, strict=True)])
        offsets = targets.reshape(-1, 2) - self.positions
        return offsets / np.maximum(np.linalg.norm(offsets, axis=1, keepdims=True), _TINY)


def people_forces(positions: Array, velocities: Array, directions: Array) -> Array:
    """(N, 2) pushes of people on each other in m/s²; equations 3, 4, 7 and 8 of the first paper.

    Args:
        positions: (N, 2) in metres.
        velocities: (N, 2) in m/s.
        directions: (N, 2) of length 1, where they want to go.
    """
    offsets = positions[:, None] - positions[None]  # from the second to the first
    steps = STEP_AHEAD * velocities[None]
    shifted = offsets - steps
    near, far = _lengths(offsets), _lengths(shifted)
    half_axis = 0.5 * np.sqrt(
        np.maximum((near + far) ** 2 - (steps**2).sum(-1, keepdims=True), _TINY)
    )
    # Minus the gradient of STRENGTH * exp(-half_axis / RANGE) by the first one's place.
    slope = (near + far) / (4.0 * half_axis) * (offsets / near + shifted / far)
    pushes = PEOPLE_STRENGTH / PEOPLE_RANGE * np.exp(-half_axis / PEOPLE_RANGE) * slope
    ahead = -(pushes * directions[:, None]).sum(-1, keepdims=True)
    seen = ahead >= _lengths(pushes) * math.cos(SIGHT / 2.0)
    pushes *= np.where(seen, 1.0, BEHIND)
    pushes += BODY_STIFFNESS * np.maximum(2.0 * BODY_RADIUS - near, 0.0) * offsets / near
    pushes[np.arange(len(positions)), np.arange(len(positions))] = 0.0
    return np.asarray(pushes.sum(axis=1), np.float64)


def thing_forces(positions: Array, things: Sequence[Thing]) -> Array:
    """(N, 2) pushes of things on people in m/s²; equations 5 and 6 of the paper."""
    forces = np.zeros_like(positions)
    for thing in things:
        offsets = positions - np.array([thing.x, thing.y])
        distances = _lengths(offsets)
        # Within a thing the push is as strong as at its edge, so that nobody is shot out of it.
        gaps = np.maximum(distances - thing.radius, 0.0)
        strength = THING_STRENGTH / THING_RANGE * np.exp(-gaps / THING_RANGE)
        forces += strength * offsets / distances
    return forces


def _lengths(vectors: Array) -> Array:
    return np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), _TINY)
