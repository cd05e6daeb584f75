"""The people on the ground for the eye: visualization_msgs/MarkerArray, for RViz and Foxglove.

Every array begins with DELETEALL, and every marker has a lifetime. The first clears who is gone,
within one message and so without a flicker, and needs no memory of what was shown: also a lost
message leaves nobody behind. The second clears everybody when no more answers come, from a node
that died or a camera that sees nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from convlstm_perception.messages.people import WIDTH, Person, located, people_on_the_ground
from convlstm_perception.messages.types import (
    MessageTypes,
    duration,
    header_in,
    point,
    upright_pose,
    vector,
)
from convlstm_perception.types import Float64Array, PerceptionResult
from convlstm_perception.visualization.alert import alerts, person_colours
from convlstm_perception.visualization.colours import WHITE, Colour
from convlstm_perception.visualization.labels import person_label
from convlstm_perception.visualization.regions import ellipse, is_whole_second

MARKERS = "visualization_msgs/msg/MarkerArray"
_MARKER = "visualization_msgs/msg/Marker"

USED_TYPES = (
    "builtin_interfaces/msg/Duration",
    "geometry_msgs/msg/Point",
    "geometry_msgs/msg/Pose",
    "geometry_msgs/msg/Quaternion",
    "geometry_msgs/msg/Vector3",
    "sensor_msgs/msg/CompressedImage",
    "std_msgs/msg/ColorRGBA",
    "std_msgs/msg/Header",
    _MARKER,
    MARKERS,
    "visualization_msgs/msg/MeshFile",
)
"""Every type that is made here."""

# Of the messages' own constants.
_ARROW, _CYLINDER, _LINE_STRIP, _TEXT = 0, 3, 4, 9
_ADD, _DELETE_ALL = 0, 3

LIFETIME = 1.0
"""Seconds: longer than the pause between two answers of a camera that is not stale."""

_LIFT = 0.02  # metres of what lies flat above the ground, which would hide it
_FLAT = 0.01  # metres, also the least axis of an ellipse
_LINE = 0.05  # metres
_LETTER = 0.25  # metres


def markers_message(result: PerceptionResult, header: Any, types: MessageTypes) -> Any:
    """Those whose place is known as MarkerArray, in metres in the frame of the ground.

    The namespaces are ``person``, ``velocity`` (an arrow as long as a second's way), ``path``,
    ``ellipse 0 s`` and so on for each whole second of the path (nine in ten are within), and
    ``label``; the id is the track's.

    Args:
        result: to tell, with a ground; see :mod:`convlstm_perception.visualization.alert` for the
            colours.
        header: of its image; a message of the same classes.
        types: to make the messages of.
    """
    header = header_in(located(result).frame_id, header, types)
    drawing = _Drawing(result, header, types)
    pressing, colours = alerts(result), person_colours(result)
    for person in people_on_the_ground(result):
        drawing.person(person, colours[person.row])
        drawing.label(person, person_label(result, person.row, pressing[person.row]))
    return types[MARKERS](markers=drawing.markers)


class _Drawing:
    """The markers of one answer.

    Args:
        result: to draw.
        header: of the markers.
        types: to make them of.
    """

    def __init__(self, result: PerceptionResult, header: Any, types: MessageTypes) -> None:
        self._types = types
        self._times = result.tracks.trajectories.times.astype(np.float64)
        ground = located(result)
        self._paths, self._path_covariances = ground.paths, ground.path_covariances
        # rosbags' classes have no defaults; what no marker uses is the same for all.
        self._always = {
            "header": header,
            "lifetime": duration(LIFETIME, types),
            "frame_locked": False,
            "texture_resource": "",
            "texture": types["sensor_msgs/msg/CompressedImage"](
                header=header, format="", data=np.zeros(0, np.uint8)
            ),
            "uv_coordinates": [],
            "mesh_resource": "",
            "mesh_file": types["visualization_msgs/msg/MeshFile"](
                filename="", data=np.zeros(0, np.uint8)
            ),
            "mesh_use_embedded_materials": False,
        }
        self._nowhere = upright_pose((0.0, 0.0, 0.0), 0.0, types)
        self.markers: list[Any] = []
        self._add("", 0, _CYLINDER, (0.0, 0.0, 0.0), self._colour(WHITE, 0.0), action=_DELETE_ALL)

    def person(self, person: Person, colour: Colour) -> None:
        """Add body, velocity, path and ellipses."""
        x, y, _ = person.position
        self._add(
            "person",
            person.track_id,
            _CYLINDER,
            (WIDTH, WIDTH, person.height),
            self._colour(colour, 0.6),
            pose=upright_pose(person.centre, 0.0, self._types),
        )
        if person.moving:
            along_x, along_y = person.velocity
            z = person.centre[2]
            self._add(
                "velocity",
                person.track_id,
                _ARROW,
                (0.06, 0.14, 0.2),  # diameters of shaft and head, length of the head
                self._colour(colour, 1.0),
                points=[
                    point(place, self._types)
                    for place in ((x, y, z), (x + along_x, y + along_y, z))
                ],
            )
        self._path(person, colour)
        self._ellipse(person, 0, person.position, person.covariance[:2, :2], colour)
        for step, time in enumerate(self._times.tolist()):
            if is_whole_second(time):
                place = self._paths[person.row, step].tolist()
                covariance = self._path_covariances[person.row, step]
                self._ellipse(person, round(time), place, covariance, colour)

    def label(self, person: Person, text: str) -> None:
        """Add a text above the head."""
        x, y, z = person.position
        above = x, y, z + person.height + _LETTER
        self._add(
            "label",
            person.track_id,
            _TEXT,
            (0.0, 0.0, _LETTER),
            self._colour(WHITE, 1.0),
            pose=upright_pose(above, 0.0, self._types),
            text=text,
        )

    def _path(self, person: Person, colour: Colour) -> None:
        places = np.vstack([person.position, self._paths[person.row]])
        places[:, 2] += _LIFT
        # As sure as now at first, a hint at the end.
        opacities = np.linspace(1.0, 0.2, len(places)).tolist()
        self._add(
            "path",
            person.track_id,
            _LINE_STRIP,
            (_LINE, 0.0, 0.0),
            self._colour(colour, 1.0),
            points=[point(place, self._types) for place in places.tolist()],
            colors=[self._colour(colour, opacity) for opacity in opacities],
        )

    def _ellipse(
        self,
        person: Person,
        second: int,
        place: tuple[float, float, float],
        covariance: Float64Array,
        colour: Colour,
    ) -> None:
        longer, shorter, yaw = ellipse(covariance)
        axes = max(2 * longer, _FLAT), max(2 * shorter, _FLAT)
        x, y, z = place
        self._add(
            f"ellipse {second} s",
            person.track_id,
            _CYLINDER,
            (*axes, _FLAT),
            self._colour(colour, 0.25 / (1 + second / 2)),
            pose=upright_pose((x, y, z + _LIFT / 2), yaw, self._types),
        )

    def _add(
        self,
        namespace: str,
        track_id: int,
        kind: int,
        scale: tuple[float, float, float],
        color: Any,
        *,
        action: int = _ADD,
        pose: Any = None,
        points: list[Any] | None = None,
        colors: list[Any] | None = None,
        text: str = "",
    ) -> None:
        self.markers.append(
            self._types[_MARKER](
                ns=namespace,
                id=track_id % 2**31,  # an int32; nobody sees two tracks of which this is the same
                type=kind,
                action=action,
                pose=pose or self._nowhere,
                scale=vector(*scale, self._types),
                color=color,
                points=points or [],
                colors=colors or [],
                text=text,
                **self._always,
            )
        )

    def _colour(self, colour: Colour, opacity: float) -> Any:
        blue, green, red = colour
        return self._types["std_msgs/msg/ColorRGBA"](
            r=red / 255, g=green / 255, b=blue / 255, a=opacity
        )
