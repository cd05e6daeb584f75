"""Those whose place on the ground is known, as the messages in metres tell of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from convlstm_perception.types import Float64Array, GroundTracks, PerceptionResult

STANDING = 0.2  # m/s
"""Below this speed the direction of motion is noise: nobody is turned towards it."""

WIDTH = 0.6  # metres
"""Of a person, whichever way they are turned; the image does not tell it."""

UNKNOWN_ANGLE = math.pi**2 / 3
"""Variance in radians squared of a direction of which nothing is known: uniform over the circle."""


@dataclass(frozen=True)
class Person:
    """One pedestrian on the ground, in metres and m/s, in the frame of the ground.

    Attributes:
        row: in the tracks and on the ground.
        track_id: the same in successive answers.
        score: confidence in [0, 1].
        position: x, y, z of the point on the ground.
        velocity: x and y.
        speed: its length.
        yaw: direction of the motion, in radians from x towards y; 0 for those who stand.
        height: of the person.
        covariance: (4, 4) of (x, y, velocity x, velocity y).
    """

    row: int
    track_id: int
    score: float
    position: tuple[float, float, float]
    velocity: tuple[float, float]
    speed: float
    yaw: float
    height: float
    covariance: Float64Array

    @property
    def moving(self) -> bool:
        """Whether the direction of motion means anything."""
        return self.speed >= STANDING

    @property
    def centre(self) -> tuple[float, float, float]:
        """x, y, z of the middle of the body."""
        x, y, z = self.position
        return x, y, z + self.height / 2

    @property
    def pose_covariance(self) -> Float64Array:
        """(36,) row-major of (x, y, z, turn about x, y, z).

        That of x and y is known. That of the yaw follows from the velocity's across the motion. The
        rest is 0: z, and that people are upright, are assumed and not measured.
        """
        matrix = np.zeros((6, 6))
        matrix[:2, :2] = self.covariance[:2, :2]
        matrix[5, 5] = UNKNOWN_ANGLE
        if self.moving:
            across = np.array([-math.sin(self.yaw), math.cos(self.yaw)])
            variance = float(across @ self.covariance[2:, 2:] @ across)
            matrix[5, 5] = min(variance / self.speed**2, UNKNOWN_ANGLE)
        return matrix.reshape(36)


def located(result: PerceptionResult) -> GroundTracks:
    """The ground of an answer that has one.

    Raises:
        ValueError: when it has none.
    """
    if result.ground is None:
        raise ValueError("an answer without a ground says nothing in metres")
    return result.ground


def people_on_the_ground(result: PerceptionResult) -> list[Person]:
    """Those whose place is known, in the order of the tracks.

    Raises:
        ValueError: when the answer has no ground.
    """
    ground, tracks = located(result), result.tracks
    speeds, headings = ground.speeds.tolist(), ground.headings.tolist()
    people = []
    for row in np.flatnonzero(ground.valid).tolist():
        x, y, z = ground.positions[row].tolist()
        along_x, along_y = ground.velocities[row].tolist()
        people.append(
            Person(
                row=row,
                track_id=int(tracks.ids[row]),
                score=float(tracks.scores[row]),
                position=(x, y, z),
                velocity=(along_x, along_y),
                speed=speeds[row],
                yaw=headings[row] if speeds[row] >= STANDING else 0.0,
                height=float(ground.heights[row]),
                covariance=ground.covariances[row],
            )
        )
    return people
