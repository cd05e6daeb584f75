"""Where a network finds what is remembered: the slots of a window, or a state carried on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from convlstm_perception.engine.device.device import DeviceNetwork
from convlstm_perception.engine.device.memory import MemoryPool, MirroredTensors, RowMemory
from convlstm_perception.engine.runtime import MemoryStep, StateStep, Window
from convlstm_perception.engine.tensor_names import (
    DT,
    INPUT_TO_STATE,
    STATE,
    VALID,
    next_state,
    slot_input,
)

Steps = Sequence[tuple[int, MemoryStep]]
"""Cameras in ascending order, each with what it is asked for: the rows of a batch."""


class Recurrence(Protocol):
    """Addresses of the tensors that carry what was seen before.

    Attributes:
        times: the network's small inputs, which :meth:`describe` fills.
    """

    times: MirroredTensors

    def describe(self, steps: Steps) -> None:
        """Write the times of a batch to the host's side of ``times``."""
        ...

    def features_target(self, steps: Steps) -> int:
        """Where the encoder writes the ``input_to_state`` of the newest frames."""
        ...

    def bind(self, steps: Steps) -> dict[str, int]:
        """Keep what the encoder wrote, and give the addresses of the network's tensors."""
        ...

    def keep(self, steps: Steps) -> None:
        """Keep what the network wrote."""
        ...


class WindowRecurrence:
    """A ring of encoded frames for each camera; a slot is bound at the address of its place.

    Args:
        pool: to allocate from.
        network: of ``motion.onnx``.
        places: frames that a ring holds.
        cameras: number of cameras.
    """

    def __init__(self, pool: MemoryPool, network: DeviceNetwork, places: int, cameras: int) -> None:
        inputs = network.inputs
        self.times = MirroredTensors(pool, {name: inputs[name] for name in (VALID, DT)}, cameras)
        self._slots = inputs[VALID].shape[1]
        self._ring = RowMemory(pool, inputs[slot_input(0)], places, cameras, self._slots)

    def describe(self, steps: Steps) -> None:
        """See :class:`Recurrence`."""
        for row, (_, window) in enumerate(steps):
            assert isinstance(window, Window)
            self.times.arrays[VALID][row] = window.valid[0]
            self.times.arrays[DT][row] = window.dt[0]

    def features_target(self, steps: Steps) -> int:
        """See :class:`Recurrence`."""
        return self._ring.target(_slot_rows(steps, 0))

    def bind(self, steps: Steps) -> dict[str, int]:
        """See :class:`Recurrence`."""
        self._ring.store(_slot_rows(steps, 0))
        return {
            slot_input(slot): self._ring.source(_slot_rows(steps, slot), slot)
            for slot in range(self._slots)
        }

    def keep(self, steps: Steps) -> None:
        """Nothing to keep: the next window begins from zero again."""


class StateRecurrence:
    """The state after the last frame of each camera, and a second one that the next is written to.

    Args:
        pool: to allocate from.
        network: of ``step.onnx``.
        cameras: number of cameras.
    """

    def __init__(self, pool: MemoryPool, network: DeviceNetwork, cameras: int) -> None:
        inputs = network.inputs
        self.times = MirroredTensors(pool, {DT: inputs[DT]}, cameras)
        self._features = RowMemory(pool, inputs[INPUT_TO_STATE], 1, cameras)
        # Read and written at once: each has a staging area of its own.
        self._states = {name: RowMemory(pool, inputs[name], 2, cameras, 2) for name in STATE}

    def describe(self, steps: Steps) -> None:
        """See :class:`Recurrence`."""
        for row, (_, step) in enumerate(steps):
            assert isinstance(step, StateStep)
            self.times.arrays[DT][row] = np.float32(step.dt)

    def features_target(self, steps: Steps) -> int:
        """See :class:`Recurrence`."""
        # Read by this very step and by no other: packed, whoever is in the batch.
        return self._features.target([(0, row) for row, _ in enumerate(steps)])

    def bind(self, steps: Steps) -> dict[str, int]:
        """See :class:`Recurrence`."""
        addresses = {INPUT_TO_STATE: self.features_target(steps)}
        for name, states in self._states.items():
            addresses[name] = states.source(_state_rows(steps, "source"), 0)
            addresses[next_state(name)] = states.target(_state_rows(steps, "target"), 1)
        return addresses

    def keep(self, steps: Steps) -> None:
        """See :class:`Recurrence`."""
        for states in self._states.values():
            states.store(_state_rows(steps, "target"), 1)


def _slot_rows(steps: Steps, slot: int) -> list[tuple[int | None, int]]:
    rows = []
    for camera, window in steps:
        assert isinstance(window, Window)
        rows.append((window.places[slot], camera))
    return rows


def _state_rows(steps: Steps, end: str) -> list[tuple[int | None, int]]:
    return [(getattr(step, end), camera) for camera, step in steps]
