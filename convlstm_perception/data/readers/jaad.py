"""JAAD 2.0 (Rasouli et al. 2017): people before dash cameras, 30 Hz; boxes without images.

Read from the original ``annotations/video_*.xml`` or from one table of all boxes,
``jaad_boxes.csv.gz``. The crowds that JAAD labels ``people`` are ignored regions.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from convlstm_perception.data.readers.common import (
    Box,
    TruthBuilder,
    corners_of,
    number,
    parse_xml,
    table_rows,
    whole_number,
)
from convlstm_perception.data.sequence import AnnotatedSequence
from convlstm_perception.errors import SourceError

FRAME_RATE = 30.0

_COLUMNS = ("video", "width", "height", "frame", "id", "label", "x1", "y1", "x2", "y2")
_CROWD = "people"
_LABELS = ("ped", "pedestrian", _CROWD)


def read_jaad(path: Path, split: str | None = None) -> list[AnnotatedSequence]:
    """Read JAAD, one sequence a video.

    Args:
        path: folder with ``jaad_boxes.csv.gz`` or with ``annotations/video_*.xml`` (or the folder
            of these xml files), and ``split_ids``.
        split: ``train``, ``val`` or ``test`` of the official default split;
            ``high_visibility/test`` for one of another; None for every video.

    Returns:
        The videos in the order of the files.

    Raises:
        SourceError: when a file is missing or damaged.
    """
    videos = None if split is None else _split(path, split)
    table = path / "jaad_boxes.csv.gz"
    if table.exists():
        return _read_table(table, videos)
    folder = path / "annotations" if (path / "annotations").is_dir() else path
    files = sorted(folder.glob("video_*.xml"))
    if not files:
        raise SourceError(f"{path}: holds neither {table.name} nor annotations/video_*.xml")
    return [_read_xml(file) for file in files if videos is None or file.stem in videos]


def _split(path: Path, split: str) -> set[str]:
    name = split if "/" in split else f"default/{split}"
    file = path / "split_ids" / f"{name}.txt"
    if not file.exists():
        raise SourceError(f"{file}: no such file; the splits of JAAD are train, val and test")
    return set(file.read_text().split())


class _Video:
    """One video on its way to a sequence: JAAD's names of people become numbers."""

    def __init__(self, path: Path, name: str, width: int, height: int) -> None:
        self._path, self._name, self._size = path, name, (width, height)
        self._builder = TruthBuilder(path, width, height)
        self._ids: dict[str, int] = {}
        self._frames = 0

    def add(self, frame: int, label: str, identity: str, corners: Box, where: str) -> None:
        if label not in _LABELS:
            raise SourceError(
                f"{self._path}: {where}: label {label!r}; JAAD has {', '.join(_LABELS)}"
            )
        person = self._ids.setdefault(identity, len(self._ids))
        self._builder.add_corners(frame, person, corners, where, ignored=label == _CROWD)
        self._frames = max(self._frames, frame + 1)

    def sequence(self, frames: int = 0) -> AnnotatedSequence:
        # JAAD annotates every frame: one without boxes is a frame without people.
        for frame in range(max(frames, self._frames)):
            self._builder.expect(frame)
        return AnnotatedSequence(self._name, FRAME_RATE, *self._size, self._builder.truths())


def _read_table(path: Path, names: set[str] | None) -> list[AnnotatedSequence]:
    videos: dict[str, _Video] = {}
    for where, row in table_rows(path, _COLUMNS):
        name = row["video"]
        if names is not None and name not in names:
            continue
        if name not in videos:
            width, height = (whole_number(path, where, row[side]) for side in ("width", "height"))
            videos[name] = _Video(path, name, width, height)
        frame = whole_number(path, where, row["frame"])
        videos[name].add(frame, row["label"], row["id"], corners_of(path, where, row), where)
    if not videos:
        raise SourceError(f"{path}: holds no box of the videos asked for")
    return [video.sequence() for video in videos.values()]


def _read_xml(path: Path) -> AnnotatedSequence:
    root = parse_xml(path)
    task = root.find("meta/task")
    if task is None:
        raise SourceError(f"{path}: no <meta><task>; is it an annotation of JAAD?")
    frames, width, height = (
        whole_number(path, f"<{tag}>", task.findtext(tag, ""))
        for tag in ("size", "original_size/width", "original_size/height")
    )
    video = _Video(path, path.stem, width, height)
    for track in root.iter("track"):
        label = track.get("label", "")
        for box in track.iter("box"):
            where = f"frame {box.get('frame', '?')}"
            if box.get("outside") == "1":
                continue
            frame = whole_number(path, where, box.get("frame", ""))
            x1, y1, x2, y2 = (
                number(path, where, box.get(key, "")) for key in ("xtl", "ytl", "xbr", "ybr")
            )
            video.add(frame, label, _identity(path, where, box), (x1, y1, x2, y2), where)
    return video.sequence(frames)


def _identity(path: Path, where: str, box: ElementTree.Element) -> str:
    for attribute in box.iter("attribute"):
        if attribute.get("name") == "id" and attribute.text:
            return attribute.text
    raise SourceError(f"{path}: {where}: a box has no attribute id; take JAAD 2.0")
