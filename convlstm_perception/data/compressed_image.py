"""JPEG and PNG out of ``sensor_msgs/CompressedImage``.

Only these two, which image_transport and cameras send, are handed to OpenCV: it would recognise a
dozen other formats by their first bytes, none of which has any business in a camera's topic. Their
size is read from the header before anything is decoded, since a file of a kilobyte can ask for
gigabytes.
"""

from __future__ import annotations

import struct

import cv2
import numpy as np

from convlstm_perception.data.image_encodings import ENCODINGS, eight_bits
from convlstm_perception.data.image_limits import check_size, shortened
from convlstm_perception.errors import ImageError
from convlstm_perception.types import Image

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND"
_JPEG = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"
_BY_CHANNELS = {1: "mono8", 3: "bgr8", 4: "bgra8"}
_STANDALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_START_OF_FRAME = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # Huffman tables, JPG, arithmetic


def decode_compressed_data(data: Image, form: str) -> Image:
    """Decode a JPEG or PNG.

    The raster is taken as it is stored: an EXIF orientation is not followed, since the camera's
    calibration is of the raster. A grey image whose ``form`` names a Bayer mosaic, which is how
    image_transport compresses the raw image of such a camera, is given its colours; 16 bits
    become 8 as in a raw image.

    Args:
        data: (N,) uint8.
        form: ``format`` of the message, such as ``"rgb8; jpeg compressed bgr8"``.

    Returns:
        (height, width, 3) uint8, blue, green, red.

    Raises:
        ImageError: it is neither, is damaged or cut off, or is absurdly large.
    """
    packed = data.tobytes()
    width, height = _size(packed, form)
    check_size(width, height)
    if not _is_whole(packed):
        raise _undecodable(packed, form, "it breaks off before its end")
    try:
        decoded = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise _undecodable(packed, form, f"it is damaged ({error.err or error})") from error
    if decoded is None:
        raise _undecodable(packed, form, "it is damaged")
    pixels = np.asarray(decoded)
    if pixels.dtype == np.uint16:
        pixels = eight_bits(pixels)
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if (
        pixels.dtype != np.uint8
        or pixels.shape[:2] != (height, width)
        or channels not in _BY_CHANNELS
    ):
        raise _undecodable(packed, form, "it is not what its header says")
    return ENCODINGS[_encoding(channels, min(height, width), form)].to_bgr(pixels)


def _encoding(channels: int, side: int, form: str) -> str:
    if channels == 1:
        source = form.partition(";")[0].strip()
        mosaic = source.startswith("bayer_") and source in ENCODINGS
        if mosaic and side >= ENCODINGS[source].smallest:
            return source
    return _BY_CHANNELS[channels]


def _size(packed: bytes, form: str) -> tuple[int, int]:
    """Width and height that the header states."""
    if packed.startswith(_PNG) and packed[12:16] == b"IHDR" and len(packed) >= 24:
        width, height = struct.unpack(">II", packed[16:24])
        return width, height
    if packed.startswith(_JPEG):
        size = _jpeg_size(packed)
        if size is not None:
            return size
        raise _undecodable(packed, form, "its header is damaged or cut off")
    raise _undecodable(packed, form, "it is neither JPEG nor PNG")


def _jpeg_size(packed: bytes) -> tuple[int, int] | None:
    """Width and height in the first start-of-frame segment, found as libjpeg finds it."""
    place = len(_JPEG)
    while True:
        place = packed.find(b"\xff", place)
        if place < 0:
            return None
        while packed[place : place + 1] == b"\xff":
            place += 1
        if place + 8 > len(packed):
            return None
        marker = packed[place]
        place += 1
        if marker == 0 or marker in _STANDALONE:
            continue
        if marker in _START_OF_FRAME:
            height, width = struct.unpack(">HH", packed[place + 3 : place + 7])
            return width, height
        place += int.from_bytes(packed[place : place + 2], "big")


def _is_whole(packed: bytes) -> bool:
    """Whether the end is there; some cameras send padding behind it."""
    if packed.startswith(_PNG):
        return _PNG_END in packed
    return packed.rfind(_JPEG_END) > packed.find(b"\xff\xda")


def _undecodable(packed: bytes, form: str, why: str) -> ImageError:
    return ImageError(
        f"a compressed image of {len(packed)} bytes, format {shortened(form)!r}, cannot be "
        f"decoded: {why}; let the camera send whole JPEG or PNG images"
    )
