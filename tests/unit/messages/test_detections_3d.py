"""Boxes in space."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from convlstm_perception.messages.detections_3d import detections_3d_message
from convlstm_perception.types import PerceptionResult
from tests.support.located import STAMP, header_of, located_answer, yaw_of


@pytest.fixture
def message(store: Any, again: Callable[[Any], Any]) -> Callable[[PerceptionResult], Any]:
    return lambda result: again(
        detections_3d_message(result, header_of(store.types), "pedestrian", store.types)
    )


def test_a_box_stands_on_the_ground_and_faces_the_motion(message: Callable) -> None:
    array = message(located_answer())
    assert array.header.frame_id == "base_link"
    stamp = array.header.stamp
    assert {"sec": stamp.sec, "nanosec": stamp.nanosec} == STAMP
    (person,) = array.detections
    assert person.header == array.header
    assert person.id == "11"
    place, size = person.bbox.center.position, person.bbox.size
    assert (place.x, place.y, place.z) == pytest.approx((4.0, 3.0, 0.1 + 0.9))
    assert (size.x, size.y, size.z) == pytest.approx((0.6, 0.6, 1.8))
    assert yaw_of(person.bbox.center.orientation) == pytest.approx(-math.pi / 2)
    (result,) = person.results
    assert result.hypothesis.class_id == "pedestrian"
    assert result.hypothesis.score == pytest.approx(0.75)
    assert result.pose.pose == person.bbox.center


def test_the_covariance_has_its_places(message: Callable) -> None:
    known = np.diag([0.04, 0.09, 0.01, 0.02])
    known[0, 1] = known[1, 0] = 0.03
    (person,) = message(located_answer(velocities=[(0.0, -2.0)], covariance=known)).detections
    matrix = person.results[0].pose.covariance.reshape(6, 6)
    # Across a motion along -y, the velocity's variance is that of its x.
    expected = np.zeros((6, 6))
    expected[:2, :2] = [[0.04, 0.03], [0.03, 0.09]]
    expected[5, 5] = 0.01 / 2.0**2
    assert matrix == pytest.approx(expected)


@pytest.mark.parametrize("speed", [0.0, 0.19])
def test_who_stands_is_not_turned_and_their_direction_unknown(
    message: Callable, speed: float
) -> None:
    (person,) = message(located_answer(velocities=[(0.0, speed)])).detections
    assert yaw_of(person.bbox.center.orientation) == 0.0
    variance = person.results[0].pose.covariance[35]
    assert variance == pytest.approx(np.linspace(-math.pi, math.pi, 100_001).var(), rel=1e-3)


def test_whose_place_is_not_known_is_left_out(message: Callable) -> None:
    places = [(4.0, 3.0), (5.0, 3.0), (6.0, 3.0)]
    array = message(located_answer(places, [(1.0, 0.0)] * 3, hidden=[1]))
    assert [person.id for person in array.detections] == ["11", "13"]
    assert [person.bbox.center.position.x for person in array.detections] == [4.0, 6.0]


def test_nobody(message: Callable) -> None:
    array = message(located_answer([], []))
    assert len(array.detections) == 0 and array.header.frame_id == "base_link"


def test_an_answer_in_pixels_only_is_no_answer_in_metres(message: Callable) -> None:
    with pytest.raises(ValueError, match="without a ground"):
        message(replace(located_answer(), ground=None))
