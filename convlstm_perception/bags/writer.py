"""Writes a bag that is there as a whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from convlstm_perception.bags.types import missing_library, type_store
from convlstm_perception.errors import BagError

if TYPE_CHECKING:
    from rosbags.interfaces import Connection

_FORMAT_VERSION: Literal[9] = 9  # of rosbag2's metadata, that of Jazzy

_MENDS = {
    errno.ENOSPC: "free space on this disk, or give a folder on another",
    errno.EDQUOT: "free space of this user's quota, or give a folder on another disk",
    errno.EFBIG: "raise the limit of file sizes (ulimit -f), or keep less",
    errno.EACCES: "give a folder that this user may write to",
    errno.EPERM: "give a folder that this user may write to",
    errno.EROFS: "give a folder on a disk that is not read-only",
    errno.ENOTDIR: "give a folder: a part of this path is a file",
    errno.EEXIST: "give a path that does not exist yet",
}


class BagWriter:
    """A new bag in MCAP, laid out as rosbag2 does: a folder with metadata.yaml.

    It is written beside its place under a hidden name, and moved there, complete and on the disk,
    when the block is left without an error; after an error nothing is left.

    Args:
        path: folder to make; its parent is made too. Nothing may be there yet.
        notes: text by name, kept in metadata.yaml as custom_data.

    Raises:
        BagError: when it cannot be written, naming the mend, or the library rosbags is missing.
        BundleError: when the definitions of our messages are not to be found.
    """

    def __init__(self, path: Path, notes: dict[str, str] | None = None) -> None:
        self.path = path
        self._store = type_store()
        self._connections: dict[tuple[str, str], Connection] = {}
        try:
            from rosbags.rosbag2 import StoragePlugin, Writer
        except ImportError as error:
            raise missing_library() from error
        # The name of the bag is part of its files' names, so that only the place is temporary.
        self._workplace = path.parent / workplace_name(path.name)
        if path.exists():
            raise BagError(f"{path} is there already; {_MENDS[errno.EEXIST]}")
        with self._told():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._workplace.mkdir()
        self._writer = Writer(
            self._workplace / path.name,
            version=_FORMAT_VERSION,
            storage_plugin=StoragePlugin.MCAP,
        )
        for name, note in (notes or {}).items():
            self._writer.set_custom_data(name, note)
        with self._told():
            self._writer.open()

    def write(self, topic: str, type_name: str, time_ns: int, message: Any) -> None:
        """Append a message.

        Args:
            topic: its full name.
            type_name: as ``sensor_msgs/msg/Image``; one that :func:`type_store` knows.
            time_ns: when it was received, in nanoseconds.
            message: the CDR bytes, or a message of :func:`type_store`.

        Raises:
            BagError: when it cannot be written.
        """
        if isinstance(message, bytes | memoryview):
            data: bytes | memoryview = message
        else:
            data = self._store.serialize_cdr(message, type_name)
        with self._told():
            connection = self._connections.get((topic, type_name))
            if connection is None:
                connection = self._writer.add_connection(topic, type_name, typestore=self._store)
                self._connections[topic, type_name] = connection
            self._writer.write(connection, time_ns, data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                with self._told():
                    self._writer.close()
                    _flush(self._writer.path)
                    self._writer.path.rename(self.path)
                    self._workplace.rmdir()
                    _sync(self.path.parent)
        finally:
            if self._workplace.exists():
                self._give_up()

    def _give_up(self) -> None:
        with suppress(OSError):  # the error that led here is the one to be told
            self._writer.abort()
        shutil.rmtree(self._workplace, ignore_errors=True)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of writing as ours."""
        from rosbags.rosbag2 import WriterError
        from rosbags.typesys import TypesysError

        try:
            yield
        except (WriterError, TypesysError, KeyError) as error:
            raise BagError(f"{self.path}: the bag cannot be written: {error}") from error
        except OSError as error:
            number = error.errno or 0
            mend = _MENDS.get(number, "check the disk")
            raise BagError(
                f"{self.path}: the bag cannot be written: {error.strerror or error}; {mend}"
            ) from error


def workplace_name(name: str) -> str:
    """Of the hidden folder in which a bag of this name is written."""
    return f".{name}.writing"


def _flush(folder: Path) -> None:
    for path in [*folder.iterdir(), folder]:
        _sync(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
