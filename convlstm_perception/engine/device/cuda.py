"""A device that CUDA runs, through ``cuda.bindings`` alone."""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from convlstm_perception.engine.device.device import MARKS, PinnedMemory
from convlstm_perception.errors import CaptureError, DeviceError, EngineError

_MIB = 1 << 20


class CudaDevice:
    """A stream of the first GPU; see :class:`Device`.

    Attributes:
        stream: its handle, for what puts work into it by itself.

    Raises:
        EngineError: when CUDA cannot be used here.
    """

    def __init__(self) -> None:
        self._cuda = _import_cuda()
        cuda = self._cuda
        status, count = cuda.cudaGetDeviceCount()
        if int(status) or not count:
            raise EngineError(
                f"CUDA finds no GPU here (cudaGetDeviceCount: {_words(cuda, status)}, {count}). "
                "`convlstm-perception doctor` tells what is missing."
            )
        device = self._call("cudaGetDevice")
        properties = self._call("cudaGetDeviceProperties", device)
        self.name = properties.name.decode(errors="replace").rstrip("\0")
        self.shares_memory = bool(properties.integrated)
        self._stream = self._call("cudaStreamCreateWithFlags", cuda.cudaStreamNonBlocking)
        self.stream = int(self._stream)
        # Who waits for such an event sleeps: the processor is free for the other callbacks.
        self._events = [
            self._call("cudaEventCreateWithFlags", cuda.cudaEventBlockingSync)
            for _ in range(MARKS + 1)
        ]
        self._addresses: set[int] = set()
        self._pinned: dict[int, int] = {}  # address on the device: on the host
        self._graphs: dict[int, Any] = {}

    def allocate(self, nbytes: int) -> int:
        """See :class:`Device`."""
        address = int(self._allocated(nbytes, "cudaMalloc", nbytes))
        self._addresses.add(address)
        self._call("cudaMemsetAsync", address, 0, nbytes, self._stream)
        return address

    def allocate_pinned(self, nbytes: int) -> PinnedMemory:
        """See :class:`Device`."""
        mapped = self._cuda.cudaHostAllocMapped
        host = int(self._allocated(nbytes, "cudaHostAlloc", nbytes, mapped))
        address = int(self._call("cudaHostGetDevicePointer", host, 0))
        self._pinned[address] = host
        array = np.ctypeslib.as_array(ctypes.cast(host, ctypes.POINTER(ctypes.c_uint8)), (nbytes,))
        array[:] = 0
        return PinnedMemory(array, address)

    def free(self, address: int) -> None:
        """See :class:`Device`."""
        self._addresses.remove(address)
        self._call("cudaFree", address)

    def free_pinned(self, memory: PinnedMemory) -> None:
        """See :class:`Device`."""
        self._call("cudaFreeHost", self._pinned.pop(memory.address))

    def upload(self, target: int, source: np.ndarray) -> None:
        """See :class:`Device`."""
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._call("cudaMemcpyAsync", target, source.ctypes.data, source.nbytes, kind, self._stream)

    def download(self, target: np.ndarray, source: int) -> None:
        """See :class:`Device`."""
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._call("cudaMemcpyAsync", target.ctypes.data, source, target.nbytes, kind, self._stream)

    def copy(self, target: int, source: int, nbytes: int) -> None:
        """See :class:`Device`."""
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyDeviceToDevice
        self._call("cudaMemcpyAsync", target, source, nbytes, kind, self._stream)

    def mark(self, moment: int) -> None:
        """See :class:`Device`."""
        self._call("cudaEventRecord", self._events[moment], self._stream)

    def seconds_between(self, start: int, end: int) -> float:
        """See :class:`Device`."""
        milliseconds = self._call("cudaEventElapsedTime", self._events[start], self._events[end])
        return float(milliseconds) / 1000

    def synchronize(self) -> None:
        """See :class:`Device`."""
        self._call("cudaEventRecord", self._events[MARKS], self._stream)
        self._call("cudaEventSynchronize", self._events[MARKS])

    def capture(self, enqueue: Callable[[], None]) -> Any:
        """See :class:`Device`."""
        mode = self._cuda.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._call("cudaStreamBeginCapture", self._stream, mode)
        try:
            enqueue()
        except EngineError as error:
            self._cuda.cudaStreamEndCapture(self._stream)  # refused as well: the capture is void
            raise CaptureError(f"{self.name}: a run cannot be recorded ({error})") from error
        status, graph = self._cuda.cudaStreamEndCapture(self._stream)
        if int(status):
            words = _words(self._cuda, status)
            raise CaptureError(f"{self.name}: a run cannot be recorded ({words})")
        status, recording = self._cuda.cudaGraphInstantiate(graph, 0)
        self._call("cudaGraphDestroy", graph)
        if int(status):
            words = _words(self._cuda, status)
            raise CaptureError(f"{self.name}: a recorded run cannot be kept ({words})")
        self._graphs[id(recording)] = recording
        return recording

    def replay(self, graph: Any) -> None:
        """See :class:`Device`."""
        self._call("cudaGraphLaunch", graph, self._stream)

    def discard(self, graph: Any) -> None:
        """See :class:`Device`."""
        del self._graphs[id(graph)]
        self._call("cudaGraphExecDestroy", graph)

    def close(self) -> None:
        """See :class:`Device`."""
        cuda = self._cuda
        # Of a device that was lost every call fails: what can be given back is given back.
        for recording in self._graphs.values():
            cuda.cudaGraphExecDestroy(recording)
        for address in self._addresses:
            cuda.cudaFree(address)
        for host in self._pinned.values():
            cuda.cudaFreeHost(host)
        for event in self._events:
            cuda.cudaEventDestroy(event)
        cuda.cudaStreamDestroy(self._stream)
        self._graphs, self._addresses, self._pinned, self._events = {}, set(), {}, []

    def _allocated(self, nbytes: int, function: str, *arguments: Any) -> Any:
        cuda = self._cuda
        status, address = getattr(cuda, function)(*arguments)
        if status == cuda.cudaError_t.cudaErrorMemoryAllocation:
            _, free, total = cuda.cudaMemGetInfo()
            raise EngineError(
                f"{self.name}: there is not enough memory for {nbytes / _MIB:.1f} MiB more "
                f"({free / _MIB:.0f} of {total / _MIB:.0f} MiB are free). Give the node fewer "
                "cameras or a lower max_rate, or end other programs that use the GPU."
            )
        self._check(function, status)
        return address

    def _call(self, function: str, *arguments: Any) -> Any:
        status, *values = getattr(self._cuda, function)(*arguments)
        self._check(function, status)
        return values[0] if values else None

    def _check(self, function: str, status: Any) -> None:
        if int(status):
            raise DeviceError(
                f"{getattr(self, 'name', 'GPU')} failed in {function}: "
                f"{_words(self._cuda, status)}. "
                "Look at the kernel's log (dmesg) for Xid messages; then configure the node again."
            )


def _words(cuda: Any, status: Any) -> str:
    _, text = cuda.cudaGetErrorString(status)
    return f"{text.decode(errors='replace')}, {int(status)}"


def _import_cuda() -> Any:
    try:
        return importlib.import_module("cuda.bindings.runtime")
    except ImportError as error:
        raise EngineError(
            f"CUDA cannot be used from Python ({error}). Install it: pip install cuda-bindings."
        ) from error
