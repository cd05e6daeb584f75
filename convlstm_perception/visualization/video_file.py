"""Videos written frame by frame."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import cv2
import numpy as np

from convlstm_perception.data.video import open_source
from convlstm_perception.errors import SourceError
from convlstm_perception.types import Image

if TYPE_CHECKING:
    from typing_extensions import Self


class VideoFile:
    """A video being written; complete once the block is left without an error.

    Args:
        path: file to write; its suffix chooses the container.
        code: four letters of the codec.
        rate: frames a second.
        width: pixels.
        height: pixels.

    Raises:
        SourceError: OpenCV has no such encoder or cannot write there.
    """

    def __init__(self, path: Path, code: str, rate: float, width: int, height: int) -> None:
        self.path = path
        with _silence():
            self._writer = cv2.VideoWriter(
                str(path), cv2.VideoWriter.fourcc(*code), rate, (width, height)
            )
        self._size = width, height
        self._written = 0
        if not self._writer.isOpened():
            raise SourceError(
                f"{path}: OpenCV cannot write {code} video here. Check that the folder is "
                "writable and that this OpenCV was built with FFmpeg."
            )

    def write(self, image: Image) -> None:
        """Append a frame; one of another size is scaled to the video's."""
        if image.shape[1::-1] != self._size:
            image = np.asarray(cv2.resize(image, self._size), dtype=np.uint8)
        self._writer.write(image)
        self._written += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.release()
        if kind is None:
            self._check()

    def _check(self) -> None:
        with open_source(self.path) as source:
            if source.frame_count is not None and source.frame_count < self._written:
                raise SourceError(
                    f"{self.path}: only {source.frame_count} of {self._written} frames can be "
                    "read back. Check the free space on this disk."
                )


@contextmanager
def _silence() -> Iterator[None]:
    """Keep off the terminal what OpenCV's video writer prints from C, past its own log."""
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
