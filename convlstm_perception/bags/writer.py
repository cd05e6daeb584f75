"""Writing a bag whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from convlstm_perception.bags.message_types import message_types
from convlstm_perception.errors import SourceError

if TYPE_CHECKING:
    from rosbags.interfaces import Connection
    from typing_extensions import Self

PARAMETERS_KEY = "convlstm_perception.parameters"
"""Key of a bag's custom data under which the node's parameters stand as JSON."""

_VERSION: Literal[9] = 9  # of rosbag2's metadata, as ROS 2 Jazzy writes it


class BagWriter:
    """A new MCAP bag in rosbag2's layout, which appears under its name when its block ends well.

    Args:
        path: folder of the bag.
        custom_data: texts by key, kept in its metadata.

    Raises:
        SourceError: when there is something at that place, or it cannot be written to; by the end
            of the block too. No half of a bag is left behind.
    """

    def __init__(self, path: Path, custom_data: Mapping[str, str] | None = None) -> None:
        self._path, self._custom_data = path, custom_data or {}
        # A folder around the bag: the bag's own name is part of its files' names.
        self._partial = path.with_name(f".{path.name}.partial")
        self._connections: dict[str, Connection] = {}

    def __enter__(self) -> Self:
        self._types = message_types()
        from rosbags.rosbag2 import StoragePlugin, Writer, WriterError

        if self._path.exists():
            raise SourceError(f"{self._path}: there is something already; name another folder")
        try:
            shutil.rmtree(self._partial, ignore_errors=True)
            self._writer = Writer(
                self._partial / self._path.name, version=_VERSION, storage_plugin=StoragePlugin.MCAP
            )
            for key, value in self._custom_data.items():
                self._writer.set_custom_data(key, value)
            self._writer.open()
        except (OSError, WriterError) as error:
            raise self._failed(error) from error
        return self

    def write(self, topic: str, kind: str, received_ns: int, data: bytes | Any) -> bytes:
        """Append a message.

        Args:
            topic: of the message.
            kind: its type, as ``sensor_msgs/msg/Image``; the same for all of a topic.
            received_ns: when it was received or sent, in nanoseconds.
            data: the message in CDR, or a message of :func:`message_types`.

        Returns:
            The message in CDR.

        Raises:
            SourceError: when it cannot be written.
        """
        if not isinstance(data, bytes):
            data = bytes(self._types.serialize_cdr(data, kind))
        try:
            connection = self._connections.get(topic)
            if connection is None:
                connection = self._writer.add_connection(topic, kind, typestore=self._types)
                self._connections[topic] = connection
            self._writer.write(connection, received_ns, data)
            return data
        except OSError as error:
            raise self._failed(error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._writer.close()
            if error is None:
                _sync(*self._writer.path.iterdir(), self._writer.path)
                self._writer.path.rename(self._path)
                _sync(self._path.parent)
        except OSError as problem:
            self._let_go()
            raise self._failed(problem) from problem
        finally:
            shutil.rmtree(self._partial, ignore_errors=True)

    def _let_go(self) -> None:
        """Close the file that rosbags leaves open when it cannot write its end."""
        storage: Any = self._writer.storage
        if storage is None:
            return
        with contextlib.suppress(OSError):  # what is still to be written does not fit either
            storage.bio.close()

    def _failed(self, error: Exception) -> SourceError:
        shutil.rmtree(self._partial, ignore_errors=True)
        reason = getattr(error, "strerror", None) or str(error)
        return SourceError(
            f"{self._path}: the bag cannot be written: {reason}. Free space there, or name "
            "another folder."
        )


def _sync(*paths: Path) -> None:
    """Have files and folders on the disk, so that a power failure leaves no half of a bag."""
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
