"""The black box: the last seconds of what the node was given and answered, saved on demand."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from rclpy.serialization import serialize_message

from convlstm_perception.bags.recent import RecentMessages, Recorded
from convlstm_perception.bags.settings import BlackBoxSettings
from convlstm_perception.bags.shelf import BagShelf
from convlstm_perception.bags.writer import BagWriter
from convlstm_perception.errors import BagError

_MB = 1 << 20
# Bytes that Python takes for a predicted box, a detection and a value of diagnostics, each with
# all the objects it holds.
_POINT_NBYTES, _DETECTION_NBYTES, _VALUE_NBYTES = 1000, 2000, 256
_DEFINITIONS_NBYTES = 1 << 18  # of message definitions and index in a bag, at most


class BlackBox:
    """Keeps references to messages, and writes them as a bag. Any thread may call it.

    Adding costs a few microseconds and copies nothing; the messages must not be changed after.
    Saving takes seconds and belongs in a thread of its own; what is being saved stays in memory
    meanwhile, beside what comes.

    Args:
        settings: how much is kept, and where it is written.
    """

    def __init__(self, settings: BlackBoxSettings) -> None:
        self.settings = settings
        self._recent = RecentMessages(settings.black_box_seconds, settings.black_box_memory * _MB)
        self._shelf = BagShelf(settings.folder, settings.black_box_folder_limit * _MB)
        self._saving = threading.Lock()
        self._claiming = threading.Lock()
        self._last_automatic: float | None = None

    @property
    def nbytes(self) -> int:
        """Bytes that are kept, about."""
        return self._recent.nbytes

    def add_image(self, topic: str, message: Any, received_ns: int) -> None:
        """Keep an image, raw or compressed.

        Args:
            topic: its full name.
            message: as it came.
            received_ns: when, on the node's clock.
        """
        self._add(Recorded(topic, message, received_ns), len(message.data))

    def add_output(self, topic: str, message: Any, published_ns: int) -> None:
        """Keep an answer or diagnostics.

        Args:
            topic: its full name.
            message: as it was published.
            published_ns: when, on the node's clock.
        """
        self._add(Recorded(topic, message, published_ns), _nbytes(message))

    def latch(self, topic: str, message: Any, published_ns: int) -> None:
        """Keep a message until the next of its topic, however old it gets: the parameters.

        It is saved as if it came with the oldest image.
        """
        self._recent.latch(Recorded(topic, message, published_ns))

    def claim_automatic(self) -> bool:
        """Whether an error is to save a bag now; if so, the next one is not for a while."""
        settings, now = self.settings, time.monotonic()
        if not settings.black_box_on_error:
            return False
        with self._claiming:
            last = self._last_automatic
            if last is not None and now - last < settings.black_box_interval:
                return False
            self._last_automatic = now
        return True

    def save(self, reason: str) -> Path:
        """Write what is kept.

        Args:
            reason: in words; part of the bag's name, and in full in its metadata.

        Returns:
            The bag's folder.

        Raises:
            BagError: when there is nothing to write, or it cannot be written; nothing is left
                behind then.
        """
        with self._saving:
            kept = self._recent.snapshot()
            if not kept:
                raise BagError(
                    "the black box is empty: no image was answered in the last "
                    f"{self.settings.black_box_seconds:g} s"
                )
            self._shelf.make_room(self._recent.nbytes + _DEFINITIONS_NBYTES)
            path = self._shelf.new_path(reason)
            with BagWriter(path, {"reason": reason}) as bag:
                for one in kept:
                    data = serialize_message(one.message)
                    bag.write(one.topic, _type_name(one.message), one.time_ns, data)
            return path

    def _add(self, recorded: Recorded, nbytes: int) -> None:
        if self.settings.black_box_seconds:
            self._recent.add(recorded, nbytes, time.monotonic())


def _nbytes(message: Any) -> int:
    """Bytes that an answer takes in memory, about; that of others is small."""
    if hasattr(message, "trajectories"):
        return _POINT_NBYTES * sum(
            len(mode.points) for person in message.trajectories for mode in person.modes
        )
    if hasattr(message, "detections"):
        return _DETECTION_NBYTES * len(message.detections)
    if hasattr(message, "status") and isinstance(message.status, list):
        return _VALUE_NBYTES * sum(len(status.values) for status in message.status)
    return 0


def _type_name(message: Any) -> str:
    package, kind, *_ = type(message).__module__.split(".")
    return f"{package}/{kind}/{type(message).__name__}"
