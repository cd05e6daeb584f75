"""The people in the image for Foxglove: foxglove_msgs/ImageAnnotations, drawn by who shows it.

Foxglove's origin is the corner of the top-left pixel, ours its centre: half a pixel between them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from convlstm_perception.messages.types import MessageTypes
from convlstm_perception.types import Float64Array, PerceptionResult
from convlstm_perception.visualization.alert import alerts, person_colours
from convlstm_perception.visualization.colours import Colour, text_colour
from convlstm_perception.visualization.labels import person_label

IMAGE_ANNOTATIONS = "foxglove_msgs/msg/ImageAnnotations"
_COLOR = "foxglove_msgs/msg/Color"
_POINT = "foxglove_msgs/msg/Point2"
_POINTS = "foxglove_msgs/msg/PointsAnnotation"
_TEXT = "foxglove_msgs/msg/TextAnnotation"

FIELDS = {
    _COLOR: ("r", "g", "b", "a"),
    IMAGE_ANNOTATIONS: ("circles", "points", "texts"),
    _POINT: ("x", "y"),
    _POINTS: (
        "timestamp",
        "type",
        "points",
        "outline_color",
        "outline_colors",
        "fill_color",
        "thickness",
    ),
    _TEXT: ("timestamp", "position", "text", "font_size", "text_color", "background_color"),
}
"""What is set of the types of a package that may be missing, or another version."""

USED_TYPES = tuple(FIELDS)
"""Every type that is made here."""

# Of the messages' own constants.
_LINE_LOOP = 2
_LINE_STRIP = 3

_HALF_A_PIXEL = 0.5
_THIN, _THICK = 2.0, 4.0  # pixels; thick where there is an alert
_FONT = 14.0  # pixels
_ABOVE = 3.0  # pixels between a box and its text


def annotations_message(result: PerceptionResult, header: Any, types: MessageTypes) -> Any:
    """Box, predicted path of the feet and label of each tracked pedestrian, in pixels.

    Args:
        result: to tell; with a ground, in the colours of its alerts and with speeds.
        header: of its image; a message of the same classes.
        types: to make the messages of.
    """
    tracks = result.tracks
    points, texts = [], []
    people = zip(alerts(result), person_colours(result), strict=True)
    for row, (alert, colour) in enumerate(people):
        line, thickness = _color(colour, 1.0, types), _THICK if alert else _THIN
        box = tracks.boxes[row].astype(np.float64)
        corners = box[:2] + box[2:] / 2 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
        future = np.vstack([box, tracks.trajectories.boxes[row].astype(np.float64)])
        feet = np.stack([future[:, 0], future[:, 1] + future[:, 3] / 2], 1)
        for kind, places in ((_LINE_LOOP, corners), (_LINE_STRIP, feet)):
            points.append(
                types[_POINTS](
                    timestamp=header.stamp,
                    type=kind,
                    points=_places(places, types),
                    outline_color=line,
                    outline_colors=[],
                    fill_color=_color(colour, 0.0, types),
                    thickness=thickness,
                )
            )
        (place,) = _places(corners[:1] - [0.0, _ABOVE], types)
        texts.append(
            types[_TEXT](
                timestamp=header.stamp,
                position=place,
                text=person_label(result, row, alert),
                font_size=_FONT,
                text_color=_color(text_colour(colour), 1.0, types),
                background_color=_color(colour, 1.0, types),
            )
        )
    return types[IMAGE_ANNOTATIONS](circles=[], points=points, texts=texts)


def _places(places: Float64Array, types: MessageTypes) -> list[Any]:
    """Of (N, 2) pixels of ours, Foxglove's points."""
    return [types[_POINT](x=x, y=y) for x, y in (places + _HALF_A_PIXEL).tolist()]


def _color(colour: Colour, opacity: float, types: MessageTypes) -> Any:
    blue, green, red = colour
    return types[_COLOR](r=red / 255, g=green / 255, b=blue / 255, a=opacity)
