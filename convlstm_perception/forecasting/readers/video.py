"""Video files and folders of images."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track

from convlstm_perception.data.video import open_source
from convlstm_perception.errors import SourceError
from convlstm_perception.forecasting.fields import Labels
from convlstm_perception.forecasting.readers.base import StoredArray
from convlstm_perception.types import Image

COLOUR = "colour"
GREY = "grey"

_SPARE = 0.9  # of the free disk that may be used


def read_video(path: Path, variable: str | None) -> StoredArray:
    """A video, or the images of a folder in natural order, as (time, height, width[, channel]).

    Every frame is decoded once into a file that is gone when the process ends: codecs cannot go to
    a frame exactly, and windows are read in any order.

    Args:
        path: file or folder.
        variable: ``grey`` (default), one channel; or ``colour``, three: red, green, blue.

    Raises:
        SourceError: for what OpenCV cannot decode, frames of unequal size, or too small a disk.
    """
    if variable not in (None, GREY, COLOUR):
        raise SourceError(f"{path}: --variable {variable}: of a video, {GREY} or {COLOUR}")
    colour = variable == COLOUR
    with open_source(path) as source:
        shape = (source.height, source.width, 3) if colour else (source.height, source.width)
        room = shutil.disk_usage(tempfile.gettempdir()).free * _SPARE
        scratch = tempfile.TemporaryFile(prefix="forecast-frames-")  # noqa: SIM115 - the map's
        console = Console(file=sys.stderr)
        count = 0
        for image in track(
            source, f"decoding {path.name}", total=source.frame_count, console=console
        ):
            frame = _converted(image, colour)
            if frame.shape != shape:
                raise SourceError(
                    f"{path}: frame {count} is {frame.shape[1]}x{frame.shape[0]} pixels, the first "
                    f"is {shape[1]}x{shape[0]}; frames of one size are needed"
                )
            count += 1
            if count * frame.nbytes > room:
                raise SourceError(
                    f"{path}: its frames do not fit into {tempfile.gettempdir()}; free room there, "
                    "set TMPDIR to a larger disk, or give a shorter or smaller video"
                )
            scratch.write(frame.tobytes())
        scratch.flush()
        frames = np.memmap(scratch, np.uint8, "r", shape=(count, *shape))
    labels = Labels(variable="colour" if colour else "brightness")
    return StoredArray(str(path), frames, layout="THWC" if colour else "THW", labels=labels)


def _converted(image: Image, colour: bool) -> Image:
    code = cv2.COLOR_BGR2RGB if colour else cv2.COLOR_BGR2GRAY
    return np.ascontiguousarray(cv2.cvtColor(image, code))
