"""What Foxglove draws over an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from convlstm_perception.messages.image_annotations import FIELDS, annotations_message
from convlstm_perception.types import PerceptionResult
from convlstm_perception.visualization.alert import person_colours
from tests.support.located import STAMP, header_of, located_answer


@pytest.fixture
def message(store: Any, again: Callable[[Any], Any]) -> Callable[[PerceptionResult], Any]:
    return lambda result: again(annotations_message(result, header_of(store.types), store.types))


def test_box_path_and_text_of_a_person(message: Callable) -> None:
    """Half a pixel lies between the two origins."""
    annotations = message(located_answer())
    box, path = annotations.points
    assert (box.type, path.type) == (type(box).LINE_LOOP, type(path).LINE_STRIP)
    corners = [(point.x, point.y) for point in box.points]
    assert corners == [(90.5, 40.5), (110.5, 40.5), (110.5, 80.5), (90.5, 80.5)]
    feet = [(point.x, point.y) for point in path.points]
    assert feet == [(100.5 + 10 * time, 80.5) for time in (0.0, 0.5, 1.0, 1.5, 2.0)]
    (text,) = annotations.texts
    assert text.text == "11  1.0 m/s  5.0 m"
    assert text.position.x == 90.5 and 30 < text.position.y < 40.5
    assert len(annotations.circles) == 0
    for entry in (box, path, text):
        stamp = entry.timestamp
        assert {"sec": stamp.sec, "nanosec": stamp.nanosec} == STAMP


def test_who_comes_close_is_drawn_thick_in_the_alerts_colour(message: Callable) -> None:
    places, velocities = [(4.0, 0.0), (9.0, 0.0)], [(-2.0, 0.0)] * 2
    answer = located_answer(places, velocities, closest=[(1.5, 0.5), (9.0, 0.5)])
    annotations = message(answer)
    danger, calm = annotations.points[0], annotations.points[2]
    assert danger.thickness > calm.thickness
    for entry, (blue, green, red) in zip((danger, calm), person_colours(answer), strict=True):
        colour = entry.outline_color
        assert (colour.r, colour.g, colour.b, colour.a) == pytest.approx(
            (red / 255, green / 255, blue / 255, 1.0)
        )
        assert entry.fill_color.a == 0.0
    assert annotations.texts[0].text.endswith("! 0.5 m in 1.5 s")


def test_whose_place_is_not_known_is_drawn_all_the_same(message: Callable) -> None:
    for answer in (located_answer(hidden=[0]), replace(located_answer(), ground=None)):
        annotations = message(answer)
        assert [text.text for text in annotations.texts] == ["11  75%"]
        assert len(annotations.points) == 2


def test_nobody(message: Callable) -> None:
    annotations = message(located_answer([], []))
    assert len(annotations.points) == len(annotations.texts) == 0


def test_the_fields_are_those_of_the_definitions(store: Any) -> None:
    for name, fields in FIELDS.items():
        assert list(fields) == [field for field, _ in store.fielddefs[name][1]], name
