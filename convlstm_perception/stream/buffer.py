"""The rolling buffer of encoded frames, addressed by time.

It keeps account of the ring's places; the features themselves lie in the runtime's memory, on the
host or on the device.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from convlstm_perception.engine.runtime import MemoryStep, Window
from convlstm_perception.errors import FrameOrderError
from convlstm_perception.types import NANOSECONDS_PER_SECOND, Int64Array


def select_slots(
    stamps_ns: Int64Array, now_ns: int, slots: int, step: float, tolerance: float
) -> tuple[int | None, ...]:
    """For each slot k, the frame nearest to ``now - k * step``, if within ``tolerance`` seconds.

    A frame fills one slot at most: the one it is nearer to. Of two frames equally near, the newer
    is taken.

    Args:
        stamps_ns: (N,) stamps in any order.
        now_ns: time of slot 0.

    Returns:
        One index into ``stamps_ns``, or None, per slot.
    """
    chosen: list[int | None] = [None] * slots
    if not len(stamps_ns):
        return tuple(chosen)
    # Whole nanoseconds: with floats, which of two frames equally near is taken would be chance.
    step_ns, tolerance_ns = _to_ns(step), _to_ns(tolerance)
    ages = now_ns - stamps_ns
    newest_first = np.argsort(ages, kind="stable")
    distance = np.abs(ages[newest_first] - step_ns * np.arange(slots)[:, None])
    nearest = newest_first[distance.argmin(axis=1)]
    own = distance.min(axis=1)
    for slot in range(slots):
        index = int(nearest[slot])
        rivals = own[nearest == index]
        if own[slot] <= min(tolerance_ns, int(rivals.min())) and index not in chosen:
            chosen[slot] = index
    return tuple(chosen)


def _to_ns(seconds: float) -> int:
    return round(seconds * NANOSECONDS_PER_SECOND)


def ring_places(slots: int, step: float, tolerance: float, max_rate: float) -> int:
    """Frames that a ring must hold to span a window at up to ``max_rate`` frames a second."""
    return math.ceil(((slots - 1) * step + tolerance) * max_rate) + 2


class RollingBuffer:
    """The stamps of the frames in a ring of a camera's encoded frames.

    Args:
        slots, step, tolerance: of the window; seconds.
        max_rate: frames a second to lay the ring out for. When they come faster, a frame less
            than a period after its elder gives its place to the next one, so that the ring always
            spans the window.
    """

    def __init__(self, *, slots: int, step: float, tolerance: float, max_rate: float) -> None:
        self.slots, self.step, self.tolerance = slots, step, tolerance
        self._period_ns = NANOSECONDS_PER_SECOND / max_rate
        self._span_ns = _to_ns((slots - 1) * step + tolerance)
        self.capacity = ring_places(slots, step, tolerance, max_rate)
        self._stamps = np.zeros(self.capacity, np.int64)
        self._used = np.zeros(self.capacity, bool)
        self._newest: int | None = None
        self._before_newest_ns: int | None = None

    @property
    def newest_ns(self) -> int | None:
        """Stamp of the newest frame, or None."""
        return None if self._newest is None else int(self._stamps[self._newest])

    def __len__(self) -> int:
        return int(self._used.sum())

    def clear(self) -> None:
        """Forget every frame."""
        self._used[:] = False
        self._newest = self._before_newest_ns = None

    def admit(self, stamp_ns: int) -> Window:
        """Enter a frame, and choose the window whose newest slot it is.

        The frame's features belong to ``places[0]`` of the window.

        Raises:
            FrameOrderError: when the stamp is not newer than the newest.
        """
        newest_ns = self.newest_ns
        if newest_ns is not None and stamp_ns <= newest_ns:
            raise FrameOrderError(
                f"frame at {stamp_ns} ns is not newer than the last one at {newest_ns} ns"
            )
        place = self._next_place(stamp_ns)
        if place != self._newest:
            self._before_newest_ns = newest_ns
        self._stamps[place], self._used[place], self._newest = stamp_ns, True, place
        return self._window(stamp_ns)

    def revoke(self) -> None:
        """Take back the frame admitted last: its place holds nothing useful."""
        if self._newest is None:
            return
        self._used[self._newest] = False
        order = [int(place) for place in np.argsort(self._stamps) if self._used[place]]
        self._newest = order[-1] if order else None
        self._before_newest_ns = int(self._stamps[order[-2]]) if len(order) > 1 else None

    def filled(self, step: MemoryStep) -> int:
        """Slots of a window that hold a frame."""
        assert isinstance(step, Window)
        return int(step.valid.sum())

    def _next_place(self, stamp_ns: int) -> int:
        """Where the next frame goes: of the places that no window needs any more, the first.

        So a slow camera goes round a few places, and the memory of the others is never touched.
        """
        newest_ns, before = self.newest_ns, self._before_newest_ns
        if self._newest is None or newest_ns is None:
            return 0
        if before is not None and newest_ns - before < self._period_ns:
            return self._newest
        free = ~self._used | (self._stamps < stamp_ns - self._span_ns)
        if free.any():
            return int(free.argmax())
        return int(self._stamps.argmin())

    def _window(self, now_ns: int) -> Window:
        used = np.flatnonzero(self._used)
        picked = select_slots(self._stamps[used], now_ns, self.slots, self.step, self.tolerance)
        places = tuple(None if index is None else int(used[index]) for index in picked)
        valid = np.array([[place is not None for place in places]], np.float32)
        dt = np.zeros((1, self.slots), np.float32)
        held = [(slot, place) for slot, place in enumerate(places) if place is not None]
        for (slot, place), (_, older) in pairwise(held):
            elapsed = int(self._stamps[place]) - int(self._stamps[older])
            dt[0, slot] = elapsed / NANOSECONDS_PER_SECOND
        return Window(places, valid, dt)
