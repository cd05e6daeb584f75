"""Pedestrian box tracks of JAAD 2.0 (Rasouli et al. 2017): 30 Hz, dash cameras."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convlstm_perception.errors import SourceError
from convlstm_perception.types import Float32Array

FRAME_RATE = 30.0


@dataclass(frozen=True)
class BoxTrack:
    """One person's boxes in consecutive frames.

    Attributes:
        boxes: (frames, 4) float32 centre x, centre y, width, height in pixels.
        image_width, image_height: size of the images in pixels.
    """

    boxes: Float32Array
    image_width: int
    image_height: int


def read_jaad_tracks(folder: Path, split: str, subset: str = "default") -> list[BoxTrack]:
    """Read the tracks of one official split (``train``, ``val`` or ``test``).

    A track with a gap becomes several.

    Raises:
        SourceError: when a file is missing.
    """
    names, table = folder / "split_ids" / subset / f"{split}.txt", folder / "jaad_boxes.csv.gz"
    for path in (names, table):
        if not path.exists():
            raise SourceError(f"{path}: no such file; give the folder of the JAAD box table")
    videos = set(names.read_text().split())
    rows: defaultdict[tuple[str, str], list[tuple[int, float, float, float, float]]]
    rows = defaultdict(list)
    sizes: dict[str, tuple[int, int]] = {}
    with gzip.open(table, "rt", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["video"] in videos and row["label"] in ("pedestrian", "ped"):
                x1, y1, x2, y2 = (float(row[key]) for key in ("x1", "y1", "x2", "y2"))
                rows[row["video"], row["id"]].append((int(row["frame"]), x1, y1, x2, y2))
                sizes[row["video"]] = int(row["width"]), int(row["height"])
    tracks = []
    for (video, _), track in rows.items():
        table_rows = np.array(sorted(track), np.float32)
        breaks = np.flatnonzero(np.diff(table_rows[:, 0]) != 1) + 1
        for piece in np.split(table_rows[:, 1:], breaks):
            centre, size = (piece[:, :2] + piece[:, 2:]) / 2, piece[:, 2:] - piece[:, :2]
            if size.min() > 0:
                tracks.append(BoxTrack(np.concatenate([centre, size], 1), *sizes[video]))
    return tracks
