"""KITTI tracking (Geiger et al. 2012): people before a moving car, 10 Hz.

Pedestrians are the people; cyclists, sitting people and ``DontCare`` are ignored regions, other
types are left out.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from convlstm_perception.data.readers.common import (
    TruthBuilder,
    corners_of,
    image_size,
    numbered_images,
    table_rows,
    text_lines,
    whole_number,
)
from convlstm_perception.data.sequence import AnnotatedSequence
from convlstm_perception.data.video import image_files
from convlstm_perception.errors import SourceError

FRAME_RATE = 10.0

_WIDTH, _HEIGHT = 1242, 375  # of most sequences; taken where there are no images
_PEDESTRIAN = "Pedestrian"
_IGNORED = ("Person", "Person_sitting", "Cyclist", "DontCare")
_TABLE = "pedestrian_boxes.csv.gz"
_COLUMNS = ("sequence", "frame", "id", "type", "x1", "y1", "x2", "y2")
_VALUES = 17


def read_kitti(path: Path, split: str | None = None) -> list[AnnotatedSequence]:
    """Read KITTI tracking, one sequence a recording.

    Args:
        path: folder with ``label_02/<sequence>.txt`` and, for the images,
            ``image_02/<sequence>``; or folder with ``pedestrian_boxes.csv.gz``, or such a file.
        split: folder below ``path`` (``training``), or None.

    Returns:
        The sequences in order of their names.

    Raises:
        SourceError: when a file or an image is missing, or a line is wrong.
    """
    if split is not None:
        path = path / split
    table = path if path.is_file() else path / _TABLE
    if table.is_file():
        return _read_table(table)
    files = sorted((path / "label_02").glob("*.txt"))
    if not files:
        raise SourceError(
            f"{path}: holds neither label_02/*.txt nor {_TABLE}; give the folder `training`"
        )
    return [_read_labels(file, path / "image_02" / file.stem) for file in files]


class _Recording:
    def __init__(self, path: Path, width: int, height: int) -> None:
        self._builder = TruthBuilder(path, width, height)
        self._size, self._frames = (width, height), 0

    def add(self, row: dict[str, str], path: Path, where: str) -> None:
        frame = whole_number(path, where, row["frame"])
        self._frames = max(self._frames, frame + 1)
        if row["type"] == _PEDESTRIAN or row["type"] in _IGNORED:
            identity = whole_number(path, where, row["id"])
            corners, ignored = corners_of(path, where, row), row["type"] != _PEDESTRIAN
            self._builder.add_corners(frame, identity, corners, where, ignored)

    def sequence(self, name: str) -> AnnotatedSequence:
        for frame in range(self._frames):  # every frame is annotated, also one without a line
            self._builder.expect(frame)
        return AnnotatedSequence(name, FRAME_RATE, *self._size, self._builder.truths())


def _read_table(path: Path) -> list[AnnotatedSequence]:
    recordings: dict[str, _Recording] = {}
    for where, row in table_rows(path, _COLUMNS):
        name = row["sequence"]
        if name not in recordings:
            recordings[name] = _Recording(path, _WIDTH, _HEIGHT)
        recordings[name].add(row, path, where)
    if not recordings:
        raise SourceError(f"{path}: holds no box")
    return [recordings[name].sequence(name) for name in sorted(recordings)]


def _read_labels(path: Path, folder: Path) -> AnnotatedSequence:
    size = image_size(_first_image(folder)) if folder.is_dir() else (_WIDTH, _HEIGHT)
    recording = _Recording(path, *size)
    for where, line in text_lines(path):
        values = line.split()
        if len(values) != _VALUES:
            raise SourceError(
                f"{path}: {where}: {len(values)} values; {_VALUES} are needed, as in KITTI tracking"
            )
        names = ("frame", "id", "type", "truncated", "occluded", "alpha", "x1", "y1", "x2", "y2")
        recording.add(dict(zip(names, values, strict=False)), path, where)
    sequence = recording.sequence(path.stem)
    if not folder.is_dir():
        return sequence
    return replace(sequence, images=numbered_images(folder, 0, sequence.truths, path))


def _first_image(folder: Path) -> Path:
    files = image_files(folder)
    if not files:
        raise SourceError(f"{folder}: holds no image (frame 0); unpack image_02 anew")
    return files[0]
