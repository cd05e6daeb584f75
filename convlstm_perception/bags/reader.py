"""Reading a bag, message by message."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from convlstm_perception.bags.message_types import message_types
from convlstm_perception.errors import SourceError

if TYPE_CHECKING:
    from rosbags.interfaces import Connection
    from rosbags.rosbag2 import Reader
    from rosbags.typesys.store import Typestore
    from typing_extensions import Self


@dataclass(frozen=True)
class BagMessage:
    """One message of a bag.

    Attributes:
        topic: it was recorded from.
        kind: its type, as ``sensor_msgs/msg/Image``.
        received_ns: when it was recorded, in nanoseconds.
        message: an object with the message's fields.
        foreign: whether the bag defines the type otherwise than this version does.
    """

    topic: str
    kind: str
    received_ns: int
    message: Any
    foreign: bool


class BagReader:
    """A bag, mcap or sqlite3, open while its block runs.

    Args:
        path: folder of the bag (with ``metadata.yaml``), or its ``.mcap`` or ``.db3`` file.

    Raises:
        SourceError: when it is no bag that can be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._types = message_types()
        self._stores: dict[str, Typestore] = {}  # by topic

    def __enter__(self) -> Self:
        from rosbags.rosbag2 import Reader

        try:
            self._reader: Reader = Reader(self.path)
            self._reader.open()
        except Exception as error:  # what a damaged file makes the library raise is open
            raise SourceError(
                f"{self.path}: not a bag that can be read ({error}); give the folder with "
                "metadata.yaml, after `ros2 bag reindex` if the recording broke off"
            ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._reader.close()

    @property
    def custom_data(self) -> Mapping[str, str]:
        """Texts by key that the writer put into the metadata; a bare file has none."""
        metadata = getattr(self._reader.storage, "metadata", None)
        return (metadata.custom if metadata else None) or {}

    def topics(self, *kinds: str) -> list[str]:
        """Names of the topics of some types that have messages, sorted."""
        return sorted({c.topic for c in self._of(lambda c: c.msgtype in kinds)})

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """The messages of some topics in the order in which they were recorded.

        Raises:
            SourceError: when the bag is damaged, or a message is; with its time.
        """
        wanted = self._of(lambda c: c.topic in topics)
        if not wanted:  # rosbags would take an empty choice for everything
            return
        missing = sum(connection.msgcount for connection in wanted)
        stored = self._reader.messages(wanted)
        while True:
            try:
                connection, received, data = next(stored)
            except StopIteration:
                break
            except Exception as error:  # what a damaged file makes the library raise is open
                raise SourceError(f"{self.path}: the bag is damaged: {error!r}") from error
            try:
                types = self._types_of(connection)
                message = types.deserialize_cdr(data, connection.msgtype)
            except Exception as error:  # as above
                raise SourceError(
                    f"{self.path}: {connection.topic}: message received at {received} ns cannot be "
                    f"read as {connection.msgtype}: {error}"
                ) from error
            missing -= 1
            foreign = types is not self._types
            yield BagMessage(connection.topic, connection.msgtype, received, message, foreign)
        if missing:
            raise SourceError(
                f"{self.path}: the bag is damaged: {missing} messages that its index counts are "
                "not there"
            )

    def in_cdr(self, message: Any, kind: str) -> bytes:
        """A message that is not foreign as it would be stored; equal messages are equal bytes."""
        return bytes(self._types.serialize_cdr(message, kind))

    def _types_of(self, connection: Connection) -> Typestore:
        """Those of the bag itself, where its definition of a message is another than ours: a bag
        that another version recorded can be read all the same."""
        known = self._stores.get(connection.topic)
        if known is not None:
            return known
        from rosbags.typesys import Stores, get_types_from_msg, get_typestore

        kind, own = connection.msgtype, connection.msgdef.data
        ours = self._types.fielddefs
        theirs = get_types_from_msg(own, kind) if own else {}
        types = self._types
        if kind not in ours or any(ours.get(name) != fields for name, fields in theirs.items()):
            types = get_typestore(Stores.EMPTY)
            types.register(theirs)
        self._stores[connection.topic] = types
        return types

    def _of(self, wanted: Any) -> list[Connection]:
        return [c for c in self._reader.connections if c.msgcount and wanted(c)]
