"""Snapshots and their images through a pipe: a head of fixed size, JSON, then the pixels."""

from __future__ import annotations

import json
import struct
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

_MAGIC = b"CSIM"
_HEAD = struct.Struct("<4sIII")  # magic, bytes of JSON, height, width
_CHANNELS = 3
_LARGEST_TEXT = 1 << 24  # bytes; more is no snapshot, but a stream out of step


class FramingError(Exception):
    """The stream broke off within a message, or holds something else."""


def write_message(stream: IO[bytes], values: Any, image: NDArray[np.uint8]) -> None:
    """Write one message and flush.

    Args:
        stream: to write to.
        values: anything that JSON holds.
        image: (height, width, 3).
    """
    text = json.dumps(values, allow_nan=False).encode()
    height, width, _ = image.shape
    stream.write(_HEAD.pack(_MAGIC, len(text), height, width))
    stream.write(text)
    stream.write(np.ascontiguousarray(image).tobytes())
    stream.flush()


def read_message(stream: IO[bytes]) -> tuple[Any, NDArray[np.uint8]] | None:
    """Read one message; None at the end of the stream.

    Raises:
        FramingError: when the stream ends within a message, or is none of messages.
    """
    head = stream.read(_HEAD.size)
    if not head:
        return None
    if len(head) < _HEAD.size:
        raise FramingError(f"the stream ended after {len(head)} bytes of a message's head")
    magic, text_size, height, width = _HEAD.unpack(head)
    if magic != _MAGIC or text_size > _LARGEST_TEXT:
        raise FramingError(f"the stream is out of step: a message begins with {head!r}")
    values = json.loads(_exactly(stream, text_size))
    pixels = np.frombuffer(_exactly(stream, height * width * _CHANNELS), np.uint8)
    return values, pixels.reshape(height, width, _CHANNELS)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise FramingError(f"the stream ended after {len(data)} of {size} bytes")
    return data
