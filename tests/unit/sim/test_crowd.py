"""People get on and keep off each other, the car and straight lines."""

from __future__ import annotations

import numpy as np
import pytest

from convlstm_perception_sim.crowd import FASTEST, Crowd, Thing, Way, people_forces
from convlstm_perception_sim.scene import (
    CRUISE,
    PAVEMENT_RISE,
    car_things,
    ground_height,
    wanted_speed,
    ways,
)

STEP = 0.1  # seconds


def walked(crowd: Crowd, seconds: float, *things: Thing) -> np.ndarray:
    """(T, N, 2) places, step by step."""
    places = []
    for _ in range(round(seconds / STEP)):
        crowd.advance(STEP, things)
        places.append(crowd.positions.copy())
    return np.array(places)


def nearest(places: np.ndarray) -> float:
    """Of any two people at any time, in metres."""
    offsets = places[:, :, None] - places[:, None]
    distances = np.linalg.norm(offsets, axis=-1) + 1e9 * np.eye(places.shape[1])
    return float(distances.min())


def test_two_who_meet_head_on_give_way_and_arrive() -> None:
    crowd = Crowd([Way([(0, 0), (12, 0)], 0, 1.2), Way([(12, 0), (0, 0)], 0, 1.2)], seed=1)
    places = walked(crowd, 9.0)
    assert nearest(places) > 0.4
    assert places[-1, 0, 0] > 8.0 and places[-1, 1, 0] < 4.0


def test_without_forces_they_would_have_met(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test before can fail."""
    monkeypatch.setattr("convlstm_perception_sim.crowd.PEOPLE_STRENGTH", 0.0)
    monkeypatch.setattr("convlstm_perception_sim.crowd.BODY_STIFFNESS", 0.0)
    crowd = Crowd([Way([(0, 0), (12, 0)], 0, 1.2), Way([(12, 0), (0, 0)], 0, 1.2)], seed=1)
    assert nearest(walked(crowd, 9.0)) < 0.4


def test_the_streets_people_keep_off_each_other_and_walk_at_their_speeds() -> None:
    people = ways()
    crowd = Crowd(people, seed=5)
    places = walked(crowd, 60.0)
    assert nearest(places) > 0.3
    speeds = np.linalg.norm(np.diff(places, axis=0), axis=-1) / STEP
    liked = np.array([way.speed for way in people])
    assert (speeds <= FASTEST * liked + 1e-6).all()
    np.testing.assert_allclose(np.median(speeds, axis=0), liked, rtol=0.2)
    # Nobody goes on a straight line: of some second each is at least 5 cm off the chord's middle.
    bends = places[5:-5] - (places[:-10] + places[10:]) / 2
    assert (np.linalg.norm(bends, axis=-1).max(axis=0) > 0.05).all()


def test_the_same_seed_walks_the_same_way() -> None:
    first, second = (walked(Crowd(ways(), seed=5), 5.0) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_people_walk_around_the_car() -> None:
    car = car_things(6.0, 0.0)
    crowd = Crowd([Way([(0, 0.1), (12, 0.1)], 0, 1.2)], seed=1)
    places = walked(crowd, 20.0, *car)
    for thing in car:
        distances = np.linalg.norm(places[:, 0] - [thing.x, thing.y], axis=-1)
        assert distances.min() > thing.radius
    assert places[:, 0, 0].max() > 10.0


def test_pushes_of_two_fall_with_their_distance() -> None:
    standing, ahead = np.zeros((2, 2)), np.array([[1.0, 0.0], [-1.0, 0.0]])
    near = people_forces(np.array([[0.0, 0.0], [0.6, 0.0]]), standing, ahead)
    far = people_forces(np.array([[0.0, 0.0], [1.0, 0.0]]), standing, ahead)
    np.testing.assert_allclose(near[0], -near[1])
    assert near[0, 0] < far[0, 0] < 0.0
    # Standing, the ellipse is a circle: V0 / sigma * exp(-r / sigma).
    np.testing.assert_allclose(near[0], [-2.1 / 0.3 * np.exp(-0.6 / 0.3), 0.0], rtol=1e-6)


def test_bodies_that_touch_push_harder() -> None:
    standing, ahead = np.zeros((2, 2)), np.array([[1.0, 0.0], [-1.0, 0.0]])
    touching = people_forces(np.array([[0.0, 0.0], [0.4, 0.0]]), standing, ahead)
    near = people_forces(np.array([[0.0, 0.0], [0.5, 0.0]]), standing, ahead)
    assert touching[0, 0] < 5.0 * near[0, 0] < 0.0


def test_who_is_behind_pushes_half() -> None:
    positions, standing = np.array([[0.0, 0.0], [0.6, 0.0]]), np.zeros((2, 2))
    facing = people_forces(positions, standing, np.array([[1.0, 0.0], [1.0, 0.0]]))
    np.testing.assert_allclose(facing[1], -0.5 * facing[0])


def test_the_car_waits_for_people_on_its_way_only() -> None:
    standing = np.zeros((1, 2))
    for place, speed in (((5.0, 0.0), 0.0), ((5.0, 4.0), CRUISE), ((-3.0, 0.0), CRUISE)):
        assert wanted_speed(0.0, 0.0, np.array([place]), standing) == speed
    # Beside its way, but about to be on it.
    assert wanted_speed(0.0, 0.0, np.array([[5.0, 3.0]]), np.array([[0.0, -1.2]])) == 0.0


def test_pavements_are_higher_than_the_street() -> None:
    assert ground_height(0.0) == 0.0 and ground_height(3.0) == 0.0
    assert ground_height(-3.2) == ground_height(6.7) == PAVEMENT_RISE
    assert 0.0 < ground_height(-1.9) < PAVEMENT_RISE
