"""JPEG and PNG as sensor_msgs/CompressedImage carries them, to arrays of blue, green and red.

Nothing else is given to OpenCV, which would know a dozen other formats by their first bytes: no
camera sends them, and each decoder is one more that a hostile publisher could reach.
"""

from __future__ import annotations

from typing import Any, Protocol

import cv2
import numpy as np

from convlstm_perception.data.image_message import (
    MOST_PIXELS,
    decode_image,
    eight_bits,
    mosaic_to_bgr,
)
from convlstm_perception.errors import ImageError
from convlstm_perception.types import Image

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_CONVERSIONS = {1: cv2.COLOR_GRAY2BGR, 3: None, 4: cv2.COLOR_BGRA2BGR}  # by channels


class CompressedImageMessage(Protocol):
    """What is read of a sensor_msgs/CompressedImage."""

    format: str
    data: Any


def decode_message(message: Any) -> Image:
    """A CompressedImage or an Image, which has no format, as (height, width, 3) uint8, BGR.

    Raises:
        ImageError: when it cannot be used.
    """
    return decode_compressed(message) if hasattr(message, "format") else decode_image(message)


def decode_compressed(message: CompressedImageMessage) -> Image:
    """A JPEG or PNG as (height, width, 3) uint8, blue, green, red.

    What image_transport makes of a raw image comes out like that raw image: a grey picture whose
    format names a Bayer mosaic is given its colours, and 16 bits are scaled to 8 alike.

    Raises:
        ImageError: when it cannot be decoded.
    """
    data = np.frombuffer(message.data, np.uint8)
    image = None
    if _is_plausible(data.tobytes()):
        try:
            # As it was sent: a camera does not turn its pictures by an EXIF mark.
            image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
        except cv2.error:  # whatever its decoders find wrong
            image = None
    if image is None:
        raise ImageError(
            f"a compressed image of {data.size} bytes, format {message.format[:40]!r}, cannot be "
            "decoded; JPEG and PNG can"
        )
    return _to_bgr(image, message.format.partition(";")[0].strip())


def _to_bgr(image: np.ndarray, source: str) -> Image:
    """Any picture that OpenCV decodes; ``source`` is the encoding of the raw image, if any."""
    pixels = eight_bits(image) if image.dtype == np.uint16 else image
    if pixels.ndim == 2:
        colours = mosaic_to_bgr(pixels, source)
        if colours is not None:
            return colours
    code = _CONVERSIONS[1 if pixels.ndim == 2 else pixels.shape[2]]
    return pixels if code is None else cv2.cvtColor(pixels, code)  # type: ignore[return-value]


def _is_plausible(data: bytes) -> bool:
    """Whether a PNG or JPEG may be given to the decoder, which believes what its headers promise.

    OpenCV takes memory for a chunk of two gigabytes, and seconds to clear it, before it notices
    that the data end.
    """
    if data.startswith(_PNG):
        return _png_pixels(data) <= MOST_PIXELS and _png_chunks_fit(data)
    if data.startswith(_JPEG):
        return _jpeg_pixels(data) <= MOST_PIXELS
    return False


def _png_pixels(data: bytes) -> int:
    return int.from_bytes(data[16:20], "big") * int.from_bytes(data[20:24], "big")


def _png_chunks_fit(data: bytes) -> bool:
    """Each chunk is its length, its name, its content and a checksum."""
    place = len(_PNG)
    while place + 12 <= len(data):
        name = data[place + 4 : place + 8]
        place += 12 + int.from_bytes(data[place : place + 4], "big")
        if name == b"IEND":
            return place <= len(data)
    return False


def _jpeg_pixels(data: bytes) -> int:
    """Width times height that the frame header promises; 0 where there is none."""
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # padding
            place += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            sides = data[place + 5 : place + 9]
            return int.from_bytes(sides[:2], "big") * int.from_bytes(sides[2:], "big")
        alone = marker == 0x01 or 0xD0 <= marker <= 0xD7
        place += 2 if alone else 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return 0
