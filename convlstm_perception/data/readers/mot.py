"""MOTChallenge (MOT15 to MOT20): ``seqinfo.ini``, ``gt/gt.txt`` and ``img1``."""

from __future__ import annotations

import configparser
from dataclasses import dataclass
from pathlib import Path

from convlstm_perception.data.readers.common import (
    TruthBuilder,
    number,
    numbered_images,
    of_size,
    text_lines,
    whole_number,
)
from convlstm_perception.data.sequence import AnnotatedSequence, FrameTruth
from convlstm_perception.errors import SourceError

_PEDESTRIAN = 1
# Person on vehicle, static person, distractor, reflection: the benchmark forgives finding them.
_IGNORED = (2, 7, 8, 12)


@dataclass(frozen=True)
class SequenceInfo:
    """What ``seqinfo.ini`` says.

    Attributes:
        name: of the sequence.
        frame_rate: frames a second.
        frames: number of frames; None where the file does not say.
        width, height: of the images in pixels.
        images: folder of the images, relative to the sequence.
    """

    name: str
    frame_rate: float
    frames: int | None
    width: int
    height: int
    images: str


def read_mot(path: Path, split: str | None = None) -> list[AnnotatedSequence]:
    """Read one sequence or a folder of sequences.

    Args:
        path: folder of a sequence; folder of such folders; or a file ``gt.txt`` without images,
            with ``seqinfo.ini`` beside it or in the folder above.
        split: folder below ``path`` (``train``), or None.

    Returns:
        The sequences in order of their names; ``images`` is None where there are none.

    Raises:
        SourceError: when a file is missing or damaged; with the line.
    """
    if split is not None:
        path = path / split
    if path.is_file():
        beside = [folder / "seqinfo.ini" for folder in (path.parent, path.parent.parent)]
        info = next((file for file in beside if file.exists()), None)
        if info is None:
            raise SourceError(
                f"{path}: no seqinfo.ini beside it, which must tell frameRate, imWidth and "
                "imHeight; write one"
            )
        return [_sequence(path, read_seqinfo(info), None)]
    folders = (path, *sorted(path.glob("*/")))
    found = [folder for folder in folders if (folder / "gt" / "gt.txt").exists()]
    if not found:
        raise SourceError(
            f"{path}: no gt/gt.txt in it or in a folder of it; give the folder of a sequence, or "
            "of sequences"
        )
    return [
        _sequence(folder / "gt" / "gt.txt", read_seqinfo(folder / "seqinfo.ini"), folder)
        for folder in found
    ]


def read_seqinfo(path: Path) -> SequenceInfo:
    """Read ``seqinfo.ini``.

    Raises:
        SourceError: when the file is missing, or a value is missing or wrong.
    """
    parser = configparser.ConfigParser()
    try:
        if not parser.read(path):
            raise SourceError(f"{path}: no such file; it must tell frameRate, imWidth and imHeight")
        section = parser["Sequence"]
        info = SequenceInfo(
            section.get("name", path.parent.name),
            section.getfloat("frameRate", 0.0),
            section.getint("seqLength"),
            section.getint("imWidth", 0),
            section.getint("imHeight", 0),
            section.get("imDir", "img1"),
        )
    except (configparser.Error, KeyError, ValueError) as error:
        raise SourceError(f"{path}: not a [Sequence] with its values: {error}") from error
    if not (info.frame_rate > 0 and info.width > 0 and info.height > 0):
        raise SourceError(f"{path}: frameRate, imWidth and imHeight must be there, greater than 0")
    return info


def read_mot_truths(
    path: Path, width: int, height: int, frames: int | None = None
) -> dict[int, FrameTruth]:
    """Read a ``gt.txt``: frame number (from 0) to the people in it.

    Rows are frame, id, left, top, width, height, confidence and then either nothing, class and
    visibility (MOT16 and later), or x, y, z in the world (MOT15). Pedestrians of confidence 0
    and the classes that the benchmark forgives are ignored regions; other classes are left out.

    Args:
        path: the file.
        width, height: of the images in pixels.
        frames: length of the sequence; None to end it with the last annotated frame.

    Raises:
        SourceError: when the file is missing or a line is wrong; with the line.
    """
    builder = TruthBuilder(path, width, height)
    last = -1 if frames is None else frames - 1
    for where, line in text_lines(path):
        values = line.split(",")
        if len(values) not in (7, 9, 10):
            raise SourceError(
                f"{path}: {where}: {len(values)} values; 7 (frame, id, left, top, width, height, "
                "confidence), 9 (and class, visibility) or 10 (and x, y, z) are needed"
            )
        frame = whole_number(path, where, values[0]) - 1
        identity = whole_number(path, where, values[1])
        left, top, w, h, confidence = (number(path, where, value) for value in values[2:7])
        if frames is not None and frame >= frames:
            raise SourceError(
                f"{path}: {where}: frame {frame + 1} is after the last one; "
                f"seqinfo.ini says seqLength={frames}"
            )
        last = max(last, frame)
        kind = whole_number(path, where, values[7]) if len(values) == 9 else _PEDESTRIAN
        if kind == _PEDESTRIAN or kind in _IGNORED:
            ignored = kind != _PEDESTRIAN or confidence == 0
            box = (left + w / 2, top + h / 2, w, h)
            builder.add(frame, identity, box, where, ignored)
    if last < 0:
        raise SourceError(f"{path}: holds no line; is it the ground truth (gt.txt)?")
    for frame in range(last + 1):  # every frame is annotated, also one without a line
        builder.expect(frame)
    return builder.truths()


def _sequence(path: Path, info: SequenceInfo, folder: Path | None) -> AnnotatedSequence:
    truths = read_mot_truths(path, info.width, info.height, info.frames)
    images = None
    if folder is not None and (folder / info.images).is_dir():
        images = numbered_images(folder / info.images, 1, truths, path)
        images = of_size(images, info.width, info.height, path.parents[1] / "seqinfo.ini")
    return AnnotatedSequence(info.name, info.frame_rate, info.width, info.height, truths, images)
