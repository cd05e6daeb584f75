"""What runs a bundle's networks and holds what they remember of each camera."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from convlstm_perception.types import Float32Array, Image

MotionOutputs = Mapping[str, Float32Array]
"""``boxes`` (1, K, 4), ``scores`` (1, K), ``future_boxes`` and ``future_scales`` (1, K, H, 4)."""


@dataclass(frozen=True)
class Window:
    """The frames chosen for the T slots of the window, newest first.

    Attributes:
        places: per slot, the ring place of its frame, or None where no frame is in tolerance. The
            first is the place that the newest frame is written to.
        valid: (1, T) float32, 1 where there is one.
        dt: (1, T) float32 seconds between a slot's frame and that of the next older valid slot;
            0 where there is none.
    """

    places: tuple[int | None, ...]
    valid: Float32Array
    dt: Float32Array


@dataclass(frozen=True)
class StateStep:
    """One step of a state that is carried on.

    Attributes:
        source: place (0 or 1) of the state that the step starts from; None is the zero state.
        target: place that the state after it is written to.
        dt: seconds since the frame of the source; 0 for the zero state.
        steps: steps from the zero state to this one, which counts.
    """

    source: int | None
    target: int
    dt: float
    steps: int


MemoryStep = Window | StateStep


class Runtime(Protocol):
    """Networks with their memory for a number of cameras, allocated once.

    One thread calls it. A camera is its index, from 0.

    Attributes:
        backend: what runs it, in words.
        nbytes: memory held for the cameras, on the host and on the device.
        most_at_once: cameras that it gains by answering together.
        stage_seconds: how long each stage of the last run took (``encoder``, ``motion``; on a
            device also ``upload`` and ``download``).
    """

    backend: str
    nbytes: int
    most_at_once: int
    stage_seconds: dict[str, float]

    def canvas(self, camera: int) -> Image:
        """The (height, width, 3) uint8 array that the camera's next image is written to."""
        ...

    def run(self, steps: Mapping[int, MemoryStep]) -> dict[int, MotionOutputs]:
        """Answer the canvases of some cameras, together where the device gains by it.

        The answers are views, good until the next call.

        Raises:
            EngineError: when inference fails; the places written to hold nothing useful then.
        """
        ...

    def close(self) -> None:
        """Free the memory; not the networks, which others may share."""
        ...
