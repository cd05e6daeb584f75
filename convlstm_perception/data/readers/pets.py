"""PETS2009 annotations in the xml of A. Milan: boxes and ids of people, frame by frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from convlstm_perception.data.readers.common import (
    TruthBuilder,
    no_split,
    number,
    of_size,
    parse_xml,
    whole_number,
)
from convlstm_perception.data.sequence import AnnotatedSequence, FrameTruth
from convlstm_perception.data.video import FrameSource, open_source
from convlstm_perception.errors import SourceError

FRAME_RATE = 7.0  # Hz, as recorded; the header of the published video says 10

_WIDTH, _HEIGHT = 768, 576
_ANNOTATION = "gt.xml"
_VIDEO_SUFFIXES = (".avi", ".mkv", ".mov", ".mp4", ".webm")


def read_pets(path: Path, split: str | None = None) -> list[AnnotatedSequence]:
    """Read one recording.

    Args:
        path: the annotation, or a folder with ``gt.xml`` and, for the images, one video beside it
            or a folder ``images``.
        split: None; there are no splits.

    Returns:
        One sequence.

    Raises:
        SourceError: when the annotation is missing or damaged, or the video is shorter than it.
    """
    no_split(path, split)
    if path.is_dir():
        annotation, images = path / _ANNOTATION, _video_beside(path)
    else:
        annotation, images = path, None
    truths = read_pets_xml(annotation)
    if images is not None:
        of_size(images, _WIDTH, _HEIGHT, annotation)
        late = [frame for frame in truths if frame >= (images.frame_count or np.inf)]
        if late:
            raise SourceError(
                f"{images.name}: has {images.frame_count} frames, but frame {late[0]} is annotated "
                f"in {annotation}; give the video of this annotation"
            )
    name = annotation.parent.name if annotation.name == _ANNOTATION else annotation.stem
    return [AnnotatedSequence(name, FRAME_RATE, _WIDTH, _HEIGHT, truths, images)]


def read_pets_xml(path: Path) -> dict[int, FrameTruth]:
    """Read annotations: frame number (from 0) to the people in it.

    Raises:
        SourceError: when the file is missing, is not xml, or lacks a value; with the frame.
    """
    builder = TruthBuilder(path, _WIDTH, _HEIGHT)
    for frame in parse_xml(path).iter("frame"):
        where = f"frame {frame.get('number', '?')}"
        index = whole_number(path, where, frame.get("number", ""))
        builder.expect(index)
        for person in frame.iter("object"):
            identity = whole_number(path, f"{where}: id of an object", person.get("id", ""))
            at = f"{where}: object {identity}"
            box = person.find("box")
            if box is None:
                raise SourceError(f"{path}: {at} has no box")
            x, y, w, h = (
                number(path, f"{at}: {key}", box.get(key, "")) for key in ("xc", "yc", "w", "h")
            )
            builder.add(index, identity, (x, y, w, h), at)
    truths = builder.truths()
    if not truths:
        raise SourceError(f"{path}: holds no <frame>; is it the annotation ({_ANNOTATION})?")
    return truths


def _video_beside(folder: Path) -> FrameSource | None:
    if (folder / "images").is_dir():
        return open_source(folder / "images")
    videos = [file for file in folder.iterdir() if file.suffix.lower() in _VIDEO_SUFFIXES]
    if len(videos) > 1:
        names = ", ".join(sorted(file.name for file in videos))
        raise SourceError(f"{folder}: several videos ({names}); leave the annotated one alone")
    return open_source(videos[0]) if videos else None
