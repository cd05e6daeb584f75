"""Files that tell whether they are whole, written by one process at a time."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAGIC = b"CLSTMPC1"  # the last character counts the format
_SIZES = struct.Struct("<IQ")  # bytes of the notes, bytes of the payload
_START = len(MAGIC) + hashlib.sha256().digest_size
_logger = logging.getLogger(__name__)


class DamagedFileError(Exception):
    """A file that is not what was written; the message says how."""


@dataclass(frozen=True)
class SealedFile:
    """A file's content; the file begins with a magic number and the sha256 of what follows.

    Attributes:
        notes: what is known of the payload, as JSON holds it.
        payload: the bytes themselves.
    """

    notes: Mapping[str, Any]
    payload: bytes


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Be the one process that makes a file; wait while another does.

    The system frees the lock when its holder dies. The folder is made when it is missing.

    Raises:
        OSError: when the lock cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _logger.warning("%s: another process makes it; waiting for it", path)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_sealed(path: Path, content: SealedFile) -> None:
    """Write a file at once: whoever reads ``path`` finds the old file or the new one, whole.

    Only the holder of its lock may write it.

    Raises:
        OSError: when it cannot be written; a former file is then as it was.
    """
    notes = json.dumps(content.notes).encode()
    body = _SIZES.pack(len(notes), len(content.payload)) + notes
    digest = hashlib.sha256(body)
    digest.update(content.payload)
    # One name a path: what a killed process left is overwritten by the next.
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as stream:
        for part in (MAGIC, digest.digest(), body, content.payload):
            stream.write(part)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(partial, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_sealed(path: Path) -> SealedFile:
    """Read a file and check that nothing of it is missing or changed.

    Raises:
        FileNotFoundError: when there is none.
        OSError: when it cannot be read.
        DamagedFileError: when it was cut off, changed, or written by something else.
    """
    data = path.read_bytes()
    if data[: len(MAGIC)] != MAGIC:
        raise DamagedFileError("it was not written by this version of this program")
    if len(data) < _START + _SIZES.size:
        raise DamagedFileError(f"it ends after {len(data)} bytes")
    notes, payload = _SIZES.unpack_from(data, _START)
    start = _START + _SIZES.size
    if len(data) != start + notes + payload:
        raise DamagedFileError(f"it has {len(data)} bytes, not {start + notes + payload}")
    if hashlib.sha256(memoryview(data)[_START:]).digest() != data[len(MAGIC) : _START]:
        raise DamagedFileError("its bytes are not those that were written (sha256 differs)")
    return SealedFile(json.loads(data[start : start + notes]), data[start + notes :])
