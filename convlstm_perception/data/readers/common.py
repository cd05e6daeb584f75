"""What every reader does with its rows: judge the boxes, group them by frame, name the fault."""

from __future__ import annotations

import csv
import gzip
import math
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from convlstm_perception.data.sequence import FrameTruth
from convlstm_perception.data.video import FrameSource, ImageFilesSource
from convlstm_perception.errors import SourceError
from convlstm_perception.types import Float32Array

Box = tuple[float, float, float, float]
Images = TypeVar("Images", bound=FrameSource)


class TruthBuilder:
    """Collects boxes and gives them frame by frame.

    A box partly outside the image stays as it was annotated; one wholly outside is left out,
    for nobody can be seen there.

    Args:
        path: file that is read, for messages.
        width, height: of the images in pixels.
    """

    def __init__(self, path: Path, width: int, height: int) -> None:
        self._path, self._width, self._height = path, width, height
        self._people: dict[int, dict[int, Box]] = {}
        self._ignored: dict[int, list[Box]] = {}

    def expect(self, frame: int) -> None:
        """Say that a frame is annotated, even if nobody is in it."""
        self._people.setdefault(frame, {})

    def add_corners(
        self, frame: int, identity: int | None, corners: Box, where: str, ignored: bool = False
    ) -> None:
        """:meth:`add` a box given as x1, y1, x2, y2."""
        x1, y1, x2, y2 = corners
        self.add(frame, identity, ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1), where, ignored)

    def add(
        self, frame: int, identity: int | None, box: Box, where: str, ignored: bool = False
    ) -> None:
        """Take one box in.

        Args:
            frame: number, from 0.
            identity: of the person; None numbers the people of a still image.
            box: centre x, centre y, width, height in pixels.
            where: line, frame or annotation in the file, for messages.
            ignored: the box is neither asked for nor an error.

        Raises:
            SourceError: for a negative frame, a box without area, or a second box of one person.
        """
        x, y, w, h = box
        if not (w > 0 and h > 0 and math.isfinite(x + y + w + h)):
            raise SourceError(
                f"{self._path}: {where}: the box is {w:g} x {h:g} pixels at ({x:g}, {y:g}); "
                "its sides must be greater than 0 and its centre a number: mend or remove it"
            )
        if frame < 0:
            raise SourceError(f"{self._path}: {where}: frame {frame} is before the first one")
        self.expect(frame)
        if x + w / 2 <= 0 or y + h / 2 <= 0:
            return
        if x - w / 2 >= self._width or y - h / 2 >= self._height:
            return
        if ignored:
            self._ignored.setdefault(frame, []).append(box)
            return
        people = self._people[frame]
        identity = len(people) if identity is None else identity
        if identity in people:
            raise SourceError(
                f"{self._path}: {where}: id {identity} is in frame {frame} twice; "
                "give each person an id of their own, or remove one of the boxes"
            )
        people[identity] = box

    def truths(self) -> dict[int, FrameTruth]:
        """The frames in order of their numbers."""
        return {
            frame: FrameTruth(
                np.array(list(people), np.int64),
                _table(list(people.values())),
                _table(self._ignored.get(frame, [])),
            )
            for frame, people in sorted(self._people.items())
        }


def _table(boxes: list[Box]) -> Float32Array:
    return np.array(boxes, np.float32).reshape(-1, 4)


