"""Raw images as sensor_msgs carries them, to arrays of blue, green and red.

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
from numpy.typing import NDArray

from convlstm_perception.errors import ImageError
from convlstm_perception.types import Image

MOST_PIXELS = 1 << 26
"""8192 x 8192: a header that promises more is broken."""

_DEPTHS = (10, 12, 14, 16)  # bits of a camera's numbers
_SMALLEST_MOSAIC = 3  # pixels; OpenCV leaves smaller ones black


class ImageMessage(Protocol):
    """What is read of a sensor_msgs/Image."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: Any


@dataclass(frozen=True)
class _Packed:
    """Pixels one after another.

    Attributes:
        channels: numbers a pixel.
        code: OpenCV's conversion to blue, green, red; None where it is that already.
        wide: whether a number has 16 bits; see :func:`eight_bits`.
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
    if height * width > MOST_PIXELS:
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


def eight_bits(numbers: NDArray[np.uint16]) -> Image:
    """Scale what a camera of more than 8 bits sends to 8.

    An encoding says 16 bits whatever the camera has. Of 10, 12, 14 and 16 bits those are taken
    that just hold the image's brightest number, so that a camera of 12 is not black. Stretched to
    each image's own range instead, the picture would flicker. An image in which nothing passes the
    next smaller range comes out four times as bright; it depends on nothing but the image.

    Args:
        numbers: of any shape, not empty.
    """
    brightest = int(numbers.max())
    most = next(most for bits in _DEPTHS if brightest <= (most := (1 << bits) - 1))
    return cv2.convertScaleAbs(numbers, alpha=255 / most)  # type: ignore[return-value]


def mosaic_to_bgr(mosaic: Image, encoding: str) -> Image | None:
    """The colours of a (height, width) mosaic; None where ``encoding`` is not that of one."""
    layout = _PACKED.get(encoding) if encoding.startswith("bayer_") else None
    if layout is None or layout.code is None or min(mosaic.shape) < _SMALLEST_MOSAIC:
        return None
    return cv2.cvtColor(mosaic, layout.code)  # type: ignore[return-value]


def _decode_packed(message: ImageMessage, layout: _Packed, data: np.ndarray) -> Image:
    height, width, step = int(message.height), int(message.width), int(message.step)
    if layout.even and width % 2:
        raise ImageError(
            f"encoding {message.encoding!r} packs pixels in pairs, but the image is {width} pixels "
            "wide; check the camera driver"
        )
    if message.encoding.startswith("bayer_") and min(height, width) < _SMALLEST_MOSAIC:
        raise ImageError(
            f"a {width}x{height} image is too small to have its colours made from a Bayer mosaic; "
            "check the camera driver"
        )
    row = width * layout.channels * (2 if layout.wide else 1)
    if step < row:
        raise ImageError(f"step {step} is less than a row of {width} pixels ({row} bytes)")
    _expect_bytes(data, height * step, f"height x step = {height} x {step}")
    rows = data[: height * step].reshape(height, step)[:, :row]
    if layout.wide:
        order = ">u2" if message.is_bigendian else "<u2"
        rows = eight_bits(np.ascontiguousarray(rows).view(order).astype(np.uint16))
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
    if not full:
        rows = data[: lines * stride].reshape(lines, stride)[:, :width]
        return cv2.cvtColor(rows, cv2.COLOR_YUV2BGR_NV21)  # type: ignore[return-value]
    luma, chroma = np.split(data[: lines * stride], [height * stride])
    # A row of both colours is twice as long as one of brightness, and so is its padding.
    colours = chroma.reshape(height, 2 * stride)[:, : 2 * width].reshape(height, width, 2)
    planes = cv2.merge([luma.reshape(height, stride)[:, :width], colours])
    return cv2.transform(planes, _BT601)  # type: ignore[return-value]


def _expect_bytes(data: np.ndarray, least: int, what: str) -> None:
    if data.size < least:
        raise ImageError(
            f"the image holds {data.size} bytes, fewer than {what} = {least}; it was cut off, "
            "check the camera driver"
        )
