"""Image messages of every kind, sound and broken, for fuzzing."""

from __future__ import annotations

from dataclasses import dataclass

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
