"""Photographs with a table ``boxes.csv``: Penn-Fudan (Wang et al. 2007) and people of COCO."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from convlstm_perception.data.readers.common import (
    Box,
    TruthBuilder,
    corners_of,
    existing_folder,
    image_size,
    no_split,
    table_rows,
)
from convlstm_perception.data.sequence import AnnotatedSequence, FrameTruth
from convlstm_perception.data.video import ImageFilesSource, image_files
from convlstm_perception.errors import SourceError


def read_penn_fudan_boxes(path: Path, split: str | None = None) -> list[AnnotatedSequence]:
    """Read the boxes of Penn-Fudan: a folder with ``images`` and ``boxes.csv``.

    The columns are image, x1, y1, x2, y2, in pixels. There are no splits.

    Raises:
        SourceError: when a file or an image is missing, or a line is wrong.
    """
    no_split(path, split)
    return [_photographs(path.name, path / "boxes.csv", path / "images", None)]


def read_coco_person_boxes(path: Path, split: str | None = None) -> list[AnnotatedSequence]:
    """Read people of COCO: a folder with ``images/<split>`` and ``boxes.csv``.

    The columns are split, image, x1, y1, x2, y2, in pixels; images without a line are without
    people.

    Args:
        path: the folder.
        split: one of the splits; None for each of them as a sequence of its own.

    Raises:
        SourceError: when a file or an image is missing, or a line is wrong.
    """
    images = existing_folder(path / "images", "a folder of images for each split")
    splits = [split] if split else sorted(folder.name for folder in images.glob("*/"))
    if not splits:
        raise SourceError(f"{images}: holds no folder of a split")
    return [_photographs(name, path / "boxes.csv", images / name, name) for name in splits]


def read_box_table(path: Path, split: str | None) -> dict[str, list[tuple[str, Box]]]:
    """Read ``boxes.csv``.

    Args:
        path: the file.
        split: the lines of which ``split`` are taken; None where there is no such column.

    Returns:
        Name of an image to its lines' numbers and corners x1, y1, x2, y2.

    Raises:
        SourceError: when the file is missing or a line is wrong.
    """
    columns = ("image", "x1", "y1", "x2", "y2", *(["split"] if split else []))
    boxes: defaultdict[str, list[tuple[str, Box]]] = defaultdict(list)
    for where, row in table_rows(path, columns):
        if split is None or row["split"] == split:
            boxes[row["image"]].append((where, corners_of(path, where, row)))
    return dict(boxes)


def _photographs(name: str, table: Path, folder: Path, split: str | None) -> AnnotatedSequence:
    boxes = read_box_table(table, split)
    files = image_files(existing_folder(folder, "the images of boxes.csv"))
    if not files:
        raise SourceError(f"{folder}: holds no image")
    for missing in sorted(boxes.keys() - {file.name for file in files}):
        where, _ = boxes[missing][0]
        raise SourceError(f"{table}: {where}: no image {missing} in {folder}; unpack it anew")
    truths: dict[int, FrameTruth] = {}
    for frame, file in enumerate(files):
        builder = TruthBuilder(table, *image_size(file))
        builder.expect(frame)
        for where, corners in boxes.get(file.name, []):
            builder.add_corners(frame, None, corners, where)
        truths |= builder.truths()
    source = ImageFilesSource(str(folder), files)
    return AnnotatedSequence(name, None, source.width, source.height, truths, source)
