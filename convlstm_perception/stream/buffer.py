"""The rolling buffer of encoded frames, addressed by time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from convlstm_perception.engine.base import TensorSpec
from convlstm_perception.errors import FrameOrderError
from convlstm_perception.types import NANOSECONDS_PER_SECOND, Float32Array, Int64Array


@dataclass(frozen=True)
class Window:
    """The frames chosen for the T slots, newest first.

    Attributes:
        places: per slot, the ring place of its frame, or None where no frame is in tolerance.
        valid: (1, T) float32, 1 where there is one.
        dt: (1, T) float32 seconds between a slot's frame and that of the next older valid slot;
            0 where there is none.
    """

    places: tuple[int | None, ...]
    valid: Float32Array
    dt: Float32Array


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


class FeatureBuffer:
    """A ring of preallocated feature tensors with their stamps.

    Args:
        specs: tensors kept for each frame.
        slots, step, tolerance: of the window; seconds.
        max_rate: frames a second to lay the ring out for. When they come faster, a frame less
            than a period after its elder gives its place to the next one, so that the ring always
            spans the window.
    """

    def __init__(
        self,
        specs: Mapping[str, TensorSpec],
        *,
        slots: int,
        step: float,
        tolerance: float,
        max_rate: float,
    ) -> None:
        self.slots, self.step, self.tolerance = slots, step, tolerance
        self._period_ns = NANOSECONDS_PER_SECOND / max_rate
        span = (slots - 1) * step + tolerance
        self.capacity = math.ceil(span * max_rate) + 2
        self.arrays = [
            {name: spec.allocate() for name, spec in specs.items()} for _ in range(self.capacity)
        ]
        self._stamps = np.zeros(self.capacity, np.int64)
        self._used = np.zeros(self.capacity, bool)
        self._newest: int | None = None
        self._before_newest_ns: int | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors: all the memory this buffer will ever hold."""
        return sum(array.nbytes for place in self.arrays for array in place.values())

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

    def reserve(self, stamp_ns: int) -> int:
        """The ring place to be written for a frame; it counts only after :meth:`commit`.

        Raises:
            FrameOrderError: when the stamp is not newer than the newest.
        """
        newest_ns = self.newest_ns
        if self._newest is None or newest_ns is None:
            return 0
        if stamp_ns <= newest_ns:
            raise FrameOrderError(
                f"frame at {stamp_ns} ns is not newer than the last one at {newest_ns} ns"
            )
        before = self._before_newest_ns
        if before is not None and newest_ns - before < self._period_ns:
            return self._newest
        return (self._newest + 1) % self.capacity

    def commit(self, place: int, stamp_ns: int) -> None:
        """Enter the frame written to a reserved place."""
        if place != self._newest:
            self._before_newest_ns = self.newest_ns
        self._stamps[place], self._used[place], self._newest = stamp_ns, True, place

    def select(self, now_ns: int) -> Window:
        """Choose the frames of the window whose newest slot is at ``now_ns``."""
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
