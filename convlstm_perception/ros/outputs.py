"""The topics of a camera's answers: what each is for, when it is published, and who makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from uuid import UUID

from std_msgs.msg import Header

from convlstm_perception.messages import (
    answers,
    autoware,
    detections_3d,
    image_annotations,
    markers,
    poses,
)
from convlstm_perception.messages.types import MessageTypes
from convlstm_perception.types import PerceptionResult


@dataclass(frozen=True)
class Origin:
    """What messages tell beside the answer.

    Attributes:
        model_id: name and version of the model.
        class_id: of a pedestrian.
        namespace: of the camera's tracks, for ids that are unique beyond it.
    """

    model_id: str
    class_id: str
    namespace: UUID


def _always(result: PerceptionResult) -> bool:
    return True


def _usable(result: PerceptionResult) -> bool:
    """Of an unusable image, that nobody is there would be an all-clear."""
    return result.usable


def _located(result: PerceptionResult) -> bool:
    """Nobody in metres, of an answer without metres, would be an all-clear too."""
    return result.usable and result.ground is not None and not result.ground.reason


@dataclass(frozen=True)
class Output:
    """One topic.

    Attributes:
        topic: its last name; the parameter ``publish_TOPIC`` switches it.
        kind: type of its messages.
        types: that they are made of.
        applies: whether it is published for an answer.
        build: makes the message.
        fields: that are set of types whose package may be another version.
    """

    topic: str
    kind: str
    types: tuple[str, ...]
    applies: Callable[[PerceptionResult], bool]
    build: Callable[[PerceptionResult, Header, Origin, MessageTypes], Any]
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def in_metres(self) -> bool:
        """Whether it is for answers in metres only."""
        return self.applies is _located

    @property
    def switch(self) -> str:
        """The parameter."""
        return f"publish_{self.topic}"


NUMBERS = (
    Output(
        "trajectories",
        answers.TRAJECTORIES,
        answers.USED_TYPES,
        _always,
        lambda result, header, origin, types: answers.trajectories_message(
            result, header, origin.model_id, types
        ),
    ),
    Output(
        "detections",
        answers.DETECTIONS,
        answers.USED_TYPES,
        _usable,
        lambda result, header, origin, types: answers.detections_message(
            result, header, origin.class_id, types
        ),
    ),
    Output(
        "predicted_objects",
        autoware.PREDICTED_OBJECTS,
        autoware.USED_TYPES,
        _located,
        lambda result, header, origin, types: autoware.predicted_objects_message(
            result, header, origin.namespace, types
        ),
        autoware.FIELDS,
    ),
    Output(
        "detections_3d",
        detections_3d.DETECTIONS_3D,
        detections_3d.USED_TYPES,
        _located,
        lambda result, header, origin, types: detections_3d.detections_3d_message(
            result, header, origin.class_id, types
        ),
    ),
    Output(
        "poses",
        poses.POSES,
        poses.USED_TYPES,
        _located,
        lambda result, header, origin, types: poses.poses_message(result, header, types),
    ),
)
"""For programs, in the order in which they are published."""

PICTURES = (
    Output(
        "markers",
        markers.MARKERS,
        markers.USED_TYPES,
        _located,
        lambda result, header, origin, types: markers.markers_message(result, header, types),
    ),
    Output(
        "image_annotations",
        image_annotations.IMAGE_ANNOTATIONS,
        image_annotations.USED_TYPES,
        _usable,
        lambda result, header, origin, types: image_annotations.annotations_message(
            result, header, types
        ),
        image_annotations.FIELDS,
    ),
)
"""For people: after the numbers, and beside the overlay, which also needs the image."""
