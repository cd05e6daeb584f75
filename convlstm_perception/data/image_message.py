"""Images as sensor_msgs carries them, to arrays of blue, green and red.

It reads any object with a message's attributes, rclpy's and rosbags' alike, so that what is
replayed from a bag is to the last bit what the node saw. cv_bridge needs ROS 2, and its releases
differ in the encodings that they know; the conversions are OpenCV's in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np

from convlstm_perception.errors import ImageError
from convlstm_perception.types import Image

_MOST_PIXELS = 1 << 26  # 8192 x 8192: a header that promises more is broken
_TO_8_BITS = 255 / 65535
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"


class ImageMessage(Protocol):
    """What is read of a sensor_msgs/Image."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: Any


class CompressedImageMessage(Protocol):
    """What is read of a sensor_msgs/CompressedImage."""

    format: str
    data: Any


@dataclass(frozen=True)
class _Packed:
    """Pixels one after another.

    Attributes:
        channels: numbers a pixel.
        code: OpenCV's conversion to blue, green, red; None where it is that already.
        wide: whether a number has 16 bits; they are scaled to 8 by 255 / 65535, as cv_bridge does.
        even: whether the width must be even.
    """

    channels: int
    code: int | None
    wide: bool = False
    even: bool = False


_BAYER = {  # OpenCV names the patterns by the second row's second and third pixel
    "rggb": cv2.COLOR_BayerBG2BGR,
    "bggr": cv2.COLOR_BayerRG2BGR,
    "gbrg": cv2.COLOR_BayerGR2BGR,
    "grbg": cv2.COLOR_BayerGB2BGR,
}
_PACKED: Mapping[str, _Packed] = {
    "bgr8": _Packed(3, None),
    "rgb8": _Packed(3, cv2.COLOR_RGB2BGR),
    "bgra8": _Packed(4, cv2.COLOR_BGRA2BGR),
    "rgba8": _Packed(4, cv2.COLOR_RGBA2BGR),
    "mono8": _Packed(1, cv2.COLOR_GRAY2BGR),
    "8UC1": _Packed(1, cv2.COLOR_GRAY2BGR),
    "8UC3": _Packed(3, None),
    "8UC4": _Packed(4, cv2.COLOR_BGRA2BGR),
    "bgr16": _Packed(3, None, wide=True),
    "rgb16": _Packed(3, cv2.COLOR_RGB2BGR, wide=True),
    "mono16": _Packed(1, cv2.COLOR_GRAY2BGR, wide=True),
    "16UC1": _Packed(1, cv2.COLOR_GRAY2BGR, wide=True),
    **{f"bayer_{pattern}8": _Packed(1, code) for pattern, code in _BAYER.items()},
    **{f"bayer_{pattern}16": _Packed(1, code, wide=True) for pattern, code in _BAYER.items()},
    "yuv422": _Packed(2, cv2.COLOR_YUV2BGR_UYVY, even=True),
    "uyvy": _Packed(2, cv2.COLOR_YUV2BGR_UYVY, even=True),
    "yuv422_yuy2": _Packed(2, cv2.COLOR_YUV2BGR_YUY2, even=True),
    "yuyv": _Packed(2, cv2.COLOR_YUV2BGR_YUY2, even=True),
}
_PLANAR = ("nv21", "nv24")
ENCODINGS = (*_PACKED, *_PLANAR)
"""Every encoding that can be read."""

# ITU-R BT.601, limited range, as OpenCV converts the other YUV encodings: (Y, U, V, 1) to BGR.
_BT601 = np.array(
    [
        [1.164383, 2.017232, 0.0, -276.835851],
        [1.164383, -0.391762, -0.812968, 135.575295],
        [1.164383, 0.0, 1.596027, -222.921567],
    ]
)


