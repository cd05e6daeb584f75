"""Annotated sequences: the one form that every reader gives and every evaluation takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from convlstm_perception.data.video import FrameSource
from convlstm_perception.errors import SourceError
from convlstm_perception.types import Float32Array, Int64Array


@dataclass(frozen=True)
class FrameTruth:
    """The people annotated in one frame.

    Attributes:
        ids: (N,) int64 identity of each person; in still images a running number.
        boxes: (N, 4) float32 centre x, centre y, width, height in pixels.
        ignored: (M, 4) float32 boxes that are neither asked for nor counted as errors when found
            (crowds, reflections, "do not care" regions).
    """

    ids: Int64Array
    boxes: Float32Array
    ignored: Float32Array = field(default_factory=lambda: np.zeros((0, 4), np.float32))


@dataclass(frozen=True)
class AnnotatedSequence:
    """One recording, or one set of still images, with its people.

    Attributes:
        name: of the sequence, unique in its data set.
        frame_rate: frames a second; None for still images that do not follow each other. Any rate
            will do: the pipeline goes by the frames' stamps, not by their number. A rate below one
            frame in each step of the model's window leaves slots empty, of which
            :func:`convlstm_perception.data.checks.check_sequence` warns.
        width, height: of the images in pixels; of the first one where they differ.
        truths: frame number, counted from 0, to its people. A number that is missing is a frame
            nobody annotated; a frame without people has empty arrays.
        images: the pictures, in order of frame number; None where only boxes are known.
    """

    name: str
    frame_rate: float | None
    width: int
    height: int
    truths: Mapping[int, FrameTruth]
    images: FrameSource | None = None


@dataclass(frozen=True)
class BoxTrack:
    """One person's boxes in consecutive frames.

    Attributes:
        id: identity in the sequence.
        first: number of the first frame.
        boxes: (frames, 4) float32 centre x, centre y, width, height in pixels.
        frame_rate: frames a second.
        image_width, image_height: size of the images in pixels.
    """

    id: int
    first: int
    boxes: Float32Array
    frame_rate: float
    image_width: int
    image_height: int


def box_tracks(sequence: AnnotatedSequence, across_gaps: bool = False) -> Iterator[BoxTrack]:
    """Every person's track.

    Args:
        sequence: of video.
        across_gaps: whether boxes before and after a gap in the frames follow each other in one
            track, as public protocols take them; otherwise such a track becomes several.

    Raises:
        SourceError: for still images, which have no tracks.
    """
    if sequence.frame_rate is None:
        raise SourceError(f"{sequence.name}: still images have no tracks; give a video")
    rows: dict[int, list[tuple[int, Float32Array]]] = {}
    for number in sorted(sequence.truths):
        truth = sequence.truths[number]
        for identity, box in zip(truth.ids, truth.boxes, strict=True):
            rows.setdefault(int(identity), []).append((number, box))
    for identity, row in rows.items():
        numbers = np.array([number for number, _ in row])
        boxes = np.array([box for _, box in row], np.float32)
        breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
        if across_gaps:
            breaks = breaks[:0]
        for start, piece in zip([0, *breaks], np.split(boxes, breaks), strict=True):
            yield BoxTrack(
                identity,
                int(numbers[start]),
                piece,
                sequence.frame_rate,
                sequence.width,
                sequence.height,
            )
