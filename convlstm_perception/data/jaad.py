"""Pedestrian box tracks of JAAD 2.0 (Rasouli et al. 2017): 30 Hz, dash cameras."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from pathlib import Path

import numpy as np

from convlstm_perception.data.sequence import BoxTrack
from convlstm_perception.errors import SourceError

FRAME_RATE = 30.0


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
    for number, ((video, _), track) in enumerate(rows.items()):
        table_rows = np.array(sorted(track), np.float32)
        breaks = np.flatnonzero(np.diff(table_rows[:, 0]) != 1) + 1
        for piece in np.split(table_rows, breaks):
            low, high = piece[:, 1:3], piece[:, 3:]
            boxes = np.concatenate([(low + high) / 2, high - low], axis=1)
            if boxes[:, 2:].min() > 0:
                first = int(piece[0, 0])
                tracks.append(BoxTrack(number, first, boxes, FRAME_RATE, *sizes[video]))
    return tracks
