"""Messages of one kind are logged no more often than once in a while."""

from __future__ import annotations

import time


class Throttle:
    """Says which of many messages may be logged.

    rclpy's own throttle goes by the line of code: one camera's messages would silence another's.

    Args:
        period: seconds between messages of one kind.
    """

    def __init__(self, period: float) -> None:
        self._period = period
        self._last: dict[str, float] = {}

    def allows(self, kind: str) -> bool:
        """Whether a message of this kind may be logged now; if so, it counts as logged."""
        now = time.monotonic()
        if now - self._last.get(kind, -self._period) < self._period:
            return False
        self._last[kind] = now
        return True
