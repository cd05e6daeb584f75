"""What is exactly true at one moment of the simulation; plain values that travel as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

Triple = tuple[float, float, float]
Quadruple = tuple[float, float, float, float]


@dataclass(frozen=True)
class Pose:
    """Of a frame in its parent.

    Attributes:
        translation: x, y, z in metres.
        quaternion: x, y, z, w of norm 1.
    """

    translation: Triple
    quaternion: Quadruple

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Pose:
        """From what ``dataclasses.asdict`` gave, through JSON."""
        return cls(tuple(values["translation"]), tuple(values["quaternion"]))


@dataclass(frozen=True)
class Person:
    """Somebody, in view or not.

    Attributes:
        id: the same in all snapshots.
        box: centre x, centre y, width, height in pixels around all of the body's vertices, what
            other people hide and what lies outside of the image included; None where part of the
            body is not in front of the camera.
        position: x, y, z of the ground below, in metres in odom.
        velocity: x, y over the ground, in m/s in odom.
        height: of the body in metres.
    """

    id: int
    box: Quadruple | None
    position: Triple
    velocity: tuple[float, float]
    height: float


@dataclass(frozen=True)
class Snapshot:
    """One moment.

    Attributes:
        stamp_ns: simulated time in nanoseconds.
        ego: base_link in odom. odom is the world, x along the street, y to its left, z up.
        people: all of them.
    """

    stamp_ns: int
    ego: Pose
    people: Sequence[Person]

    def to_values(self) -> dict[str, Any]:
        """What JSON holds."""
        return asdict(self)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Snapshot:
        """From :meth:`to_values`, through JSON."""
        people = [
            Person(
                id=person["id"],
                box=None if person["box"] is None else tuple(person["box"]),
                position=tuple(person["position"]),
                velocity=tuple(person["velocity"]),
                height=person["height"],
            )
            for person in values["people"]
        ]
        return cls(values["stamp_ns"], Pose.from_values(values["ego"]), people)
