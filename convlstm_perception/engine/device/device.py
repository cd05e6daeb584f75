"""What the runtime asks of a device, and of a network that is loaded on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from convlstm_perception.engine.base import TensorSpec

ALIGNMENT = 256  # bytes; TensorRT's for every address that it is given
MARKS = 5  # moments that a device can hold, to tell how long lay between them
Addresses = Mapping[str, int]


@dataclass(frozen=True)
class PinnedMemory:
    """Memory of the host that is never paged out, so that a device may reach it at any time.

    Attributes:
        array: (N,) uint8, the memory.
        address: at which the device reads and writes it in place.
    """

    array: np.ndarray
    address: int


class Device(Protocol):
    """One stream of a device. All but :meth:`synchronize` only puts work into it.

    One thread calls it. Whatever is raised is a
    :class:`~convlstm_perception.errors.DeviceError`: the device is then of no more use, and neither
    is what was loaded on it.

    Attributes:
        name: of the device, for people.
        shares_memory: whether its memory is the host's, as on a Jetson; copies are then needless.
    """

    name: str
    shares_memory: bool

    def allocate(self, nbytes: int) -> int:
        """The address of new memory, aligned and zeroed.

        Raises:
            EngineError: when there is not enough.
        """
        ...

    def allocate_pinned(self, nbytes: int) -> PinnedMemory:
        """New pinned memory of the host, aligned and zeroed.

        Raises:
            EngineError: when there is not enough.
        """
        ...

    def free(self, address: int) -> None:
        """Give back what :meth:`allocate` gave, when no work uses it any more."""
        ...

    def free_pinned(self, memory: PinnedMemory) -> None:
        """Give back what :meth:`allocate_pinned` gave, when no work uses it any more."""
        ...

    def upload(self, target: int, source: np.ndarray) -> None:
        """Copy a contiguous array in pinned memory to the device."""
        ...

    def download(self, target: np.ndarray, source: int) -> None:
        """Copy memory of the device to a contiguous array in pinned memory."""
        ...

    def copy(self, target: int, source: int, nbytes: int) -> None:
        """Copy within the device's memory."""
        ...

    def mark(self, moment: int) -> None:
        """Take the time when the work so far is done, as one of :data:`MARKS` moments."""
        ...

    def seconds_between(self, start: int, end: int) -> float:
        """Time between two moments; only after :meth:`synchronize`."""
        ...

    def synchronize(self) -> None:
        """Wait until all work is done, other threads running meanwhile."""
        ...

    def capture(self, enqueue: Callable[[], None]) -> Any:
        """Record the work that ``enqueue`` puts in, without doing it, with the addresses it has.

        Raises:
            CaptureError: when it holds something that cannot be recorded; nothing else is harmed.
        """
        ...

    def replay(self, graph: Any) -> None:
        """Do recorded work again."""
        ...

    def discard(self, graph: Any) -> None:
        """Give up recorded work."""
        ...

    def close(self) -> None:
        """Free everything."""
        ...


class DeviceNetwork(Protocol):
    """A network that is loaded on a device and works in its stream.

    Attributes:
        inputs, outputs: tensors by name, with a batch of one where the batch is open.
        max_batch: the greatest batch.
    """

    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]
    max_batch: int

    def enqueue(self, batch: int, addresses: Addresses) -> None:
        """Put one run into the stream, every input and output at its address.

        Raises:
            DeviceError: when it is refused.
        """
        ...

    def close(self) -> None:
        """Free the network."""
        ...


def aligned(nbytes: int) -> int:
    """The next multiple of :data:`ALIGNMENT`."""
    return -(-nbytes // ALIGNMENT) * ALIGNMENT


def row_nbytes(spec: TensorSpec) -> int:
    """Bytes of one row of a batch."""
    return int(np.prod(spec.shape[1:], dtype=np.int64)) * spec.dtype.itemsize
