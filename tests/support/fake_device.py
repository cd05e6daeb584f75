"""A device whose memory is made of numpy arrays and whose networks run in ONNX Runtime.

It is as unforgiving as a real one, and tells where a real one would silently read garbage: every
address must lie in memory that is allocated, with all that is read or written there; networks take
aligned addresses only; and nothing happens before :meth:`FakeDevice.synchronize`, so that an answer
that is read too early, or an image that is overwritten too early, is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from convlstm_perception.engine.base import TensorSpec
from convlstm_perception.engine.device.device import (
    ALIGNMENT,
    MARKS,
    Addresses,
    PinnedMemory,
    aligned,
    row_nbytes,
)
from convlstm_perception.errors import CaptureError, EngineError

_GAP = 1 << 16  # between allocations: who runs out of one does not come into the next
_DTYPES = {"float": np.float32, "float16": np.float16, "uint8": np.uint8}
Work = Callable[[], None]


class FakeDevice:
    """See the module; also counts what it was asked to do.

    Args:
        shares_memory: be one that works in the host's memory.
        capacity: bytes that can be allocated.

    Attributes:
        copies: copies between host and device.
        replays: recordings that were done again.
        recordings: that are kept.
    """

    def __init__(self, shares_memory: bool = False, capacity: int = 1 << 32) -> None:
        self.name = "fake device"
        self.shares_memory = shares_memory
        self.copies = self.replays = self.recordings = 0
        self._left = capacity
        self._next = 1 << 20
        self._memory: dict[int, np.ndarray] = {}
        self._queue: list[Work] = []
        self._recording: list[Work] | None = None
        self._moments = [0.0] * MARKS
        self._clock = 0.0

    @property
    def allocations(self) -> int:
        """Pieces of memory that were not freed."""
        return len(self._memory)

    def bytes_at(self, address: int, nbytes: int) -> np.ndarray:
        """A view of memory; fails where it is not all of one allocation."""
        for start, memory in self._memory.items():
            if start <= address < start + len(memory):
                end = address - start + nbytes
                assert end <= len(memory), f"{end - len(memory)} bytes beyond an allocation"
                return memory[address - start : end]
        raise AssertionError(f"address {address} is not allocated")

    def put(self, work: Work) -> None:
        """Into the stream, or into the recording."""
        (self._queue if self._recording is None else self._recording).append(work)

    def allocate(self, nbytes: int) -> int:
        return self._take(np.zeros(nbytes, np.uint8))

    def allocate_pinned(self, nbytes: int) -> PinnedMemory:
        array = np.zeros(nbytes, np.uint8)
        return PinnedMemory(array, self._take(array))

    def free(self, address: int) -> None:
        assert not self._queue, "memory is freed that work still uses"
        self._left += len(self._memory.pop(address))

    def free_pinned(self, memory: PinnedMemory) -> None:
        self.free(memory.address)

    def upload(self, target: int, source: np.ndarray) -> None:
        self._check_pinned(source)
        self.bytes_at(target, source.nbytes)
        self.copies += 1

        def work() -> None:
            self.bytes_at(target, source.nbytes)[:] = source.reshape(-1).view(np.uint8)

        self.put(work)

    def download(self, target: np.ndarray, source: int) -> None:
        self._check_pinned(target)
        self.bytes_at(source, target.nbytes)
        self.copies += 1

        def work() -> None:
            target.reshape(-1).view(np.uint8)[:] = self.bytes_at(source, target.nbytes)

        self.put(work)

    def copy(self, target: int, source: int, nbytes: int) -> None:
        self.bytes_at(target, nbytes)
        self.bytes_at(source, nbytes)

        def work() -> None:
            self.bytes_at(target, nbytes)[:] = self.bytes_at(source, nbytes)

        self.put(work)

    def mark(self, moment: int) -> None:
        def work() -> None:
            self._clock += 0.001
            self._moments[moment] = self._clock

        self.put(work)

    def seconds_between(self, start: int, end: int) -> float:
        return self._moments[end] - self._moments[start]

    def synchronize(self) -> None:
        assert self._recording is None
        while self._queue:
            self._queue.pop(0)()

    def capture(self, enqueue: Callable[[], None]) -> Any:
        self._recording = recording = []
        try:
            enqueue()
        finally:
            self._recording = None
        self.recordings += 1
        return recording

    def replay(self, graph: Any) -> None:
        self.replays += 1
        self._queue += graph

    def discard(self, graph: Any) -> None:
        self.recordings -= 1
        graph.clear()

    def close(self) -> None:
        self._memory.clear()

    def _take(self, memory: np.ndarray) -> int:
        if memory.nbytes > self._left:
            raise EngineError(f"fake device: {self._left} bytes are left, {memory.nbytes} wanted")
        self._left -= memory.nbytes
        address = self._next
        self._next += aligned(memory.nbytes) + _GAP
        self._memory[address] = memory
        return address

    def _check_pinned(self, array: np.ndarray) -> None:
        assert array.flags.c_contiguous
        assert any(np.shares_memory(array, memory) for memory in self._memory.values()), (
            "not pinned"
        )


class FakeNetwork:
    """A graph of open batch in ONNX Runtime, at addresses of a :class:`FakeDevice`.

    Args:
        device: whose memory it reads and writes.
        path: of the graph.
        max_batch: the greatest batch.

    Attributes:
        plain_runs: runs that were not replays.
        capturable: False refuses to be recorded.
    """

    def __init__(self, device: FakeDevice, path: Path, max_batch: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(path, options)
        self._device = device
        self.inputs = {node.name: _spec(node) for node in self._session.get_inputs()}
        self.outputs = {node.name: _spec(node) for node in self._session.get_outputs()}
        self.max_batch = max_batch
        self.plain_runs = 0
        self.capturable = True

    def enqueue(self, batch: int, addresses: Addresses) -> None:
        device, recorded = self._device, self._device._recording is not None
        if recorded and not self.capturable:
            raise CaptureError("fake device: it holds what cannot be recorded")
        self.plain_runs += not recorded
        assert set(addresses) == {*self.inputs, *self.outputs}
        assert batch <= self.max_batch
        at = dict(addresses)
        for name, spec in {**self.inputs, **self.outputs}.items():
            assert at[name] % ALIGNMENT == 0, f"{name} at {at[name]}"
            device.bytes_at(at[name], batch * row_nbytes(spec))
        self._check_apart(batch, at)

        def tensor(name: str, spec: TensorSpec) -> np.ndarray:
            memory = device.bytes_at(at[name], batch * row_nbytes(spec))
            return memory.view(spec.dtype).reshape(batch, *spec.shape[1:])

        def work() -> None:
            feed = {name: tensor(name, spec).copy() for name, spec in self.inputs.items()}
            answers = self._session.run(list(self.outputs), feed)
            for (name, spec), answer in zip(self.outputs.items(), answers, strict=True):
                tensor(name, spec)[...] = answer

        device.put(work)

    def close(self) -> None:
        pass

    def _check_apart(self, batch: int, at: Addresses) -> None:
        """What is written lies apart from everything else that is bound."""
        for name, spec in self.outputs.items():
            written = range(at[name], at[name] + batch * row_nbytes(spec))
            for other, its in {**self.inputs, **self.outputs}.items():
                if other != name:
                    end = at[other] + batch * row_nbytes(its)
                    assert end <= written.start or at[other] >= written.stop, (name, other)


def _spec(node: onnxruntime.NodeArg) -> TensorSpec:
    dtype = np.dtype(_DTYPES[node.type.removeprefix("tensor(").removesuffix(")")])
    return TensorSpec((1, *node.shape[1:]), dtype)
