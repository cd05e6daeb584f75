"""The GPU of this machine, if there is one that CUDA can use."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from convlstm_perception.errors import EngineError


@dataclass(frozen=True)
class Gpu:
    """A GPU.

    Attributes:
        name: as its driver gives it.
        capability: its compute capability, as ``sm87``.
    """

    name: str
    capability: str


def find_gpu() -> Gpu:
    """The current GPU.

    Raises:
        EngineError: when there is none that CUDA can use; the message says why.
    """
    cudart = _import_cuda()
    status, count = cudart.cudaGetDeviceCount()
    if int(status) or not count:
        code = f"{status.name}, {int(status)}" if int(status) else "no device"
        raise EngineError(
            f"CUDA finds no GPU here ({code}). Check the driver with nvidia-smi (on a Jetson with "
            "tegrastats), and in a container that it was started with the NVIDIA runtime."
        )
    device = _checked(cudart.cudaGetDevice())
    properties = _checked(cudart.cudaGetDeviceProperties(device))
    name = properties.name.decode(errors="replace").rstrip("\0")
    return Gpu(name, f"sm{properties.major}{properties.minor}")


def _import_cuda() -> Any:
    try:
        return importlib.import_module("cuda.bindings.runtime")
    except ImportError as error:
        raise EngineError(
            f"CUDA cannot be used from Python ({error}). Install it: pip install cuda-bindings."
        ) from error


def _checked(answer: tuple[Any, Any]) -> Any:
    status, value = answer
    if int(status):
        raise EngineError(f"CUDA failed to describe the GPU ({status.name}, {int(status)})")
    return value
