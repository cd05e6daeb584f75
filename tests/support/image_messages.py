"""Image messages good and bad, as plain values, and hypothesis strategies that make them.

The fields are those of ``sensor_msgs``, within the types that the wire can carry, so that the same
messages can be handed to the decoder or published to the node.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from hypothesis import strategies as st

from convlstm_perception.data.image_encodings import ENCODINGS

UINT32 = (1 << 32) - 1
SIDE = 24  # pixels, of the usual images


@dataclass(frozen=True)
class ImageFields:
    """A ``sensor_msgs/Image`` without its header."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: bytes

    def filled(self, message: Any) -> Any:
        """Write the fields into a ROS message and hand it back."""
        for name, value in vars(self).items():
            setattr(message, name, value)
        return message


@dataclass(frozen=True)
class CompressedFields:
    """A ``sensor_msgs/CompressedImage`` without its header."""

    format: str
    data: bytes

    filled = ImageFields.filled


def shape_of(fields: ImageFields) -> tuple[int, int, int]:
    """The shape of the image that the fields promise."""
    return fields.height, fields.width, 3


def least_bytes(encoding: str, height: int, width: int) -> int:
    """Length of the data of an image without padding."""
    if encoding == "nv21":
        return width * (height + height // 2)
    if encoding == "nv24":
        return 3 * width * height
    return height * width * ENCODINGS[encoding].bytes_per_pixel


_SIDES = st.one_of(
    st.integers(0, SIDE),
    st.integers(1, SIDE // 2).map(lambda half: 2 * half),
    st.integers(0, UINT32),
)
_NAMES = st.one_of(
    st.sampled_from([*ENCODINGS]),
    st.sampled_from(["", "8UC2", "16SC1", "32FC1", "64FC4", "BGR8", "bayer_", "bgr8 ", "jpeg"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=60),
)


@st.composite
def raw_images(draw: st.DrawFn) -> ImageFields:
    """Images of any encoding, size, step and length of data, most of them nearly right."""
    encoding = draw(_NAMES)
    height, width = draw(_SIDES), draw(_SIDES)
    known = encoding in ENCODINGS
    row = width * ENCODINGS[encoding].bytes_per_pixel if known else width
    step = max(0, row + draw(st.sampled_from([0, 0, 0, 1, 2, 7, -1, width])))
    if draw(st.integers(0, 9)) == 0:
        step = draw(st.integers(0, UINT32))
    step = min(step, UINT32)
    rows = {"nv21": height + height // 2, "nv24": 3 * height}.get(encoding, height)
    length = step * rows + draw(st.sampled_from([0, 0, 0, 1, -1, 100]))
    if draw(st.integers(0, 9)) == 0:
        length = draw(st.integers(0, 4 * SIDE * SIDE))
    length = max(0, min(length, 12 * SIDE * SIDE))
    seed = draw(st.integers(0, 255))
    values = (np.arange(length, dtype=np.uint32) * 37 + seed).astype(np.uint8)
    return ImageFields(height, width, encoding, draw(st.integers(0, 255)), step, values.tobytes())


def _packed() -> list[bytes]:
    """Small images of every kind that OpenCV can write here."""
    rng = np.random.default_rng(1)
    colour = rng.integers(0, 256, (9, 14, 3), np.uint8)
    deep = rng.integers(0, 4096, (9, 14), np.uint16)
    alpha = rng.integers(0, 256, (9, 14, 4), np.uint8)
    pictures = {".jpg": [colour, colour[..., 0]], ".png": [colour, colour[..., 0], deep, alpha]}
    pictures |= {".bmp": [colour], ".tiff": [colour], ".webp": [colour]}
    return [
        cv2.imencode(suffix, picture)[1].tobytes()
        for suffix, several in pictures.items()
        for picture in several
    ]


PACKED = _packed()
_FORMS = st.one_of(
    st.sampled_from(["jpeg", "png", "rgb8; jpeg compressed bgr8", "bayer_rggb8; png compressed "]),
    _NAMES,
)


@st.composite
def compressed_images(draw: st.DrawFn) -> CompressedFields:
    """Garbage, whole images, and images cut, overwritten or with another size in the header."""
    form = draw(_FORMS)
    kind = draw(st.sampled_from(["garbage", "whole", "cut", "spoilt", "resized", "headed"]))
    data = bytearray(draw(st.sampled_from(PACKED)))
    if kind == "garbage":
        data = bytearray(draw(st.binary(max_size=200)))
    elif kind == "headed":
        start = draw(st.sampled_from([2, 8, 16, 24]))
        data[start:] = draw(st.binary(max_size=100))
    elif kind == "cut":
        del data[draw(st.integers(0, len(data))) :]
    elif kind == "spoilt":
        for _ in range(draw(st.integers(1, 8))):
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    elif kind == "resized":
        size = struct.pack(">II", draw(st.integers(0, 1 << 20)), draw(st.integers(0, 1 << 20)))
        if data.startswith(b"\x89PNG"):
            data[16:24] = size
        else:
            place = data.find(b"\xff\xc0")
            data[place + 5 : place + 9] = size[2:4] + size[6:8]
    return CompressedFields(form, bytes(data))
