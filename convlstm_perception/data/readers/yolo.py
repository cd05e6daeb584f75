"""YOLO text: ``images`` and ``labels`` folders, lines of class and normalised box."""

from __future__ import annotations

from pathlib import Path

import yaml

from convlstm_perception.data.readers.common import (
    TruthBuilder,
    existing_folder,
    image_size,
    number,
    text_lines,
    whole_number,
)
from convlstm_perception.data.sequence import AnnotatedSequence, FrameTruth
from convlstm_perception.data.video import ImageFilesSource, image_files
from convlstm_perception.errors import SourceError

_PERSON_NAMES = ("person", "pedestrian")


def read_yolo(path: Path, split: str | None = None) -> list[AnnotatedSequence]:
    """Read still images with their people.

    Every image is decoded once, for its size. An image without a label file is one without
    people, as in training with YOLO.

    Args:
        path: folder with ``images`` and ``labels``. Where it has a ``data.yaml``, the class named
            person or pedestrian is taken, otherwise class 0; other classes are left out.
        split: folder below both (``train``), or None.

    Returns:
        One sequence of still images in natural order of their names.

    Raises:
        SourceError: when a folder or an image is missing, or a line is wrong.
    """
    person = _person_class(path / "data.yaml")
    folders = [path / name / (split or "") for name in ("images", "labels")]
    images, labels = (existing_folder(folder, "images and labels") for folder in folders)
    files = image_files(images)
    if not files:
        raise SourceError(f"{images}: holds no image; give the split, or the right folder")
    stems = {file.stem for file in files}
    for label in sorted(labels.glob("*.txt")):
        if label.stem not in stems:
            raise SourceError(f"{label}: no image {label.stem} in {images}; add or remove it")
    truths: dict[int, FrameTruth] = {}
    for frame, file in enumerate(files):
        truths |= _read_labels(labels / f"{file.stem}.txt", frame, person, image_size(file))
    source = ImageFilesSource(str(images), files)
    name = split or path.name
    return [AnnotatedSequence(name, None, source.width, source.height, truths, source)]


def _person_class(file: Path) -> int:
    if not file.exists():
        return 0
    try:
        content = yaml.safe_load(file.read_text())
        names = content["names"]
        pairs = list(names.items() if isinstance(names, dict) else enumerate(names))
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise SourceError(f"{file}: no readable list or mapping 'names': {error}") from error
    for index, name in pairs:
        if str(name).lower() in _PERSON_NAMES:
            return int(index)
    raise SourceError(f"{file}: no class is named {' or '.join(_PERSON_NAMES)}")


def _read_labels(
    file: Path, frame: int, person: int, size: tuple[int, int]
) -> dict[int, FrameTruth]:
    width, height = size
    builder = TruthBuilder(file, width, height)
    builder.expect(frame)
    for where, line in text_lines(file) if file.exists() else ():
        values = line.split()
        if len(values) != 5:
            raise SourceError(
                f"{file}: {where}: {len(values)} values; class, centre x, centre y, width and "
                "height are needed"
            )
        if whole_number(file, where, values[0]) != person:
            continue
        x, y, w, h = (number(file, where, value) for value in values[1:])
        if max(w, h) > 2:
            raise SourceError(
                f"{file}: {where}: a box of {w:g} x {h:g} images; are these pixels? "
                "Divide them by the image's width and height"
            )
        builder.add(frame, None, (x * width, y * height, w * width, h * height), where)
    return builder.truths()
