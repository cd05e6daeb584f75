"""Who comes close, and soon: one rule and one colour for every picture."""

from __future__ import annotations

from enum import IntEnum

from convlstm_perception.types import PerceptionResult
from convlstm_perception.visualization.colours import Colour, calm_track_colour, track_colour

NEAR = 2.0
"""Metres from the frame's origin within which somebody's closest approach is of concern."""
DANGER_WITHIN = 2.0
"""Seconds to that approach, up to which it is a danger."""
CAUTION_WITHIN = 4.0
"""Seconds up to which it calls for caution."""


class Alert(IntEnum):
    """How pressing it is.

    Attributes:
        NONE: nobody comes near, or it is not known.
        CAUTION: near within a few seconds.
        DANGER: near, and about to be.
    """

    NONE = 0
    CAUTION = 1
    DANGER = 2


# A dark red and a bright amber: told apart by brightness where not by hue. Neither is the only
# sign: lines are thicker, and the label gives the distance and the time.
_COLOURS: dict[Alert, Colour] = {Alert.CAUTION: (0, 196, 255), Alert.DANGER: (56, 24, 214)}


def alerts(result: PerceptionResult) -> list[Alert]:
    """One for each track; NONE for all of an answer without a ground."""
    ground = result.ground
    if ground is None:
        return [Alert.NONE] * len(result.tracks)
    return [
        _alert(time, distance)
        for time, distance in zip(
            ground.closest_times.tolist(), ground.closest_distances.tolist(), strict=True
        )
    ]


def own_colours(result: PerceptionResult) -> list[Colour]:
    """Of each track, as (blue, green, red); where there can be alerts, none that looks like one."""
    own = track_colour if result.ground is None else calm_track_colour
    return [own(track_id) for track_id in result.tracks.ids.tolist()]


def person_colours(result: PerceptionResult) -> list[Colour]:
    """Of each track, as (blue, green, red): the alert's, else its own."""
    return [
        _COLOURS.get(alert, own)
        for alert, own in zip(alerts(result), own_colours(result), strict=True)
    ]


def _alert(time: float, distance: float) -> Alert:
    """Of a closest approach; of NaN, which is no smaller than anything, NONE."""
    if not distance <= NEAR:
        return Alert.NONE
    if time <= DANGER_WITHIN:
        return Alert.DANGER
    return Alert.CAUTION if time <= CAUTION_WITHIN else Alert.NONE
