"""Images out of ROS messages, without ROS.

The live node's messages (rclpy) and those of a recorded bag (rosbags) differ in nothing but the
type of their data, so both are decoded here and give the same image to the bit.
"""

from __future__ import annotations

from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from convlstm_perception.data.compressed_image import decode_compressed_data
from convlstm_perception.data.image_encodings import (
    ENCODINGS,
    Encoding,
    Layout,
    eight_bits,
    nv21_to_bgr,
    nv24_to_bgr,
)
from convlstm_perception.data.image_limits import check_size, shortened
from convlstm_perception.errors import ImageError
from convlstm_perception.types import Image


class ImageMessage(Protocol):
    """What is read of a ``sensor_msgs/Image``; ``data`` is a buffer of bytes."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: Any


class CompressedImageMessage(Protocol):
    """What is read of a ``sensor_msgs/CompressedImage``; ``data`` is a buffer of bytes."""

    format: str
    data: Any


def decode_image(message: ImageMessage) -> Image:
    """The pixels of a raw image.

    Args:
        message: a ``sensor_msgs/Image`` of any library.

    Returns:
        (height, width, 3) uint8, blue, green, red; a view of the message's own data where that
        is so already, which can be written to only if those data can.

    Raises:
        ImageError: an empty or absurdly large image, an encoding that is not supported or does
            not go with the size, a step less than a row, or too little data.
    """
    height, width, step = message.height, message.width, message.step
    check_size(width, height)
    encoding = ENCODINGS.get(message.encoding)
    if encoding is None:
        raise ImageError(
            f"encoding {shortened(message.encoding)!r} is not supported; "
            f"let the camera send one of {', '.join(ENCODINGS)}"
        )
    _check_fit(message, encoding)
    row = width * encoding.bytes_per_pixel
    if step < row:
        raise ImageError(
            f"step {step} is less than a row of {width} pixels of {message.encoding} "
            f"({row} bytes); check the camera driver"
        )
    data = _bytes_of(message.data)
    if encoding.layout is Layout.NV21:
        return nv21_to_bgr(_rows(data, height * 3 // 2, width, step))
    if encoding.layout is Layout.NV24:
        return _decode_nv24(data, height, width, step)
    rows = _rows(data, height, row, step)
    if encoding.deep:
        values = np.ascontiguousarray(rows).view(">u2" if message.is_bigendian else "<u2")
        rows = eight_bits(values)
    if encoding.channels > 1:
        rows = rows.reshape(height, width, encoding.channels)
    return _converted(encoding, message, rows)


def decode_compressed(message: CompressedImageMessage) -> Image:
    """The pixels of a JPEG or PNG.

    Args:
        message: a ``sensor_msgs/CompressedImage`` of any library.

    Returns:
        (height, width, 3) uint8, blue, green, red.

    Raises:
        ImageError: it is neither, is damaged or cut off, or is absurdly large.
    """
    return decode_compressed_data(_bytes_of(message.data), message.format)


def _check_fit(message: ImageMessage, encoding: Encoding) -> None:
    height, width = message.height, message.width
    rows, columns = encoding.multiple
    if height % rows or width % columns:
        needed = "an even width and height" if rows > 1 else "an even width"
        raise ImageError(
            f"a {width}x{height} image cannot be of encoding {message.encoding!r}, which needs "
            f"{needed}; change the camera's resolution or region of interest"
        )
    if min(height, width) < encoding.smallest:
        raise ImageError(
            f"a {width}x{height} image is too small for encoding {message.encoding!r}, which "
            f"needs {encoding.smallest}x{encoding.smallest} pixels; change the camera's resolution "
            "or region of interest"
        )


def _bytes_of(data: object) -> Image:
    """The data as (N,) uint8, without a copy."""
    try:
        view = memoryview(data)  # type: ignore[arg-type]
        return np.frombuffer(view, np.uint8)
    except (TypeError, ValueError, BufferError) as error:
        raise ImageError(
            f"the image's data, of type {type(data).__name__}, are no sequence of bytes "
            f"({error}); give them as bytes, array or numpy.ndarray"
        ) from error


def _rows(data: Image, height: int, row: int, step: int) -> Image:
    """(height, row) view of rows that lie ``step`` bytes apart."""
    if data.size == height * row:
        step = row
    if data.size < height * step:
        raise ImageError(
            f"the image holds {data.size} bytes, fewer than {height} rows of step {step} = "
            f"{height * step}; it was cut off, check the camera driver"
        )
    return data[: height * step].reshape(height, step)[:, :row]


def _decode_nv24(data: Image, height: int, width: int, step: int) -> Image:
    if data.size == 3 * height * width:
        step = width
    luma, chroma = data[: height * step], data[height * step :]
    if chroma.size < 2 * height * step:
        raise ImageError(
            f"the image holds {data.size} bytes, fewer than three times {height} rows of step "
            f"{step} = {3 * height * step}; it was cut off, check the camera driver"
        )
    chroma = chroma[: 2 * height * step].reshape(height, 2 * step)[:, : 2 * width]
    return nv24_to_bgr(luma.reshape(height, step)[:, :width], chroma.reshape(height, width, 2))


def _converted(encoding: Encoding, message: ImageMessage, pixels: NDArray[np.uint8]) -> Image:
    try:
        return encoding.to_bgr(pixels)
    except cv2.error as error:
        raise ImageError(
            f"a {message.width}x{message.height} image of encoding {message.encoding!r} cannot be "
            f"converted: {error.err or error}; let the camera send bgr8"
        ) from error
