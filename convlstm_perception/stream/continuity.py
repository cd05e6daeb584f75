"""Whether a camera's frames follow each other as a window needs: order, gaps, jumps of time."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import numpy as np

from convlstm_perception.errors import FrameOrderError
from convlstm_perception.types import NANOSECONDS_PER_SECOND

_PERIODS = 31  # latest intervals of which the median is the camera's period


class StreamContinuity:
    """Follows the stamps of one camera.

    Args:
        slots, step, tolerance: of the window; seconds.
    """

    def __init__(self, *, slots: int, step: float, tolerance: float) -> None:
        self._tolerance_ns = round(tolerance * NANOSECONDS_PER_SECOND)
        self._span_ns = round((slots - 1) * step * NANOSECONDS_PER_SECOND)
        self._window_ns = round(slots * step * NANOSECONDS_PER_SECOND)
        self._newest_ns: int | None = None
        self._break = ""
        self._entered: deque[int] = deque()  # stamps of the frames that the window can hold
        self._began_ns: int | None = None
        self._periods: deque[int] = deque(maxlen=_PERIODS)

    def reset(self) -> None:
        """Begin anew with the next frame, whatever its stamp."""
        self._newest_ns = None
        self.restart()

    def restart(self) -> None:
        """Forget what is in the window; the order of the stamps still counts."""
        self._break, self._began_ns = "", None
        self._entered.clear()
        self._periods.clear()

    def check(self, stamp_ns: int) -> None:
        """Refuse a frame that is not newer than the last one, unless time has jumped back.

        Raises:
            FrameOrderError: nothing changes then.
        """
        if self._newest_ns is None:
            return
        elapsed = stamp_ns - self._newest_ns
        if -self._window_ns < elapsed <= 0:
            raise FrameOrderError(
                f"frame at {stamp_ns} ns is {-elapsed} ns older than the last one "
                "(or the same); check the camera driver's stamps"
            )

    def see(self, stamp_ns: int) -> None:
        """A frame has come, usable or not: none that is older comes after it."""
        if self._newest_ns is not None and stamp_ns <= self._newest_ns:
            elapsed = (self._newest_ns - stamp_ns) / NANOSECONDS_PER_SECOND
            self.break_off(f"time jumped back by {elapsed:.3f} s")
        self._newest_ns = stamp_ns

    def break_off(self, reason: str) -> None:
        """The next usable frame cannot carry the window on, for a reason in words."""
        self._break = reason

    def broken(self, stamp_ns: int) -> str:
        """Why the window cannot be carried on to a usable frame, in words; "" where it can."""
        if self._break or not self._entered:
            return self._break
        elapsed = stamp_ns - self._entered[-1]
        if elapsed > self._window_ns:
            return f"no usable frame for {elapsed / NANOSECONDS_PER_SECOND:.3f} s"
        return ""

    def enter(self, stamp_ns: int) -> None:
        """A usable frame was answered and is in the window."""
        if self._entered:
            self._periods.append(stamp_ns - self._entered[-1])
        else:
            self._began_ns = stamp_ns
        self._entered.append(stamp_ns)
        # One older than the window is kept: the gap to it may reach into the window.
        while len(self._entered) > 1 and stamp_ns - self._entered[1] > self._span_ns:
            self._entered.popleft()

    def degradation(self) -> str:
        """What the window of the frame entered last lacks, in words; "" where it is whole.

        It lacks frames until it has once been filled, and where two neighbours are further
        apart than the camera's own period and the tolerance explain.
        """
        newest_ns, began_ns = self._entered[-1], self._began_ns
        assert began_ns is not None
        if newest_ns - began_ns < self._span_ns - self._tolerance_ns:
            return "the window is not filled yet"
        widest = max((after - before for before, after in pairwise(self._entered)), default=0)
        if widest > float(np.median(self._periods)) + self._tolerance_ns:
            return f"no usable frame for {widest / NANOSECONDS_PER_SECOND:.2f} s of the window"
        return ""