def decode_image(message: ImageMessage) -> Image:
    """A raw image as (height, width, 3) uint8, blue, green, red.

    Args:
        message: padded rows and, for 16 bits, both orders of bytes are understood.

    Returns:
        A read-only view of the message's data where it is bgr8 without padding, else a new array.

    Raises:
        ImageError: for an empty image, an encoding that is not supported, or too little data.
    """
    height, width = int(message.height), int(message.width)
    if not height or not width:
        raise ImageError(f"the image is {width}x{height} pixels; check the camera driver")
    if height * width > _MOST_PIXELS:
        raise ImageError(
            f"the image claims {width}x{height} pixels, more than any camera has; check the "
            "camera driver"
        )
    data = np.frombuffer(message.data, np.uint8)
    layout = _PACKED.get(message.encoding)
    try:
        if layout is not None:
            return _decode_packed(message, layout, data)
        if message.encoding in _PLANAR:
            return _decode_planar(message, data)
    except cv2.error as error:
        raise ImageError(
            f"a {width}x{height} image of encoding {message.encoding!r} cannot be converted: "
            f"{error.err}; let the camera send bgr8"
        ) from error
    raise ImageError(
        f"encoding {message.encoding!r} is not supported; "
        f"let the camera send one of {', '.join(ENCODINGS)}"
    )


def decode_compressed(message: CompressedImageMessage) -> Image:
    """A JPEG or PNG as (height, width, 3) uint8, blue, green, red.

    Raises:
        ImageError: when it cannot be decoded.
    """
    data = np.frombuffer(message.data, np.uint8)
    image = None
    if _is_plausible(data.tobytes()):
        try:
            # As it was sent: a camera does not turn its pictures by an EXIF mark.
            image = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        except cv2.error:  # a header that promises more pixels than OpenCV takes
            image = None
    if image is None:
        raise ImageError(
            f"a compressed image of {data.size} bytes, format {message.format!r}, cannot be "
            "decoded; JPEG and PNG can"
        )
    return image  # type: ignore[return-value]


def _decode_packed(message: ImageMessage, layout: _Packed, data: np.ndarray) -> Image:
    height, width, step = int(message.height), int(message.width), int(message.step)
    if layout.even and width % 2:
        raise ImageError(
            f"encoding {message.encoding!r} packs pixels in pairs, but the image is {width} pixels "
            "wide; check the camera driver"
        )
    row = width * layout.channels * (2 if layout.wide else 1)
    if step < row:
        raise ImageError(f"step {step} is less than a row of {width} pixels ({row} bytes)")
    _expect_bytes(data, height * step, f"height x step = {height} x {step}")
    rows = data[: height * step].reshape(height, step)[:, :row]
    if layout.wide:
        order = ">u2" if message.is_bigendian else "<u2"
        numbers = np.ascontiguousarray(rows).view(order).astype(np.uint16)
        rows = cv2.convertScaleAbs(numbers, alpha=_TO_8_BITS)
    pixels = rows if layout.channels == 1 else rows.reshape(height, width, layout.channels)
    if layout.code is None:
        return pixels
    return cv2.cvtColor(pixels, layout.code)  # type: ignore[return-value]


def _decode_planar(message: ImageMessage, data: np.ndarray) -> Image:
    """Brightness first, then both colours in turn; drivers disagree about what step means."""
    height, width, step = int(message.height), int(message.width), int(message.step)
    full = message.encoding == "nv24"
    if not full and (height % 2 or width % 2):
        raise ImageError(f"an nv21 image has even sides, not {width}x{height}; check the driver")
    lines = 3 * height if full else height + height // 2
    stride = step if step >= width and data.size >= lines * step else width
    _expect_bytes(data, lines * stride, f"{lines} rows of {stride}")
    rows = data[: lines * stride].reshape(lines, stride)[:, :width]
    if not full:
        return cv2.cvtColor(rows, cv2.COLOR_YUV2BGR_NV21)  # type: ignore[return-value]
    colours = rows[height:].reshape(height, width, 2)
    planes = cv2.merge([np.ascontiguousarray(rows[:height]), colours])
    return cv2.transform(planes, _BT601)  # type: ignore[return-value]


def _expect_bytes(data: np.ndarray, least: int, what: str) -> None:
    if data.size < least:
        raise ImageError(
            f"the image holds {data.size} bytes, fewer than {what} = {least}; it was cut off, "
            "check the camera driver"
        )


def _is_plausible(data: bytes) -> bool:
    """Whether a PNG or JPEG may be given to the decoder, which believes what its headers promise.

    OpenCV takes memory for a chunk of two gigabytes, and seconds to clear it, before it notices
    that the data end.
    """
    if data.startswith(_PNG):
        return _png_pixels(data) <= _MOST_PIXELS and _png_chunks_fit(data)
    if data.startswith(_JPEG):
        return _jpeg_pixels(data) <= _MOST_PIXELS
    return bool(data)


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
