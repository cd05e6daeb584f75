"""Annotated recordings as training material: how people move, and photographs of the place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from convlstm_perception.data.readers import read_sequences
from convlstm_perception.data.sequence import AnnotatedSequence, BoxTrack, FrameTruth, box_tracks
from convlstm_perception.data.stills import Photograph
from convlstm_perception.types import Image

_HELD_OUT = 0.2  # share of a recording's time, its end, that is for validation
_SPACING = 1.0  # seconds between the photographs taken of a recording
_MOST_PHOTOGRAPHS = 100  # of one recording, so that a long one fits into memory
_LONGEST_SIDE = 640  # pixels; clips are smaller still
_GREY = 114


@dataclass
class Material:
    """What a recording gives to the compositor."""

    photographs: list[Photograph] = field(default_factory=list)
    tracks: list[BoxTrack] = field(default_factory=list)


def read_recordings(recordings: Mapping[str, str]) -> tuple[Material, Material]:
    """Material for training, and from the last fifth of each recording for validation.

    Args:
        recordings: path to kind of reader, see ``convlstm_perception.data.readers.DATASETS``.

    Raises:
        SourceError: when a recording is missing or damaged, or its kind unknown.
    """
    training, validation = Material(), Material()
    for path, kind in recordings.items():
        for sequence in read_sequences(kind, Path(path)):
            _add(sequence, training, validation)
    return training, validation


def _add(sequence: AnnotatedSequence, training: Material, validation: Material) -> None:
    border = round((1.0 - _HELD_OUT) * (max(sequence.truths, default=-1) + 1))
    if sequence.frame_rate is not None:
        for track in box_tracks(sequence):
            (training if track.first < border else validation).tracks.append(track)
    if sequence.images is None:
        return
    chosen = _chosen(sequence)
    for number, image in enumerate(sequence.images):
        if number in chosen:
            material = training if number < border else validation
            material.photographs.append(_photograph(image, sequence.truths[number]))
    sequence.images.close()


def _chosen(sequence: AnnotatedSequence) -> set[int]:
    """Annotated frames about a second apart, over the whole recording."""
    spacing = max(1, round(_SPACING * (sequence.frame_rate or 1.0)))
    numbers = sorted(sequence.truths)[::spacing]
    return set(numbers[:: -(-len(numbers) // _MOST_PHOTOGRAPHS) or 1])


def _photograph(image: Image, truth: FrameTruth) -> Photograph:
    """A frame and its people; regions to be ignored are painted over, since nobody is there."""
    image = image.copy()
    for x, y, width, height in truth.ignored:
        low = max(0, round(y - height / 2)), max(0, round(x - width / 2))
        high = max(0, round(y + height / 2)), max(0, round(x + width / 2))
        image[low[0] : high[0], low[1] : high[1]] = _GREY
    centres, half = truth.boxes[:, :2], truth.boxes[:, 2:] / 2
    corners = np.concatenate([centres - half, centres + half], axis=1).astype(np.float32)
    scale = _LONGEST_SIDE / max(image.shape[:2])
    if scale >= 1.0:
        return Photograph(image, corners)
    size = round(image.shape[1] * scale), round(image.shape[0] * scale)
    ratio = np.array([size[0] / image.shape[1], size[1] / image.shape[0]] * 2, np.float32)
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return Photograph(small, corners * ratio)
