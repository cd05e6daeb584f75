"""Memory of the host and of the device that a runtime allocates once and binds by address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from convlstm_perception.engine.base import TensorSpec
from convlstm_perception.engine.device.device import (
    ALIGNMENT,
    Device,
    PinnedMemory,
    aligned,
    row_nbytes,
)

Row = tuple[int | None, int]
"""A place and a camera; the place None holds zeros."""


class MemoryPool:
    """What was allocated, to be told of and to be freed together.

    Attributes:
        nbytes: of all of it, on the host and on the device.
    """

    def __init__(self, device: Device) -> None:
        self.device = device
        self.nbytes = 0
        self._addresses: list[int] = []
        self._pinned: list[PinnedMemory] = []

    def allocate(self, nbytes: int) -> int:
        """See :meth:`Device.allocate`."""
        address = self.device.allocate(nbytes)
        self._addresses.append(address)
        self.nbytes += nbytes
        return address

    def allocate_pinned(self, nbytes: int) -> PinnedMemory:
        """See :meth:`Device.allocate_pinned`."""
        memory = self.device.allocate_pinned(nbytes)
        self._pinned.append(memory)
        self.nbytes += nbytes
        return memory

    def close(self) -> None:
        """Free all of it."""
        while self._addresses:
            self.device.free(self._addresses.pop())
        while self._pinned:
            self.device.free_pinned(self._pinned.pop())
        self.nbytes = 0


class RowMemory:
    """Rows of a tensor in the device's memory: one for each place and camera, and one of zeros.

    The cameras of one place lie behind each other, so that those that are answered together are a
    batch as they lie. Where they are not (their places differ, or one between them is not
    answered), they are gathered in a staging area, which has ``areas`` batches.

    Args:
        pool: to allocate from.
        spec: of the tensor, of any batch.
        places: rows of each camera.
        cameras: number of cameras.
        areas: staging areas; one for each tensor that is bound at the same time.
    """

    def __init__(
        self, pool: MemoryPool, spec: TensorSpec, places: int, cameras: int, areas: int = 1
    ) -> None:
        self._device = pool.device
        self._row = row_nbytes(spec)
        self._batch = aligned(cameras * self._row)
        self._places = places
        self._address = pool.allocate((places + 1) * self._batch)
        self._staging = pool.allocate(areas * self._batch) if cameras > 1 else 0

    def source(self, rows: Sequence[Row], area: int = 0) -> int:
        """The address of these rows as a batch to be read."""
        if self._as_they_lie(rows):
            return self._of(rows[0])
        target = self._staging + area * self._batch
        for number, row in enumerate(rows):
            self._device.copy(target + number * self._row, self._of(row), self._row)
        return target

    def target(self, rows: Sequence[Row], area: int = 0) -> int:
        """The address of these rows as a batch to be written; then :meth:`store` them."""
        return self._of(rows[0]) if self._as_they_lie(rows) else self._staging + area * self._batch

    def store(self, rows: Sequence[Row], area: int = 0) -> None:
        """Put the rows that were written to :meth:`target` in their places."""
        if not self._as_they_lie(rows):
            source = self._staging + area * self._batch
            for number, row in enumerate(rows):
                self._device.copy(self._of(row), source + number * self._row, self._row)

    def _of(self, row: Row) -> int:
        place, camera = row
        at = self._places if place is None else place
        return self._address + at * self._batch + camera * self._row

    def _as_they_lie(self, rows: Sequence[Row]) -> bool:
        place, first = rows[0]
        behind_each_other = all(row == (place, first + number) for number, row in enumerate(rows))
        return behind_each_other and self._of(rows[0]) % ALIGNMENT == 0


class MirroredTensors:
    """Small tensors in one piece of pinned memory, with a mirror on the device.

    Where the device shares the host's memory there is no mirror, and no copy.

    Args:
        pool: to allocate from.
        specs: of the tensors, of any batch.
        batch: rows of each.

    Attributes:
        arrays: (batch, ...) views of the pinned memory by name.
        addresses: on the device by name.
    """

    def __init__(self, pool: MemoryPool, specs: Mapping[str, TensorSpec], batch: int) -> None:
        offsets, total = {}, 0
        for name, spec in specs.items():
            offsets[name] = total
            total += aligned(batch * row_nbytes(spec))
        self._device = pool.device
        self._pinned = pool.allocate_pinned(total)
        shared = self._device.shares_memory
        self._mirror = self._pinned.address if shared else pool.allocate(total)
        self.arrays = {
            name: _view(self._pinned.array, offsets[name], spec, batch)
            for name, spec in specs.items()
        }
        self.addresses = {name: self._mirror + offset for name, offset in offsets.items()}

    def upload(self) -> None:
        """Bring the host's values to the device."""
        if not self._device.shares_memory:
            self._device.upload(self._mirror, self._pinned.array)

    def download(self) -> None:
        """Bring the device's values to the host."""
        if not self._device.shares_memory:
            self._device.download(self._pinned.array, self._mirror)


class Canvases:
    """The images of all cameras in pinned memory, and their way to the device.

    Args:
        pool: to allocate from.
        spec: of the encoder's image, of any batch.
        cameras: number of cameras.

    Attributes:
        arrays: (cameras, height, width, 3) uint8.
    """

    def __init__(self, pool: MemoryPool, spec: TensorSpec, cameras: int) -> None:
        self._device = pool.device
        self._row = row_nbytes(spec)
        self._pinned = pool.allocate_pinned(cameras * self._row)
        self.arrays = _view(self._pinned.array, 0, spec, cameras)
        # A device that shares the host's memory needs it only for cameras that do not lie together.
        needed = cameras > 1 or not self._device.shares_memory
        self._batch = pool.allocate(cameras * self._row) if needed else 0

    def upload(self, cameras: Sequence[int]) -> int:
        """Bring images of some cameras, in ascending order, to the device.

        Returns:
            The address of the batch.
        """
        first, count = cameras[0], len(cameras)
        together = cameras[-1] - first == count - 1
        in_place = self._pinned.address + first * self._row
        if self._device.shares_memory and together and in_place % ALIGNMENT == 0:
            return in_place
        if together:
            self._device.upload(self._batch, self.arrays[first : first + count])
        else:
            for number, camera in enumerate(cameras):
                self._device.upload(self._batch + number * self._row, self.arrays[camera])
        return self._batch


def _view(memory: np.ndarray, offset: int, spec: TensorSpec, batch: int) -> np.ndarray:
    nbytes = batch * row_nbytes(spec)
    return memory[offset : offset + nbytes].view(spec.dtype).reshape(batch, *spec.shape[1:])
