"""Image messages of every kind, sound and broken, for fuzzing."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import cv2
import numpy as np
from hypothesis import strategies as st

from convlstm_perception.data.image_message import ENCODINGS

_STRANGE = ("", "yuv999", "16UC7", "32FC1", "bgr8 ", "BGR8", "\x00", "bayer_rggb", "nv12")
_SIDES = st.one_of(st.integers(0, 40), st.sampled_from([1, 2, 3, 4, 640, 65535, 2**31, 2**32 - 1]))


@dataclass(frozen=True, slots=True)
class RawImage:
    """The fields of a sensor_msgs/Image, without its header."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: bytes


@dataclass(frozen=True, slots=True)
class CompressedImage:
    """The fields of a sensor_msgs/CompressedImage, without its header."""

    format: str
    data: bytes


@st.composite
def raw_images(draw: st.DrawFn) -> RawImage:
    """Images whose fields go together often, and as often do not."""
    height, width = draw(_SIDES), draw(_SIDES)
    encoding = draw(st.sampled_from([*ENCODINGS, *_STRANGE]))
    row = width * draw(st.sampled_from([1, 2, 3, 4, 6]))
    step = draw(st.sampled_from([0, 1, row, row, row, row + 7, 2**32 - 1]))
    full = height * step
    length = draw(
        st.sampled_from([full, full, full, full - 1, full + 5, full * 3 // 2, 3 * full, 0])
    )
    seed = draw(st.integers(0, 255))
    data = np.full(max(0, min(length, 20_000)), seed, np.uint8).tobytes()
    return RawImage(
        height % 2**32, width % 2**32, encoding, draw(st.integers(0, 1)), step % 2**32, data
    )


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


_PACKED = _packed()
_FORMS = st.one_of(
    st.sampled_from(["jpeg", "png", "rgb8; jpeg compressed bgr8", "bayer_rggb8; png compressed "]),
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=60),
)


@st.composite
def compressed_images(draw: st.DrawFn) -> CompressedImage:
    """Garbage, whole images, and images cut, overwritten or with another size in the header."""
    form = draw(_FORMS)
    kind = draw(st.sampled_from(["garbage", "whole", "cut", "spoilt", "resized", "headed"]))
    data = bytearray(draw(st.sampled_from(_PACKED)))
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
        # Either small or refused: what lies between is decoded, slowly.
        side = draw(st.sampled_from([st.integers(0, 64), st.integers(1 << 14, (1 << 16) - 1)]))
        # Small or refused: what lies between is decoded, slowly.
        side = draw(st.sampled_from([st.integers(0, 64), st.integers(1 << 14, (1 << 16) - 1)]))
        size = struct.pack(">II", draw(side), draw(side))
        if data.startswith(b"\x89PNG"):
            data[16:24] = size
        else:
            place = data.find(b"\xff\xc0")
            data[place + 5 : place + 9] = size[2:4] + size[6:8]
    return CompressedImage(form, bytes(data))
