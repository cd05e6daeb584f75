"""The device of CUDA: its calls are CUDA's; and on a GPU, it does what the fake one does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from convlstm_perception.engine.device import cuda
from convlstm_perception.engine.device.device import ALIGNMENT
from convlstm_perception.engine.nvidia_driver import find_driver
from convlstm_perception.errors import CaptureError, EngineError

runtime = pytest.importorskip("cuda.bindings.runtime", reason="cuda-bindings is not installed")
GPUS = find_driver().gpus
on_gpu = pytest.mark.skipif(not GPUS, reason=f"no GPU: {find_driver().problem}")
N = 1000


def calls_by_name() -> dict[str, int]:
    """CUDA functions named in a string, as in ``self._call("cudaMalloc", nbytes)``: arguments."""
    calls = {}
    for node in ast.walk(ast.parse(Path(cuda.__file__).read_text())):
        if isinstance(node, ast.Call):
            for place, argument in enumerate(node.args):
                name = getattr(argument, "value", None)
                if isinstance(name, str) and name.startswith("cuda") and name.isalpha():
                    calls[name] = len(node.args) - place - 1
    return calls


def test_every_call_is_one_of_cuda_with_as_many_arguments() -> None:
    calls = calls_by_name()
    assert {"cudaMalloc", "cudaHostAlloc", "cudaGraphLaunch", "cudaMemcpyAsync"} <= set(calls)
    for name, count in calls.items():
        signature = getattr(runtime, name).__doc__.splitlines()[0]
        inside = signature[signature.index("(") + 1 : signature.rindex(")")]
        assert count == len([part for part in inside.split(",") if part.strip()]), signature


def test_every_constant_is_one_of_cuda() -> None:
    enumerations = (runtime.cudaError_t, runtime.cudaMemcpyKind, runtime.cudaStreamCaptureMode)
    names = {
        node.attr
        for node in ast.walk(ast.parse(Path(cuda.__file__).read_text()))
        if isinstance(node, ast.Attribute) and node.attr.startswith("cuda")
    }
    assert len(names) > 15
    for name in names:
        assert any(hasattr(place, name) for place in (runtime, *enumerations)), name


@pytest.mark.skipif(bool(GPUS), reason="there is a GPU here")
def test_without_a_gpu_it_says_what_cuda_says() -> None:
    with pytest.raises(EngineError, match=r"finds no GPU here \(cudaGetDeviceCount: .*doctor"):
        cuda.CudaDevice()


@pytest.fixture
def device() -> Iterator[cuda.CudaDevice]:
    device = cuda.CudaDevice()
    yield device
    device.close()


@pytest.mark.gpu
@on_gpu
def test_memory_goes_up_across_and_down(device: cuda.CudaDevice) -> None:
    first, second = device.allocate(N), device.allocate(N)
    up, down = device.allocate_pinned(N), device.allocate_pinned(N)
    assert first % ALIGNMENT == up.address % ALIGNMENT == 0
    up.array[:] = np.arange(N, dtype=np.uint32).astype(np.uint8)
    device.download(down.array, first)
    device.synchronize()
    assert not down.array.any()  # zeroed
    device.mark(0)
    device.upload(first, up.array)
    device.copy(second, first, N)
    device.download(down.array, second)
    device.mark(1)
    device.synchronize()
    assert np.array_equal(up.array, down.array)
    assert 0 < device.seconds_between(0, 1) < 1


@pytest.mark.gpu
@on_gpu
def test_recorded_work_is_done_when_it_is_replayed(device: cuda.CudaDevice) -> None:
    first, second = device.allocate(N), device.allocate(N)
    pinned = device.allocate_pinned(N)
    pinned.array[:] = 7
    device.upload(first, pinned.array)
    graph = device.capture(lambda: device.copy(second, first, N))
    device.download(pinned.array, second)
    device.synchronize()
    assert not pinned.array.any()
    device.replay(graph)
    device.download(pinned.array, second)
    device.synchronize()
    assert (pinned.array == 7).all()
    device.discard(graph)


@pytest.mark.gpu
@on_gpu
def test_what_cannot_be_recorded_harms_nothing_else(device: cuda.CudaDevice) -> None:
    with pytest.raises(CaptureError):
        device.capture(device.synchronize)
    device.copy(device.allocate(N), device.allocate(N), N)
    device.synchronize()


@pytest.mark.gpu
@on_gpu
def test_memory_that_does_not_suffice_is_said_with_what_is_free(device: cuda.CudaDevice) -> None:
    with pytest.raises(EngineError, match="MiB are free"):
        device.allocate(1 << 50)
    device.allocate(N)  # the device is not lost by it
    device.synchronize()
