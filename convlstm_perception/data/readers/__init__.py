"""Readers of data sets: each gives :class:`AnnotatedSequence`.

A new data set is one new module with a function ``(path, split) -> list[AnnotatedSequence]`` and
one line in ``DATASETS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from convlstm_perception.data.readers.box_table import (
    read_coco_person_boxes,
    read_penn_fudan_boxes,
)
from convlstm_perception.data.readers.coco import read_coco
from convlstm_perception.data.readers.jaad import read_jaad
from convlstm_perception.data.readers.kitti import read_kitti
from convlstm_perception.data.readers.mot import read_mot
from convlstm_perception.data.readers.pets import read_pets
from convlstm_perception.data.readers.ros_bag import read_ros_bag
from convlstm_perception.data.readers.yolo import read_yolo
from convlstm_perception.data.sequence import AnnotatedSequence, BoxTrack, box_tracks
from convlstm_perception.errors import SourceError

Reader = Callable[[Path, str | None], list[AnnotatedSequence]]

DATASETS: Mapping[str, Reader] = {
    "coco": read_coco,
    "coco-persons": read_coco_person_boxes,
    "jaad": read_jaad,
    "kitti": read_kitti,
    "mot": read_mot,
    "penn-fudan": read_penn_fudan_boxes,
    "pets": read_pets,
    "ros-bag": read_ros_bag,
    "yolo": read_yolo,
}


def read_sequences(kind: str, path: Path, split: str | None = None) -> list[AnnotatedSequence]:
    """Read a data set.

    Args:
        kind: name in ``DATASETS``.
        path: file or folder, as the reader of that kind expects it.
        split: part of the data set; None for all of it.

    Returns:
        Its sequences; at least one.

    Raises:
        SourceError: for an unknown kind, and when the data set is missing or damaged.
    """
    if kind not in DATASETS:
        raise SourceError(f"data set {kind!r}: unknown; one of {', '.join(DATASETS)}")
    path = Path(path).expanduser()
    if not path.exists():
        raise SourceError(f"{path}: no such file or folder; give where the {kind} data set lies")
    sequences = DATASETS[kind](path, split)
    if not sequences:
        raise SourceError(f"{path}: holds no sequence of the split {split!r}")
    return sequences


def read_tracks(kind: str, path: Path, split: str | None = None) -> list[BoxTrack]:
    """Every person's track of a data set of videos; one with a gap becomes several.

    Raises:
        SourceError: as :func:`read_sequences`, and for still images.
    """
    sequences = read_sequences(kind, path, split)
    return [track for sequence in sequences for track in box_tracks(sequence)]
