"""Who is of concern, and in which colour."""

from __future__ import annotations

import colorsys
from dataclasses import replace

import pytest

from convlstm_perception.types import GroundTracks, PerceptionResult
from convlstm_perception.visualization.alert import Alert, alerts, own_colours, person_colours
from convlstm_perception.visualization.colours import calm_track_colour, track_colour
from convlstm_perception.visualization.labels import person_label
from tests.support.located import located_answer


def comers(*closest: tuple[float, float], hidden: tuple[int, ...] = ()) -> PerceptionResult:
    count = len(closest)
    places, velocities = [(4.0, 3.0)] * count, [(-1.0, 0.0)] * count
    return located_answer(places, velocities, closest=closest, hidden=hidden)


@pytest.mark.parametrize(
    ("time", "distance", "alert"),
    [
        (0.0, 1.9, Alert.DANGER),
        (2.0, 2.0, Alert.DANGER),
        (2.1, 2.0, Alert.CAUTION),
        (4.0, 0.0, Alert.CAUTION),
        (4.1, 0.0, Alert.NONE),
        (1.0, 2.1, Alert.NONE),
    ],
)
def test_near_and_soon(time: float, distance: float, alert: Alert) -> None:
    assert alerts(comers((time, distance))) == [alert]


def test_what_is_not_known_is_no_alert() -> None:
    assert alerts(comers((1.0, 1.0), (1.0, 1.0), hidden=(0,))) == [Alert.NONE, Alert.DANGER]
    assert alerts(replace(comers((1.0, 1.0)), ground=None)) == [Alert.NONE]
    unknown = GroundTracks.unknown(1, 4, "no calibration")
    assert alerts(replace(comers((1.0, 1.0)), ground=unknown)) == [Alert.NONE]


def test_no_track_looks_like_an_alert_where_there_can_be_one() -> None:
    danger, caution = person_colours(comers((1.0, 1.0), (3.0, 1.0)))
    assert danger != caution

    def brightness(colour: tuple[int, int, int]) -> float:
        return 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2]

    # Red and amber are one hue to many: brightness tells them apart.
    assert brightness(caution) - brightness(danger) > 100
    for track_id in range(20):
        blue, green, red = calm_track_colour(track_id)
        hue, _, _ = colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)
        assert 0.25 < hue < 0.92  # from green by way of blue to purple: none is warm
    assert all(calm_track_colour(i) != calm_track_colour(i + 1) for i in range(50))


def test_in_pixels_only_tracks_have_their_usual_colours() -> None:
    result = replace(comers((1.0, 1.0), (3.0, 1.0)), ground=None)
    assert person_colours(result) == own_colours(result) == [track_colour(11), track_colour(12)]


def test_a_label_tells_what_is_known() -> None:
    result = comers((1.0, 0.4), (9.0, 9.0), hidden=(1,))
    assert person_label(result, 0) == "11  1.0 m/s  5.0 m"
    assert person_label(result, 0, Alert.DANGER) == "11  1.0 m/s  5.0 m  ! 0.4 m in 1.0 s"
    assert person_label(result, 1) == "12  75%"
