"""Reads bags, MCAP or sqlite3."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from convlstm_perception.bags.types import missing_library, own_types, standard_types
from convlstm_perception.errors import SourceError
from convlstm_perception.types import NANOSECONDS_PER_SECOND

if TYPE_CHECKING:
    from rosbags.interfaces import Connection
    from rosbags.typesys.store import Typestore


@dataclass(frozen=True)
class BagTopic:
    """A topic of a bag.

    Attributes:
        type_name: of its messages, as ``sensor_msgs/msg/Image``.
        count: number of its messages.
    """

    type_name: str
    count: int


class BagReader:
    """An open bag; closed when the block is left.

    Messages are read by the definitions that the bag itself brings, so that one recorded with
    another version of our messages can be read; else by ours.

    Args:
        path: folder of the bag (with ``metadata.yaml``), or its ``.mcap`` or ``.db3`` file.

    Raises:
        SourceError: when it is no bag that can be read.
        BagError: when the library rosbags is missing.
    """

    def __init__(self, path: Path) -> None:
        try:
            from rosbags.rosbag2 import Reader
        except ImportError as error:
            raise missing_library() from error
        self.path = path
        try:
            self._reader = Reader(path)
            self._reader.open()
        # What a damaged file makes the library raise is not to be foretold.
        except Exception as error:
            raise SourceError(
                f"{path}: not a bag that can be read ({_words(error)}); give the folder with "
                "metadata.yaml, after `ros2 bag reindex` if the recording broke off"
            ) from error
        try:
            self._store = self._types()
        except SourceError:
            self._reader.close()
            raise

    @property
    def topics(self) -> Mapping[str, BagTopic]:
        """The topics that have messages, by name."""
        found: dict[str, BagTopic] = {}
        for connection in self._reader.connections:
            if not connection.msgcount:
                continue
            before = found.get(connection.topic)
            if before and before.type_name != connection.msgtype:
                raise SourceError(
                    f"{self.path}: {connection.topic} has messages of {before.type_name} and of "
                    f"{connection.msgtype}; cut the bag with `ros2 bag convert`"
                )
            count = connection.msgcount + (before.count if before else 0)
            found[connection.topic] = BagTopic(connection.msgtype, count)
        return dict(sorted(found.items()))

    def topics_of(self, *type_names: str) -> list[str]:
        """The topics of some types."""
        return [name for name, topic in self.topics.items() if topic.type_name in type_names]

    @property
    def seconds(self) -> float:
        """From the first message to the last."""
        return float(self._reader.duration) / NANOSECONDS_PER_SECOND

    def serialised(self, type_name: str, message: Any) -> bytes:
        """A message of this bag as CDR bytes, with zeros between its fields: equal if it is."""
        return bytes(self._store.serialize_cdr(message, type_name))

    def messages(self, topics: Collection[str]) -> Iterator[tuple[str, int, Any]]:
        """Topic, time of reception in nanoseconds, and message, in the order of these times.

        Raises:
            SourceError: when the bag or a message is damaged; with its time.
        """
        wanted = [entry for entry in self._reader.connections if entry.topic in topics]
        if not wanted:  # which the library would take for all
            return
        stored, missing = self._reader.messages(wanted), sum(entry.msgcount for entry in wanted)
        while True:
            try:
                connection, time_ns, data = next(stored)
            except StopIteration:
                break
            except Exception as error:  # as above
                raise SourceError(
                    f"{self.path}: the bag is damaged: {_words(error)}; save what is left of it "
                    "with `ros2 bag convert`"
                ) from error
            missing -= 1
            yield connection.topic, time_ns, self._message(connection, time_ns, data)
        if missing > 0:
            raise SourceError(
                f"{self.path}: the bag is damaged: {missing} messages that its index counts cannot "
                "be found"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._reader.close()

    def _message(self, connection: Connection, time_ns: int, data: bytes | memoryview) -> Any:
        try:
            return self._store.deserialize_cdr(data, connection.msgtype)
        except Exception as error:  # as above
            raise SourceError(
                f"{self.path}: {connection.topic}: message received at {seconds_text(time_ns)} "
                f"cannot be read as {connection.msgtype}: {_words(error)}"
            ) from error

    def _types(self) -> Typestore:
        from rosbags.interfaces import MessageDefinitionFormat
        from rosbags.typesys import TypesysError, get_types_from_msg

        store = standard_types()
        brought: dict[str, Any] = {}
        for connection in self._reader.connections:
            definition = connection.msgdef
            if definition.format is MessageDefinitionFormat.MSG and connection.msgtype not in (
                store.types
            ):
                try:
                    brought |= get_types_from_msg(definition.data, connection.msgtype)
                except TypesysError as error:
                    raise SourceError(
                        f"{self.path}: {connection.topic}: the bag's definition of "
                        f"{connection.msgtype} cannot be read: {_words(error)}"
                    ) from error
        types = {**own_types(), **brought}
        store.register({name: known for name, known in types.items() if name not in store.types})
        return store


def seconds_text(time_ns: int) -> str:
    """A time or stamp in seconds, with all its digits."""
    seconds, rest = divmod(time_ns, NANOSECONDS_PER_SECOND)
    return f"{seconds}.{rest:09d}"


def stamp_of(message: Any) -> int:
    """The stamp of a message's header in nanoseconds."""
    stamp = message.header.stamp
    return int(stamp.sec) * NANOSECONDS_PER_SECOND + int(stamp.nanosec)


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
