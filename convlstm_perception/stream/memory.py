"""What a camera's pipeline asks of the memory of its frames."""

from __future__ import annotations

from typing import Protocol

from convlstm_perception.engine.runtime import MemoryStep


class FrameMemory(Protocol):
    """Keeps account of which frames a runtime's memory holds."""

    @property
    def newest_ns(self) -> int | None:
        """Stamp of the newest frame, or None."""
        ...

    def admit(self, stamp_ns: int) -> MemoryStep:
        """Enter a frame, and say how it is answered.

        Raises:
            FrameOrderError: when the stamp is not newer than the newest.
        """
        ...

    def revoke(self) -> None:
        """Take back the frame admitted last: it could not be answered."""
        ...

    def clear(self) -> None:
        """Forget every frame."""
        ...

    def filled(self, step: MemoryStep) -> int:
        """Slots of the window of T that hold a frame, of which an answer is made."""
        ...
