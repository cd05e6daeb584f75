"""What RViz and Foxglove show."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from convlstm_perception.messages.markers import LIFETIME, markers_message
from convlstm_perception.types import PerceptionResult
from convlstm_perception.visualization.alert import Alert, alerts, person_colours
from tests.support.located import header_of, located_answer, yaw_of

Make = Callable[[PerceptionResult], Sequence[Any]]


@pytest.fixture
def shown(store: Any, again: Callable[[Any], Any]) -> Make:
    return lambda result: (
        again(markers_message(result, header_of(store.types), store.types)).markers
    )


def by_namespace(markers: Sequence[Any], track_id: int) -> dict[str, Any]:
    found = [marker for marker in markers[1:] if marker.id == track_id]
    assert len({marker.ns for marker in found}) == len(found)
    return {marker.ns: marker for marker in found}


def test_everything_of_a_person(shown: Make) -> None:
    markers = shown(located_answer())
    kinds = type(markers[0])
    own = by_namespace(markers, 11)
    assert list(own) == [
        *("person", "velocity", "path", "ellipse 0 s", "ellipse 1 s", "ellipse 2 s", "label")
    ]
    body = own["person"]
    assert body.type == kinds.CYLINDER
    place, size = body.pose.position, body.scale
    assert (place.x, place.y, place.z) == pytest.approx((4.0, 3.0, 1.0))
    assert (size.x, size.y, size.z) == pytest.approx((0.6, 0.6, 1.8))
    arrow = own["velocity"]
    assert arrow.type == kinds.ARROW
    tail, head = arrow.points
    assert (head.x - tail.x, head.y - tail.y, head.z - tail.z) == pytest.approx((0.0, -1.0, 0.0))
    path = own["path"]
    assert path.type == kinds.LINE_STRIP
    assert [point.y for point in path.points] == pytest.approx([3.0, 2.5, 2.0, 1.5, 1.0])
    opacities = [colour.a for colour in path.colors]
    assert opacities[0] == 1.0 and opacities == sorted(opacities, reverse=True)
    assert len(opacities) == len(path.points) and opacities[-1] > 0
    label = own["label"]
    assert label.type == kinds.TEXT_VIEW_FACING
    assert label.text == "11  1.0 m/s  5.0 m"
    assert label.pose.position.z > 1.9


def test_ellipses_hold_nine_in_ten(shown: Make) -> None:
    own = by_namespace(shown(located_answer()), 11)
    now, later = own["ellipse 0 s"], own["ellipse 2 s"]
    assert (now.scale.x, now.scale.y) == pytest.approx(
        (2 * math.sqrt(4.60517) * 0.3, 2 * math.sqrt(4.60517) * 0.2)
    )
    assert abs(yaw_of(now.pose.orientation)) == pytest.approx(math.pi / 2)  # longer along y
    assert (later.pose.position.x, later.pose.position.y) == pytest.approx((4.0, 1.0))
    assert later.scale.x == pytest.approx(2 * math.sqrt(4.60517) * 0.5)
    assert now.scale.z < 0.05


def test_a_line_for_an_ellipse_keeps_a_width(shown: Make) -> None:
    """RViz draws nothing, and complains, of a scale of 0."""
    answer = located_answer(covariance=np.zeros((4, 4)))
    markers = shown(answer)
    assert all(
        min(marker.scale.x, marker.scale.y, marker.scale.z) > 0
        for marker in markers[1:]
        if marker.type == type(marker).CYLINDER
    )


def test_what_was_shown_is_cleared_first_and_ends_by_itself(shown: Make) -> None:
    for answer in (located_answer(), located_answer([], [])):
        markers = shown(answer)
        assert markers[0].action == type(markers[0]).DELETEALL
        assert all(marker.action == type(marker).ADD for marker in markers[1:])
        lifetimes = {m.lifetime.sec + 1e-9 * m.lifetime.nanosec for m in markers[1:]}
        assert lifetimes <= {LIFETIME}
        assert {marker.header.frame_id for marker in markers} == {"base_link"}


def test_whose_place_is_not_known_is_not_shown(shown: Make) -> None:
    places = [(4.0, 3.0), (5.0, 3.0)]
    markers = shown(located_answer(places, [(1.0, 0.0)] * 2, hidden=[0]))
    assert {marker.id for marker in markers[1:]} == {12}


def test_who_stands_has_no_arrow(shown: Make) -> None:
    own = by_namespace(shown(located_answer(velocities=[(0.1, 0.0)])), 11)
    assert "velocity" not in own and "person" in own


def test_the_colour_is_the_alerts(shown: Make) -> None:
    places, velocities = [(4.0, 0.0), (5.0, 0.0), (6.0, 0.0)], [(-2.0, 0.0)] * 3
    answer = located_answer(places, velocities, closest=[(1.5, 0.5), (3.0, 1.0), (3.0, 2.5)])
    assert alerts(answer) == [Alert.DANGER, Alert.CAUTION, Alert.NONE]
    markers = shown(answer)
    for track_id, (blue, green, red) in zip((11, 12, 13), person_colours(answer), strict=True):
        for name in ("person", "velocity", "ellipse 1 s"):
            colour = by_namespace(markers, track_id)[name].color
            assert (colour.r, colour.g, colour.b) == pytest.approx(
                (red / 255, green / 255, blue / 255)
            )
    assert by_namespace(markers, 11)["label"].text.endswith("! 0.5 m in 1.5 s")
