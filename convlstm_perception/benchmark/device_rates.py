"""What a device can do at best: bytes copied and numbers multiplied in a second, measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from convlstm_perception.errors import EngineError

_COPIED = 128 << 20  # bytes: far beyond any cache of a CPU
_COPIED_ON_GPU = 1 << 30
_SIDE, _SIDE_ON_GPU = 1536, 8192
_REPEATS = 8

BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables by which numpy's matrix product learns its threads, when it is imported."""


@dataclass(frozen=True)
class DeviceRates:
    """The best of several tries each.

    Attributes:
        copy: bytes a second, read and written together.
        matrix: floating-point operations a second in a product of large square matrices.
        how: with what they were measured.
    """

    copy: float
    matrix: float
    how: str

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> DeviceRates:
        """The rates whose plain values these are."""
        return cls(**values)


def measure_cpu(threads: int) -> DeviceRates:
    """Measure with numpy, in a process in which :data:`BLAS_THREADS` are set to ``threads``."""
    source = np.ones((threads, _COPIED // threads // 4), np.float32)
    target = np.zeros_like(source)
    with ThreadPoolExecutor(threads) as pool:
        copying = _best(lambda: list(pool.map(np.copyto, target, source)))
    left = np.ones((_SIDE, _SIDE), np.float32)
    product = np.empty_like(left)
    multiplying = _best(lambda: np.matmul(left, left, out=product))
    return DeviceRates(
        2 * source.nbytes / copying,
        2 * _SIDE**3 / multiplying,
        f"numpy {np.__version__}, {threads} threads: copy of {_COPIED >> 20} MiB, "
        f"float32 product of {_SIDE}x{_SIDE}",
    )


def measure_gpu(half: bool) -> DeviceRates:
    """Measure with torch on the GPU.

    Raises:
        EngineError: when torch is not there or has no GPU.
    """
    try:
        import torch
    except ModuleNotFoundError as error:
        raise EngineError("no torch here, with which the GPU's rates are measured") from error
    if not torch.cuda.is_available():
        raise EngineError(f"torch {torch.__version__}, with which they are measured, sees no GPU")

    def finished(work: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            work()
            torch.cuda.synchronize()

        return run

    source = torch.ones(_COPIED_ON_GPU, dtype=torch.uint8, device="cuda")
    target = torch.zeros_like(source)
    copying = _best(finished(lambda: target.copy_(source)))
    dtype = torch.float16 if half else torch.float32
    left = torch.ones(_SIDE_ON_GPU, _SIDE_ON_GPU, dtype=dtype, device="cuda")
    product = torch.empty_like(left)
    multiplying = _best(finished(lambda: torch.matmul(left, left, out=product)))
    return DeviceRates(
        2 * _COPIED_ON_GPU / copying,
        2 * _SIDE_ON_GPU**3 / multiplying,
        f"torch {torch.__version__} on {torch.cuda.get_device_name()}: copy of "
        f"{_COPIED_ON_GPU >> 20} MiB, {dtype} product of {_SIDE_ON_GPU}x{_SIDE_ON_GPU}",
    )


def _best(work: Callable[[], object]) -> float:
    """Least seconds of several tries, after one that does not count."""
    work()
    seconds = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
