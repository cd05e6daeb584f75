"""What a page is told of an answer, in metres and in pixels."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest

from convlstm_perception.types import AnswerStatus, GroundTracks, PerceptionResult
from convlstm_perception.visualization.birds_eye import frame_values
from tests.support.ground_scene import GroundScene, Walker

SCENE = GroundScene([Walker((6.0, 0.5), (-1.234, 0.0)), Walker((4.0, -2.0), (0.0, 1.3))])
FIRST = SCENE.answer(0).stamp_ns


def values(answer: PerceptionResult) -> dict[str, Any]:
    """As JSON brings them."""
    loaded: dict[str, Any] = json.loads(json.dumps(frame_values(answer, FIRST), allow_nan=False))
    return loaded


def with_ground(answer: PerceptionResult, **changes: Any) -> PerceptionResult:
    assert answer.ground is not None
    return dataclasses.replace(answer, ground=dataclasses.replace(answer.ground, **changes))


def test_people_on_the_ground_are_told_in_rounded_metres() -> None:
    told = values(SCENE.answer(3))
    assert told["t"] == 0.3 and told["g"] == 1 and "st" not in told and "new" not in told
    one, two = told["who"]
    assert one["i"] == 1 and one["v"] == [-1.23, 0.0] and one["h"] == 1.72
    assert one["w"][0] == [round(6.0 - 0.3 * 1.234, 2), 0.5]
    assert one["w"][-1] == [round(6.0 - 3.3 * 1.234, 2), 0.5] and len(one["w"]) == 7
    assert one["n"] == [pytest.approx(5.63 / 1.234, abs=0.006), 0.5] and "a" not in one
    assert two["n"] == [pytest.approx(1.61 / 1.3, abs=0.006), 4.0]
    assert values(SCENE.answer(12))["who"][0]["a"] == 1


def test_an_ellipse_is_turned_as_its_covariance() -> None:
    answer = SCENE.answer(0)
    assert answer.ground is not None
    turn = math.radians(30.0)
    axes = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    covariances = answer.ground.covariances.copy()
    covariances[0, :2, :2] = axes @ np.diag([0.5**2, 0.1**2]) @ axes.T
    _, long, short, angle = values(with_ground(answer, covariances=covariances))["who"][0]["e"][0]
    assert (short, long) == (0.21, 1.07)
    assert math.cos(2 * (angle - turn)) == pytest.approx(1.0, abs=1e-3)


def test_a_way_ends_where_it_is_not_known() -> None:
    answer = SCENE.answer(0)
    assert answer.ground is not None
    paths = answer.ground.paths.copy()
    paths[0, 3:] = np.nan
    one = values(with_ground(answer, paths=paths))["who"][0]
    assert len(one["w"]) == 4 and [ellipse[0] for ellipse in one["e"]] == [0, 2]


def test_who_has_no_place_has_the_reason() -> None:
    one, two = values(with_ground(SCENE.answer(0), reasons=("", "above the horizon")))["who"]
    assert "w" in one and "why" not in one
    assert two == {"i": 2, "s": 72, "why": "above the horizon"}


def test_without_ground_foot_points_are_told_in_pixels() -> None:
    answer = SCENE.answer(0)
    for ground, reason in (
        (None, "no target_frame and no camera_height is set"),
        (GroundTracks.unknown(2, 6, "no transform"), "no transform"),
    ):
        told = values(dataclasses.replace(answer, ground=ground))
        assert told["no"] == reason and "g" not in told
        x, y, _, height = answer.tracks.boxes[1]
        assert told["who"][1]["w"][0] == pytest.approx([x, y + height / 2], abs=0.06)
        spread = 2.146 * 0.02 * SCENE.height
        step, across, down, angle = told["who"][1]["e"][0]
        assert (step, angle) == (2, 0) and across == pytest.approx(spread, abs=0.06)
        assert down == pytest.approx(spread * math.sqrt(1.25), abs=0.06)


def test_a_box_that_is_not_finite_is_no_place() -> None:
    answer = dataclasses.replace(SCENE.answer(0), ground=None)
    boxes = answer.tracks.boxes.copy()
    boxes[0, 1] = np.nan
    tracks = dataclasses.replace(answer.tracks, boxes=boxes, coasting=np.array([True, False]))
    told = values(dataclasses.replace(answer, tracks=tracks))["who"]
    assert told[0] == {"i": 1, "s": 97, "c": 1, "why": "its box is not finite"}


def test_states_and_restarts_are_told_in_words() -> None:
    answer = dataclasses.replace(
        SCENE.answer(0), status=AnswerStatus.UNUSABLE, status_reason="black", restarted="a gap"
    )
    told = values(answer)
    assert (told["st"], told["say"], told["new"]) == (2, "black", "a gap")
