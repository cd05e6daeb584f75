"""The encodings of ``sensor_msgs/Image`` that are decoded, each by its name in ROS.

* **Bayer**: ROS names the mosaic by its first two rows from the top-left pixel on. OpenCV's old
  names (``COLOR_BayerBG2BGR``) start one pixel further down and right; its newer ones
  (``COLOR_BayerRGGB2BGR``) agree with ROS and are those used.
* **YUV** is of ITU-R BT.601 in studio range (luma 16 to 235), as UVC cameras send it. ``nv21``:
  ``height`` rows of luma, then ``height / 2`` rows of V and U in turn, all ``step`` bytes apart.
  ``nv24``: ``height`` rows of luma ``step`` bytes apart, then ``height`` rows of U and V in turn,
  ``2 * step`` bytes apart. Drivers that reckon ``step`` otherwise send the planes without padding,
  which the length of the data tells.
* **16 bits** are told apart by the image itself: of 10, 12, 14 and 16 bits the fewest that hold
  its brightest value, of which the upper eight are kept. A 12-bit camera is then neither black, as
  when 16 bits were assumed, nor does it flicker, as when every image was stretched to its own
  darkest and brightest pixel; the brightness changes by a factor of four only where not one value
  of an image is beyond the next smaller range. It depends on nothing but the image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from convlstm_perception.types import Image

DEEP_BITS = (10, 12, 14, 16)
"""What 16-bit images are taken for; the fewest that hold the brightest value."""


class Layout(Enum):
    """How the bytes of an image lie."""

    PIXELS = auto()
    """One pixel after the other."""
    NV21 = auto()
    NV24 = auto()


@dataclass(frozen=True, slots=True)
class Encoding:
    """How an encoding is read.

    Attributes:
        channels: values a pixel, of the first plane where there are two.
        conversion: OpenCV's code to blue, green, red; None where it is that already.
        deep: whether a value has 16 bits rather than 8.
        layout: how the bytes lie.
        multiple: of (height, width) in pixels, which the format cannot do without.
        smallest: height and width in pixels from which it can be converted.
    """

    channels: int
    conversion: int | None
    deep: bool = False
    layout: Layout = Layout.PIXELS
    multiple: tuple[int, int] = (1, 1)
    smallest: int = 1

    @property
    def bytes_per_pixel(self) -> int:
        """Bytes a pixel of the first plane."""
        return self.channels * (2 if self.deep else 1)

    def to_bgr(self, pixels: Image) -> Image:
        """Convert (height, width) or (height, width, channels) uint8 values to blue, green, red;
        what is that already is handed back as it is.
        """
        if self.conversion is None:
            return pixels
        return np.asarray(cv2.cvtColor(pixels, self.conversion), np.uint8)


def eight_bits(values: NDArray[np.uint16]) -> Image:
    """The upper eight of the bits that an image makes use of; see the module's text.

    Args:
        values: uint16 of any shape, not empty.

    Returns:
        uint8 of the same shape.
    """
    brightest = int(values.max())
    bits = next(bits for bits in DEEP_BITS if brightest < 1 << bits)
    return np.right_shift(values, bits - 8).astype(np.uint8)


def nv21_to_bgr(planes: Image) -> Image:
    """(height * 3 / 2, width) uint8 luma rows and rows of V and U to (height, width, 3)."""
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_NV21), np.uint8)


def nv24_to_bgr(luma: Image, chroma: Image) -> Image:
    """(height, width) and (height, width, 2) uint8 to (height, width, 3).

    OpenCV has no code for it. Each pixel is written as a pair of equal ones of ``uyvy``, which
    leaves the arithmetic, and so the colours, to the code of the other YUV encodings.
    """
    height, width = luma.shape
    pairs = np.empty((height, width, 4), np.uint8)
    pairs[..., 0], pairs[..., 2] = chroma[..., 0], chroma[..., 1]
    pairs[..., 1] = pairs[..., 3] = luma
    doubled = cv2.cvtColor(pairs.reshape(height, 2 * width, 2), cv2.COLOR_YUV2BGR_UYVY)
    return np.ascontiguousarray(doubled[:, ::2], np.uint8)


_UYVY = Encoding(2, cv2.COLOR_YUV2BGR_UYVY, multiple=(1, 2))
_YUYV = Encoding(2, cv2.COLOR_YUV2BGR_YUY2, multiple=(1, 2))
_COLOURS = {"bgr": None, "rgb": cv2.COLOR_RGB2BGR}
_COLOURS_WITH_ALPHA = {"bgra": cv2.COLOR_BGRA2BGR, "rgba": cv2.COLOR_RGBA2BGR}
_BAYER = {
    "bayer_rggb": cv2.COLOR_BayerRGGB2BGR,
    "bayer_bggr": cv2.COLOR_BayerBGGR2BGR,
    "bayer_gbrg": cv2.COLOR_BayerGBRG2BGR,
    "bayer_grbg": cv2.COLOR_BayerGRBG2BGR,
}


def _of_depth(bits: int) -> dict[str, Encoding]:
    deep = bits == 16
    grey, colour = Encoding(1, cv2.COLOR_GRAY2BGR, deep), Encoding(3, None, deep)
    encodings = {f"{name}{bits}": Encoding(3, code, deep) for name, code in _COLOURS.items()}
    for name, code in _COLOURS_WITH_ALPHA.items():
        encodings[f"{name}{bits}"] = Encoding(4, code, deep)
    encodings |= {f"mono{bits}": grey, f"{bits}UC1": grey, f"{bits}UC3": colour}
    encodings[f"{bits}UC4"] = encodings[f"bgra{bits}"]
    for name, code in _BAYER.items():
        # Smaller mosaics come out of OpenCV black.
        encodings[f"{name}{bits}"] = Encoding(1, code, deep, smallest=3)
    return encodings


ENCODINGS: Mapping[str, Encoding] = MappingProxyType(
    _of_depth(8)
    | {"uyvy": _UYVY, "yuv422": _UYVY, "yuyv": _YUYV, "yuv422_yuy2": _YUYV}
    | {
        "nv21": Encoding(1, None, layout=Layout.NV21, multiple=(2, 2)),
        "nv24": Encoding(1, None, layout=Layout.NV24),
    }
    | _of_depth(16)
)
"""Every encoding that is decoded, by its name in ``sensor_msgs/image_encodings``."""
