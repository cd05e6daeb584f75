"""The memory that is a state carried on from frame to frame."""

from __future__ import annotations

from convlstm_perception.engine.runtime import MemoryStep, StateStep
from convlstm_perception.errors import FrameOrderError
from convlstm_perception.types import NANOSECONDS_PER_SECOND


class StateMemory:
    """Which of a camera's two states each frame starts from and which it writes.

    Every frame is answered by one step from the last state that was kept. The state after it is
    kept once a whole step of the window's time has passed since the last one; until then the next
    frame overwrites it. So the ConvLSTM sees the steps it was trained with, at any rate of the
    camera.

    Args:
        slots: T of the window that the network was trained with.
        step: seconds between the slots.
        tolerance: seconds by which a frame may come early for its step.
    """

    def __init__(self, *, slots: int, step: float, tolerance: float) -> None:
        self._slots = slots
        self._due_ns = round((step - tolerance) * NANOSECONDS_PER_SECOND)
        self._newest_ns: int | None = None
        self._kept: tuple[int, StateStep] | None = None  # stamp and step of the state kept last
        self._before: tuple[int | None, tuple[int, StateStep] | None] = None, None

    @property
    def newest_ns(self) -> int | None:
        """Stamp of the newest frame, or None."""
        return self._newest_ns

    def admit(self, stamp_ns: int) -> StateStep:
        """See :class:`FrameMemory`."""
        if self._newest_ns is not None and stamp_ns <= self._newest_ns:
            raise FrameOrderError(
                f"frame at {stamp_ns} ns is not newer than the last one at {self._newest_ns} ns"
            )
        self._before = self._newest_ns, self._kept
        self._newest_ns = stamp_ns
        if self._kept is None:
            step = StateStep(source=None, target=0, dt=0.0, steps=1)
            self._kept = stamp_ns, step
            return step
        kept_ns, last = self._kept
        elapsed = stamp_ns - kept_ns
        step = StateStep(
            source=last.target,
            target=1 - last.target,
            dt=elapsed / NANOSECONDS_PER_SECOND,
            steps=last.steps + 1,
        )
        if elapsed >= self._due_ns:
            self._kept = stamp_ns, step
        return step

    def revoke(self) -> None:
        """See :class:`FrameMemory`."""
        self._newest_ns, self._kept = self._before

    def clear(self) -> None:
        """See :class:`FrameMemory`."""
        self._newest_ns = self._kept = None

    def filled(self, step: MemoryStep) -> int:
        """Steps in the state, T at most."""
        assert isinstance(step, StateStep)
        return min(step.steps, self._slots)
