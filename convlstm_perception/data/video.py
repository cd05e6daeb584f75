"""Videos and folders of images, read frame by frame."""

from __future__ import annotations

import math
import queue
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import cv2
import numpy as np

from convlstm_perception.errors import SourceError
from convlstm_perception.types import Image

if TYPE_CHECKING:
    from typing_extensions import Self

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")


class FrameSource(Protocol):
    """A finite series of images of one camera; each iteration starts at the first.

    Attributes:
        name: what the source is, for messages.
        width: width of the first image in pixels.
        height: height of the first image in pixels.
        frame_rate: frames a second as the source itself claims, or None.
        frame_count: number of frames as the source itself claims, or None.
    """

    name: str
    width: int
    height: int
    frame_rate: float | None
    frame_count: int | None

    def __iter__(self) -> Iterator[Image]:
        """Yield (height, width, 3) uint8 images, channels blue, green, red."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def close(self) -> None:
        """Free what the source holds; iterating afterwards opens it again."""
        ...


class ClosingSource:
    """Makes a source with ``close`` a context manager."""

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class VideoSource(ClosingSource):
    """The frames of a video file.

    Args:
        path: the file.

    Raises:
        SourceError: OpenCV decodes no frame of it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)
        self._capture: cv2.VideoCapture | None = None
        capture = self._open()
        first = self._decode(capture)
        if first is None:
            self.close()
            raise SourceError(self._not_a_video())
        self.height, self.width = first.shape[:2]
        rate = capture.get(cv2.CAP_PROP_FPS)
        self.frame_rate = float(rate) if math.isfinite(rate) and 0.0 < rate <= 1000.0 else None
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.frame_count = int(count) if math.isfinite(count) and count >= 1.0 else None
        self.close()

    def __iter__(self) -> Iterator[Image]:
        capture = self._open()
        while (image := self._decode(capture)) is not None:
            yield image

    def close(self) -> None:
        """Close the file."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _open(self) -> cv2.VideoCapture:
        self.close()
        # OpenCV logs its own complaint about a broken file; the SourceError says it better.
        level = cv2.setLogLevel(0)
        try:
            self._capture = cv2.VideoCapture(str(self.path))
        finally:
            cv2.setLogLevel(level)
        return self._capture

    @staticmethod
    def _decode(capture: cv2.VideoCapture) -> Image | None:
        decoded, image = capture.read()
        if not decoded or image is None or image.size == 0:
            return None
        return np.asarray(image, dtype=np.uint8)

    def _not_a_video(self) -> str:
        size = self.path.stat().st_size
        return (
            f"{self.path}: not a video that OpenCV can decode ({size} bytes, no frame decoded). "
            "Check the file (`ffprobe FILE`), convert it (`ffmpeg -i FILE out.mp4`), "
            "or give a folder of images instead."
        )


class ImageFilesSource(ClosingSource):
    """Image files in the order given.

    Args:
        name: what the files are, for messages.
        files: at least one.

    Raises:
        SourceError: a file (the first at once, others while iterating) cannot be read.
    """

    def __init__(self, name: str, files: Sequence[Path]) -> None:
        self.name = name
        self.files = list(files)
        self.height, self.width = _read_image(self.files[0]).shape[:2]
        self.frame_rate: float | None = None
        self.frame_count: int | None = len(self.files)

    def __iter__(self) -> Iterator[Image]:
        for file in self.files:
            yield _read_image(file)

    def close(self) -> None:
        """Nothing stays open between two images."""


class ImageFolderSource(ImageFilesSource):
    """The images of a folder in natural order (``frame_2`` before ``frame_10``).

    Args:
        path: the folder; files with other suffixes than ``IMAGE_SUFFIXES`` are left out.

    Raises:
        SourceError: the folder holds no image, or one (also later, while iterating)
            cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        files = image_files(path)
        if not files:
            suffixes = ", ".join(IMAGE_SUFFIXES)
            raise SourceError(
                f"{path}: the folder holds no image ({suffixes}). "
                "Give the folder that holds the images themselves."
            )
        super().__init__(str(path), files)


def image_files(folder: Path) -> list[Path]:
    """The images of a folder in natural order."""
    return sorted(
        (file for file in folder.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES),
        key=lambda file: natural_key(file.name),
    )


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key that compares runs of digits as numbers and letters without case."""
    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part.lower()) for part in parts]


def open_source(path: str | Path) -> FrameSource:
    """Open a video file or a folder of images.

    Args:
        path: a file that OpenCV decodes, or a folder with images.

    Returns:
        The source, to be used as a context manager.

    Raises:
        SourceError: there is no such path, the file is not a video, or the folder
            holds no readable image.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return ImageFolderSource(path)
    if not path.exists():
        raise SourceError(
            f"{path}: no such file or folder. Give the path of a video or of a folder of images."
        )
    if path.suffix.lower() in IMAGE_SUFFIXES:
        raise SourceError(f"{path}: this is a single image. Give the folder that holds it.")
    return VideoSource(path)


def _read_image(file: Path) -> Image:
    image = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if image is None:
        raise SourceError(
            f"{file}: this image cannot be read. Remove it from the folder or save it again."
        )
    return np.asarray(image, dtype=np.uint8)


Prepared = TypeVar("Prepared")


class ReadAhead(Generic[Prepared]):
    """Decodes and prepares frames in a thread, some frames ahead of their use.

    Decoding time varies from frame to frame; with a few frames in hand the consumer
    can keep an even cadence.

    Args:
        source: where the frames come from.
        prepare: made of each image in the thread, for example a message.
        loop: begin again after the last frame, for ever.
        depth: number of prepared frames kept in hand.
    """

    def __init__(
        self,
        source: FrameSource,
        prepare: Callable[[Image], Prepared],
        *,
        loop: bool = False,
        depth: int = 8,
    ) -> None:
        self._source = source
        self._prepare = prepare
        self._loop = loop
        self._queue: queue.Queue[Prepared | BaseException | None] = queue.Queue(depth)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._read, name="read-ahead", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._thread.join()

    def __iter__(self) -> Iterator[Prepared]:
        """Yield the prepared frames; an error of the source is raised here."""
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def _read(self) -> None:
        try:
            while True:
                for image in self._source:
                    if not self._put(self._prepare(image)):
                        return
                if not self._loop:
                    break
        except Exception as error:
            self._put(error)
        self._put(None)

    def _put(self, item: Prepared | BaseException | None) -> bool:
        """Hand an item over; False when the consumer has stopped."""
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False