def table_rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a CSV file with a header, gzipped or not.

    Yields:
        ``line N`` and the row.

    Raises:
        SourceError: for a missing file, a missing column, or a row of the wrong length.
    """
    opener: Callable[..., object] = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", newline="") as stream:  # type: ignore[attr-defined]
            reader = csv.DictReader(stream)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise SourceError(
                    f"{path}: line 1: no column {', '.join(missing)}; "
                    f"the header must name {', '.join(columns)}"
                )
            for row in reader:
                where = f"line {reader.line_num}"
                if None in row or None in row.values():
                    raise SourceError(
                        f"{path}: {where}: not as many values as the header has names"
                    )
                yield where, row
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such file; give the folder that holds it") from error
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error) as error:
        raise SourceError(f"{path}: cannot be read ({error}); copy the file anew") from error


def text_lines(path: Path) -> Iterator[tuple[str, str]]:
    """The lines of a text file that are not blank.

    Yields:
        ``line N`` and the line.

    Raises:
        SourceError: when the file is missing or no text.
    """
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: cannot be read ({error})") from error
    for count, line in enumerate(lines, start=1):
        if line.strip():
            yield f"line {count}", line


def corners_of(path: Path, where: str, row: Mapping[str, str]) -> Box:
    """The columns x1, y1, x2, y2 as numbers.

    Raises:
        SourceError: when one is missing or not a number.
    """
    return (
        number(path, where, row["x1"]),
        number(path, where, row["y1"]),
        number(path, where, row["x2"]),
        number(path, where, row["y2"]),
    )


def number(path: Path, where: str, text: str) -> float:
    """A number.

    Raises:
        SourceError: when it is none.
    """
    try:
        return float(text)
    except ValueError as error:
        raise SourceError(f"{path}: {where}: {text!r} is not a number") from error


def whole_number(path: Path, where: str, text: str) -> int:
    """A whole number, also when written like ``3.0``.

    Raises:
        SourceError: when it is none.
    """
    value = number(path, where, text)
    if not value.is_integer():
        raise SourceError(f"{path}: {where}: {text!r} is not a whole number")
    return int(value)


def parse_xml(path: Path) -> ElementTree.Element:
    """The root of an xml file.

    Raises:
        SourceError: when the file is missing or is not xml.
    """
    try:
        return ElementTree.parse(path).getroot()
    except OSError as error:
        raise SourceError(
            f"{path}: no such annotation file, or not readable ({error.strerror})"
        ) from error
    except ElementTree.ParseError as error:
        raise SourceError(f"{path}: not xml: {error}") from error


def existing_folder(path: Path, holds: str) -> Path:
    """``path`` itself.

    Raises:
        SourceError: unless it is a folder; the message says what it should hold.
    """
    if not path.is_dir():
        raise SourceError(f"{path}: no such folder; give the folder that holds {holds}")
    return path


def no_split(path: Path, split: str | None) -> None:
    """Raise SourceError when a split is asked of a data set that has none."""
    if split is not None:
        raise SourceError(f"{path}: this kind of data set has no splits; leave {split!r} out")


def image_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels, as OpenCV decodes the image.

    Raises:
        SourceError: when the file is missing or not an image.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SourceError(f"{path}: missing or not an image that OpenCV reads")
    return image.shape[1], image.shape[0]


def of_size(images: Images, width: int, height: int, annotation: Path) -> Images:
    """``images`` themselves.

    Raises:
        SourceError: when they are not as large as the annotation says; its boxes would not fit.
    """
    if (images.width, images.height) != (width, height):
        raise SourceError(
            f"{images.name}: the images are {images.width}x{images.height} pixels, those of "
            f"{annotation} {width}x{height}; give the images in their original size"
        )
    return images


def numbered_images(
    path: Path, first: int, truths: Mapping[int, FrameTruth], annotation: Path
) -> ImageFilesSource:
    """The images of a folder whose file names are the frames' numbers.

    Args:
        path: the folder.
        first: number in the name of frame 0.
        truths: of the sequence; every frame of it must have an image.
        annotation: file of the truths, for messages.

    Raises:
        SourceError: when an image is missing; with the frame.
    """
    files = {
        int(file.stem): file
        for file in existing_folder(path, "the images of the sequence").iterdir()
        if file.stem.isdecimal() and file.suffix.lower() in (".jpg", ".jpeg", ".png")
    }
    # A hole in the numbers would shift every later image to the wrong frame.
    last = max([*files, *(frame + first for frame in truths)], default=first)
    for name in range(first, last + 1):
        if name not in files:
            raise SourceError(
                f"{path}: no image {name:06d} (frame {name - first}, counted from 0) of "
                f"{annotation}; unpack the images of the data set anew"
            )
    return ImageFilesSource(str(path), [files[name] for name in range(first, last + 1)])
