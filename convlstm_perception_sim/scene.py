"""The street of the demo: who walks where, and how the car goes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convlstm_perception_sim.crowd import Thing, Way

# Across the street, y in metres: one lane each way, a pavement of 3 m on either side.
LANE_WIDTH = 3.5
RIGHT_KERB, LEFT_KERB = -1.75, 5.25
RIGHT_PAVEMENT, LEFT_PAVEMENT = -3.2, 6.7  # middles
PAVEMENT_RISE = 0.2  # metres
_KERB_STRIDE = 0.3  # metres over which somebody steps up

CRUISE = 1.0  # m/s
_CAUTIOUS_AHEAD = 7.0  # metres before the car's middle within which somebody is waited for
_CAUTIOUS_ASIDE = 1.7  # metres to either side
_CAR_CIRCLES = (-1.6, 0.0, 1.6)  # metres along the car
_CAR_RADIUS = 1.2


def ways() -> list[Way]:
    """Of twelve people along 70 m of street: on both pavements, and across between them."""
    right, left = RIGHT_PAVEMENT, LEFT_PAVEMENT
    return [
        Way([(16.0, right), (60.0, right - 0.4)], 0.0, 1.25),
        Way([(58.0, right + 0.5), (6.0, right + 0.2)], 0.3, 1.1),
        Way([(70.0, right), (10.0, right - 0.3)], 0.4, 1.35),
        Way([(20.0, left), (75.0, left + 0.3)], 0.1, 1.2),
        Way([(48.0, left - 0.3), (12.0, left)], 0.1, 1.3),
        Way([(80.0, left + 0.4), (20.0, left)], 0.5, 0.95),
        # Across, and on along the other side.
        Way([(18.0, right), (17.0, left), (40.0, left)], 0.1, 1.15),
        Way([(24.0, left), (27.0, right), (55.0, right)], 0.3, 1.3),
        Way([(34.0, right), (31.0, left), (50.0, left)], 0.0, 1.0),
        Way([(44.0, left), (42.0, right), (20.0, right)], 0.0, 1.2),
        Way([(55.0, right), (54.0, left)], 0.2, 1.1),
        Way([(64.0, left), (67.0, right), (45.0, right)], 0.1, 1.4),
    ]


def ground_height(y: float) -> float:
    """Of street and pavements at a place across the street, in metres."""
    beyond = max(RIGHT_KERB - y, y - LEFT_KERB, 0.0)
    return PAVEMENT_RISE * min(1.0, beyond / _KERB_STRIDE)


def car_things(x: float, y: float) -> list[Thing]:
    """What people walk around where a car along x stands."""
    return [Thing(x + along, y, _CAR_RADIUS) for along in _CAR_CIRCLES]


def wanted_speed(
    x: float, y: float, positions: NDArray[np.float64], velocities: NDArray[np.float64]
) -> float:
    """How fast the car should go, in m/s: it waits for those on its way, or about to be.

    Args:
        x, y: of the car.
        positions, velocities: (N, 2) of people.
    """
    for seconds in (0.0, 1.5):
        ahead, aside = (positions + seconds * velocities - np.array([x, y])).T
        close = (ahead > 0.0) & (ahead < _CAUTIOUS_AHEAD) & (np.abs(aside) < _CAUTIOUS_ASIDE)
        if close.any():
            return 0.0
    return CRUISE


@dataclass(frozen=True)
class Look:
    """How somebody looks; the simulator has one model of a person.

    Attributes:
        tint: red, green, blue that the model's colours are multiplied with.
        height: in metres.
    """

    tint: tuple[float, float, float]
    height: float


def looks(count: int) -> list[Look]:
    """Of so many people, always the same."""
    chosen = np.random.default_rng(1)
    tints = chosen.uniform(0.5, 1.0, (count, 3)).tolist()
    heights = chosen.uniform(1.6, 1.88, count).tolist()
    return [
        Look((red, green, blue), height)
        for (red, green, blue), height in zip(tints, heights, strict=True)
    ]
