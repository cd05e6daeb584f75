"""PETS2009 annotations in the xml of A. Milan: boxes and ids of people, frame by frame."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

from convlstm_perception.data.sequence import FrameTruth
from convlstm_perception.errors import SourceError

FRAME_RATE = 7.0  # Hz, as recorded; the header of the published video says 10


def read_pets_xml(path: Path) -> dict[int, FrameTruth]:
    """Read annotations: frame number (from 0) to the people in it.

    Raises:
        SourceError: when the file is missing, is not xml, or lacks a value; with the frame.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such annotation file") from error
    except ElementTree.ParseError as error:
        raise SourceError(f"{path}: not xml: {error}") from error
    frames: dict[int, FrameTruth] = {}
    for frame in root.iter("frame"):
        number = frame.get("number", "?")
        ids, boxes = [], []
        for person in frame.iter("object"):
            box = person.find("box")
            if box is None:
                raise SourceError(f"{path}: frame {number}: object {person.get('id')} has no box")
            try:
                ids.append(int(person.attrib["id"]))
                boxes.append([float(box.attrib[key]) for key in ("xc", "yc", "w", "h")])
            except (KeyError, ValueError) as error:
                raise SourceError(f"{path}: frame {number}: missing or bad {error}") from error
        frames[int(number)] = FrameTruth(
            np.array(ids, np.int64), np.array(boxes, np.float32).reshape(-1, 4)
        )
    if not frames:
        raise SourceError(f"{path}: holds no <frame>; is it the annotation (gt.xml)?")
    return frames
