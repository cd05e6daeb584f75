"""Whose frame is answered next: the newest of every camera, in a fair order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from convlstm_perception.stream.settings import SyncSettings
from convlstm_perception.types import NANOSECONDS_PER_SECOND

_ANCHOR_PATIENCE = 1.0  # seconds without the anchor's frames until the others go on without it

Item = TypeVar("Item")


@dataclass(frozen=True)
class _Waiting(Generic[Item]):
    item: Item
    stamp_ns: int
    since: float  # from when on it waits for others, on the scheduler's clock


class FrameScheduler(Generic[Item]):
    """Hands the newest frame of each camera from the threads that receive to the one that answers.

    It never queues: a frame that was not taken when the next one of its camera comes is lost and
    counted. Of the cameras that wait, the one answered longest ago is taken first, so that under
    overload each has its share.

    Args:
        cameras: their names.
        settings: which frames are answered together.
        most_at_once: frames taken together under sync ``latest``.
        clock: seconds, rising.

    Raises:
        ValueError: when the anchor is none of the cameras.
    """

    def __init__(
        self,
        cameras: Sequence[str],
        settings: SyncSettings,
        most_at_once: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._most, self._clock = settings, most_at_once, clock
        self._tolerance_ns = round(settings.sync_tolerance * NANOSECONDS_PER_SECOND)
        self._anchor = settings.anchor_camera or cameras[0]
        if self._anchor not in cameras:
            raise ValueError(f"anchor_camera {self._anchor!r} is none of {', '.join(cameras)}")
        self._changed = threading.Condition()
        self._waiting: dict[str, _Waiting[Item]] = {}
        self._enabled = dict.fromkeys(cameras, True)
        self._overwritten = dict.fromkeys(cameras, 0)
        self._served = dict.fromkeys(cameras, 0)  # by the number of the taking
        self._takings = 0
        self._anchor_seen = clock()
        self._taker_waits = False
        self._closed = False

    def put(self, camera: str, stamp_ns: int, item: Item) -> None:
        """Leave a camera's newest frame; one of it not yet taken is lost and counted."""
        with self._changed:
            if not self._enabled[camera]:
                return
            now, before = self._clock(), self._waiting.get(camera)
            self._overwritten[camera] += before is not None
            # While the taker waits, a newer frame waits on for the one whose place it takes: with
            # a patience of its own each, frames that follow each other faster would never be taken.
            since = before.since if before and self._taker_waits else now
            self._waiting[camera] = _Waiting(item, stamp_ns, since)
            if camera == self._anchor:
                self._anchor_seen = now
            self._changed.notify()

    def take(self) -> dict[str, Item] | None:
        """Wait for frames to answer together, by camera; None once the scheduler is closed."""
        with self._changed:
            while not self._closed:
                now = self._clock()
                chosen, wait = self._choose(now)
                if chosen:
                    self._takings += 1
                    for camera in chosen:
                        self._served[camera] = self._takings
                    return {camera: self._waiting.pop(camera).item for camera in chosen}
                self._taker_waits = True
                self._changed.wait(wait)
                self._taker_waits = False
            return None

    def enable(self, camera: str, enabled: bool) -> None:
        """Let a camera take part, or not; a frame of it that waits is dropped, and not counted."""
        with self._changed:
            self._enabled[camera] = enabled
            if not enabled:
                self._waiting.pop(camera, None)
            self._changed.notify()

    def overwritten(self, camera: str) -> int:
        """Frames of a camera that were never taken because a newer one came."""
        with self._changed:
            return self._overwritten[camera]

    def close(self) -> None:
        """Let the taker go, now and later."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _choose(self, now: float) -> tuple[list[str], float | None]:
        """The cameras to take now, or none and the seconds after which to look again."""
        if not self._waiting:
            return [], None
        if self._settings.sync == "approximate":
            return self._approximate(now)
        if self._settings.sync == "anchor":
            return self._anchored(now)
        return self._latest(now)

    def _latest(self, now: float) -> tuple[list[str], float | None]:
        expected = min(self._most, sum(self._enabled.values()))
        due = min(frame.since for frame in self._waiting.values()) + self._settings.batch_window
        if len(self._waiting) < expected and now < due:
            return [], due - now
        return sorted(self._waiting, key=self._served.__getitem__)[: self._most], None

    def _approximate(self, now: float) -> tuple[list[str], float | None]:
        together = self._near(max(frame.stamp_ns for frame in self._waiting.values()))
        if len(together) == sum(self._enabled.values()):
            return together, None
        due = min(frame.since for frame in self._waiting.values()) + self._settings.sync_timeout
        if now < due:
            return [], due - now
        first = min(self._waiting, key=self._served.__getitem__)
        return self._near(self._waiting[first].stamp_ns), None

    def _anchored(self, now: float) -> tuple[list[str], float | None]:
        anchor = self._waiting.get(self._anchor)
        if anchor is None:
            due = self._anchor_seen + _ANCHOR_PATIENCE
            if self._enabled[self._anchor] and now < due:
                return [], due - now
            return self._approximate(now)
        together = self._near(anchor.stamp_ns)
        due = anchor.since + self._settings.sync_timeout
        if len(together) < sum(self._enabled.values()) and now < due:
            return [], due - now
        return together, None

    def _near(self, stamp_ns: int) -> list[str]:
        """The cameras whose frames are within tolerance of a stamp."""
        return [
            camera
            for camera, frame in self._waiting.items()
            if abs(frame.stamp_ns - stamp_ns) <= self._tolerance_ns
        ]
