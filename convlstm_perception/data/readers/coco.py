"""COCO instances (Lin et al. 2014): a json file with boxes of class person, and images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from convlstm_perception.data.readers.common import TruthBuilder
from convlstm_perception.data.sequence import AnnotatedSequence, FrameTruth
from convlstm_perception.data.video import ImageFilesSource, natural_key
from convlstm_perception.errors import SourceError

_CATEGORY = "person"
# What the entries of each list must hold.
_FIELDS: dict[str, tuple[tuple[str, type], ...]] = {
    "images": (("id", int), ("file_name", str), ("width", int), ("height", int)),
    "categories": (("id", int), ("name", str)),
    "annotations": (("id", int), ("image_id", int), ("category_id", int), ("bbox", list)),
}


def read_coco(path: Path, split: str | None = None) -> list[AnnotatedSequence]:
    """Read still images with their people; crowds (``iscrowd``) are ignored regions.

    Args:
        path: the json file, or the folder with ``annotations/instances_<split>.json`` (or with a
            single json file).
        split: for example ``val2017``.

    Returns:
        One sequence of still images, in natural order of their file names. The ids are those of
        the annotations.

    Raises:
        SourceError: when a file or an image is missing, or an annotation is wrong; with its id.
    """
    file = path if path.is_file() else _annotation_file(path, split)
    try:
        content = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise SourceError(f"{file}: not readable as json: {error}") from error
    people = _person_category(file, content)
    listed = sorted(
        _list(file, content, "images"), key=lambda image: natural_key(image["file_name"])
    )
    if not listed:
        raise SourceError(f"{file}: names no image")
    numbers = {image["id"]: number for number, image in enumerate(listed)}
    truths: dict[int, FrameTruth] = {}
    builders = [TruthBuilder(file, image["width"], image["height"]) for image in listed]
    for number, builder in enumerate(builders):
        builder.expect(number)
    for annotation in _list(file, content, "annotations"):
        where = f"annotation {annotation['id']}"
        if annotation["category_id"] != people:
            continue
        image = annotation["image_id"]
        try:
            x, y, w, h = (float(value) for value in annotation["bbox"])
        except (TypeError, ValueError) as error:
            raise SourceError(f"{file}: {where}: bbox must be four numbers: {error}") from error
        if image not in numbers:
            raise SourceError(f"{file}: {where}: no image has the id {image}")
        number = numbers[image]
        box = (x + w / 2, y + h / 2, w, h)
        builders[number].add(number, annotation["id"], box, where, bool(annotation.get("iscrowd")))
    for builder in builders:
        truths |= builder.truths()
    images = _images(file, path, split, [image["file_name"] for image in listed])
    return [AnnotatedSequence(file.stem, None, images.width, images.height, truths, images)]


def _annotation_file(path: Path, split: str | None) -> Path:
    if split is not None:
        return path / "annotations" / f"instances_{split}.json"
    files = sorted([*path.glob("*.json"), *path.glob("annotations/*.json")])
    if len(files) != 1:
        names = ", ".join(file.name for file in files) or "none"
        raise SourceError(f"{path}: one json file is needed, found {names}; give a split or a file")
    return files[0]


def _list(file: Path, content: Any, key: str) -> list[dict[str, Any]]:
    value = content.get(key) if isinstance(content, dict) else None
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise SourceError(f"{file}: no list {key!r}; is it an instances file of COCO?")
    for entry in value:
        wrong = [name for name, kind in _FIELDS[key] if not isinstance(entry.get(name), kind)]
        if wrong:
            raise SourceError(
                f"{file}: {key}: entry of id {entry.get('id', '?')}: no usable {', '.join(wrong)}"
            )
    return value


def _person_category(file: Path, content: Any) -> int:
    for category in _list(file, content, "categories"):
        if category.get("name") == _CATEGORY:
            return category["id"]
    raise SourceError(f"{file}: no category is named {_CATEGORY!r}")


def _images(file: Path, path: Path, split: str | None, names: list[str]) -> ImageFilesSource:
    root = path if path.is_dir() else file.parent
    part = split or file.stem.removeprefix("instances_")
    folders = [
        folder
        for base in (root, file.parent, file.parent.parent)
        for folder in (base / "images" / part, base / part, base / "images", base)
    ]
    folder = next((folder for folder in folders if (folder / names[0]).exists()), None)
    if folder is None:
        tried = ", ".join(str(folder) for folder in dict.fromkeys(folders))
        raise SourceError(f"{file}: image {names[0]} (frame 0) is in none of {tried}")
    for number, name in enumerate(names):
        if not (folder / name).exists():
            raise SourceError(
                f"{folder / name}: no such image (frame {number}); {file} names it: "
                "unpack the images anew"
            )
    return ImageFilesSource(str(folder), [folder / name for name in names])
