"""A place for one message: the newest wins."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Mailbox(Generic[Item]):
    """Hands the newest item from one thread to another and counts what it overwrote."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._item: Item | None = None
        self._overwritten = 0
        self._closed = False

    @property
    def overwritten(self) -> int:
        """Items that were never taken because a newer one came."""
        return self._overwritten

    def put(self, item: Item) -> None:
        """Leave an item; one not yet taken is lost and counted."""
        with self._condition:
            self._overwritten += self._item is not None
            self._item = item
            self._condition.notify()

    def take(self) -> Item | None:
        """Wait for an item and take it; None once the mailbox is closed."""
        with self._condition:
            self._condition.wait_for(lambda: self._closed or self._item is not None)
            item, self._item = self._item, None
            return None if self._closed else item

    def close(self) -> None:
        """Let every taker go, now and later."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
