"""A walking person of MetaDrive's assets: its own animation, its place, its vertices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from direct.actor.Actor import Actor
from metadrive.engine.asset_loader import AssetLoader
from numpy.typing import NDArray
from panda3d.core import NodePath, Thread, TransparencyAttrib

from convlstm_perception_sim.scene import Look

_ANIMATION = "Take 001"
_MODEL_HEIGHT = 186.9  # units of the model, from its soles to the top of its head
_TURN = 90.0  # degrees by which the model looks beside panda's x axis
_STRIDE = 2.9  # metres that the animation walks before it begins again
_FLOATS_AHEAD = 3  # a vertex begins with its place


class Body:
    """One person in the street.

    Args:
        parent: node of the world that shades what is below it.
        look: of the person.
        phase: of the walk at the beginning, in [0, 1).
        model: a body to share the model with; None loads it.
    """

    def __init__(self, parent: NodePath, look: Look, phase: float, model: Body | None) -> None:
        if model is None:
            self._actor = Actor(AssetLoader.file_path("models", "pedestrian", "scene.gltf"))
        else:
            self._actor = Actor(other=model._actor)
        self.height = look.height
        self._scale = look.height / _MODEL_HEIGHT
        self._phase = phase
        self._frames = self._actor.getNumFrames(_ANIMATION)
        self._actor.setScale(self._scale)
        self._actor.setColorScale(*look.tint, 1.0)
        self._actor.setTransparency(TransparencyAttrib.MNone)
        self._actor.reparentTo(parent)
        self._geometries = list(self._actor.findAllMatches("**/+GeomNode"))

    def place(self, x: float, y: float, z: float, heading: float, walked: float) -> None:
        """Put the person somewhere.

        Args:
            x, y, z: of the ground below in metres.
            heading: in radians from x towards y.
            walked: metres since the last call, from which the legs move.
        """
        self._phase = (self._phase + walked / _STRIDE) % 1.0
        self._actor.pose(_ANIMATION, self._phase * (self._frames - 1))
        self._actor.setPos(x, y, z)
        self._actor.setH(math.degrees(heading) + _TURN)

    def vertices(self, frame: NodePath) -> NDArray[np.float64]:
        """(V, 3) of the body as it stands, in metres in a frame's own axes."""
        self._actor.update(force=True)
        parts = [_vertices(path, frame) for path in self._geometries]
        return np.concatenate(parts)


def _vertices(path: NodePath, frame: NodePath) -> NDArray[np.float64]:
    matrix = np.array(path.getMat(frame)).reshape(4, 4)  # panda's vectors are rows
    places = []
    for geometry in path.node().getGeoms():
        data: Any = geometry.getVertexData().animateVertices(True, Thread.getCurrentThread())
        column = data.getFormat().getColumn("vertex")
        stride = data.getFormat().getArray(data.getFormat().getArrayWith("vertex")).getStride()
        raw = bytes(data.getArray(data.getFormat().getArrayWith("vertex")).getHandle().getData())
        rows = np.frombuffer(raw, np.uint8).reshape(-1, stride)
        start = column.getStart()
        floats = rows[:, start : start + 4 * _FLOATS_AHEAD].copy().view(np.float32)
        places.append(floats.astype(np.float64))
    points = np.concatenate(places)
    return np.asarray(points @ matrix[:3, :3] + matrix[3, :3], np.float64)
