"""The newest messages, bounded in time and in bytes."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

_OVERHEAD = 512  # bytes of a message beside its data


@dataclass(frozen=True, slots=True)
class Recorded:
    """A message as it was given.

    Attributes:
        topic: its full name.
        message: the object itself, no copy.
        time_ns: when it was received or published, on the node's clock.
    """

    topic: str
    message: Any
    time_ns: int


@dataclass(frozen=True, slots=True)
class _Entry:
    recorded: Recorded
    nbytes: int
    came: float


class RecentMessages:
    """Keeps references to messages, and drops the oldest. Any thread may call it.

    Args:
        seconds: for which a message is kept.
        capacity: bytes that are kept at most; a message that is larger alone is not kept at all.
    """

    def __init__(self, seconds: float, capacity: int) -> None:
        self._seconds, self._capacity = seconds, capacity
        self._lock = threading.Lock()
        self._entries: deque[_Entry] = deque()
        self._latched: dict[str, Recorded] = {}
        self._nbytes = 0

    @property
    def nbytes(self) -> int:
        """Bytes that are kept, about."""
        return self._nbytes

    def add(self, recorded: Recorded, nbytes: int, now: float) -> None:
        """Keep a message, and drop what is too old or too much.

        Args:
            recorded: to keep.
            nbytes: of its data.
            now: monotonic seconds; the node's clock may jump.
        """
        nbytes += _OVERHEAD
        with self._lock:
            self._entries.append(_Entry(recorded, nbytes, now))
            self._nbytes += nbytes
            while self._entries and (
                self._nbytes > self._capacity or now - self._entries[0].came > self._seconds
            ):
                self._nbytes -= self._entries.popleft().nbytes

    def latch(self, recorded: Recorded) -> None:
        """Keep a message, however old it gets, until the next one of its topic."""
        with self._lock:
            self._latched[recorded.topic] = recorded

    def snapshot(self) -> list[Recorded]:
        """What is kept, in the order of time; first the latched, as if they came with the oldest.

        Empty where there is nothing but latched messages.
        """
        with self._lock:
            recent = [entry.recorded for entry in self._entries]
            latched = list(self._latched.values())
        if not recent:
            return []
        recent.sort(key=lambda recorded: recorded.time_ns)
        first = recent[0].time_ns
        return [Recorded(one.topic, one.message, first) for one in latched] + recent
