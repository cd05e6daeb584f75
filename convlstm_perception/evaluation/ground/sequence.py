"""Answers and annotated people on the ground, in metres."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlstm_perception.evaluation.answered import AnsweredSequence, PersonPaths
from convlstm_perception.geometry import GroundCamera, PersonHeight
from convlstm_perception.ground import GroundTracker, GroundView
from convlstm_perception.types import Float64Array, GroundTracks


class Paths(Protocol):
    """Where people truly are at any time of a sequence."""

    def places(self, identity: int, frame: int, seconds: ArrayLike) -> Float64Array:
        """Places of one person at times relative to a frame.

        Args:
            identity: the person's id in the annotation.
            frame: number of the frame that times count from.
            seconds: (T,) times after that frame in seconds; negative ones lie before it.

        Returns:
            (T, 2) in metres; NaN where it is not known.
        """
        ...


@dataclass(frozen=True)
class GroundedSequence:
    """One answered video on the ground, all of it in one frame that stands still.

    Attributes:
        sequence: the answers and the people annotated.
        camera_at: the camera, as it was in the frame of a number.
        paths: where the annotated people are.
        tracks: the answers' tracks on the ground; the index is the frame number.
    """

    sequence: AnsweredSequence
    camera_at: Callable[[int], GroundCamera]
    paths: Paths
    tracks: Sequence[GroundTracks]


def put_on_ground(
    sequence: AnsweredSequence, view: GroundView, person: PersonHeight
) -> GroundedSequence:
    """The answers' tracks on the ground, as the node publishes them.

    Args:
        sequence: of a camera that stands still.
        view: of that camera, in every frame.
        person: how tall people are.
    """
    tracks: list[GroundTracks] = []
    tracker: GroundTracker | None = None
    for result in sequence.results:
        tracker = tracker or GroundTracker(result.tracks.trajectories.times, person)
        tracks.append(tracker.update(result.tracks, result.stamp_ns, view))
    paths = GroundPaths(sequence, view.camera)
    return GroundedSequence(sequence, lambda frame: view.camera, paths, tracks)


def foot_places(camera: GroundCamera, boxes: NDArray[np.floating]) -> Float64Array:
    """(N, 2) where the feet of (N, 4) boxes, the middles of their lower edges, are on the ground.

    In metres of the target frame; NaN where a box is, or where its foot is above the horizon.
    """
    boxes = boxes.astype(np.float64)
    feet = np.stack([boxes[:, 0], boxes[:, 1] + boxes[:, 3] / 2], -1)
    return camera.locate_pixels(feet, np.zeros_like(feet)).positions[:, :2]


class GroundPaths:
    """Where each annotated person stands at any time of a sequence.

    The foot of the annotated box, brought to the ground by the same camera: what is measured is
    what the answers add, not the calibration. Between annotated frames the box is interpolated as
    in :class:`PersonPaths`.
    """

    def __init__(self, sequence: AnsweredSequence, camera: GroundCamera) -> None:
        self._camera = camera
        self._paths = PersonPaths(sequence.truths, sequence.frame_rate)

    def places(self, identity: int, frame: int, seconds: ArrayLike) -> Float64Array:
        """As :class:`Paths`; NaN where the person is not annotated."""
        return foot_places(self._camera, self._paths.boxes(identity, frame, seconds))
