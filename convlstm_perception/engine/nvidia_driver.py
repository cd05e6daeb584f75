"""NVIDIA's driver and the GPUs that it gives, asked through its C library.

``libcuda.so.1`` comes with the driver, on PCs and on Jetsons, and needs no Python package. It is
asked before anything else is: some releases of TensorRT crash where there is no driver.
Functions and numbers: CUDA Driver API, ``cuda.h``.
"""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass
from pathlib import Path

from convlstm_perception.errors import EngineError

LIBRARY = "libcuda.so.1"
DRIVER_MEND = (
    "Check the driver with nvidia-smi (on a Jetson with tegrastats), and that CUDA_VISIBLE_DEVICES "
    "hides no GPU; start a container with the NVIDIA runtime (docker run --gpus all)."
)
_KERNEL_MODULE = Path("/proc/driver/nvidia/version")
_NAME_BYTES = 256
_MAJOR, _MINOR, _INTEGRATED = 75, 76, 18  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_..., INTEGRATED
_NO_GPU = (34, 100)  # CUDA_ERROR_STUB_LIBRARY, CUDA_ERROR_NO_DEVICE: nothing that could be mended


@dataclass(frozen=True)
class Gpu:
    """A GPU.

    Attributes:
        name: as its driver gives it.
        capability: its compute capability, as ``sm87``.
        memory_mb: its memory in MiB; that of the host where it is integrated.
        integrated: whether it works in the host's memory, as on a Jetson.
    """

    name: str
    capability: str
    memory_mb: int = 0
    integrated: bool = False


@dataclass(frozen=True)
class NvidiaDriver:
    """The driver as this process finds it.

    Attributes:
        version: of its kernel module; empty where there is none, or it does not tell.
        cuda: the newest CUDA that it serves, as ``12.6``; empty where it cannot be asked.
        gpus: in CUDA's order; the first is the one that is used.
        problem: why there is no GPU, without a full stop; empty where there is one.
        broken: whether the driver is there and fails, rather than having no GPU to give.
    """

    version: str = ""
    cuda: str = ""
    gpus: tuple[Gpu, ...] = ()
    problem: str = ""
    broken: bool = False


def find_driver(library: str = LIBRARY, kernel_module: Path = _KERNEL_MODULE) -> NvidiaDriver:
    """Ask the driver for its GPUs; never raises.

    Args:
        library: name or path of the driver's C library.
        kernel_module: file in which the kernel module tells its version.
    """
    version = _kernel_version(kernel_module)
    try:
        cuda = ctypes.CDLL(library)
    except OSError as error:
        where = f"NVIDIA's driver {version} is on this machine, but not in reach" if version else ""
        return NvidiaDriver(version, problem=f"{where or 'no NVIDIA driver'} ({error})")
    try:
        _call(cuda, "cuInit", ctypes.c_uint(0))
        served = version_in_words(_number(cuda, "cuDriverGetVersion"))
        gpus = tuple(_gpu(cuda, index) for index in range(_number(cuda, "cuDeviceGetCount")))
    except _RefusedError as error:
        broken = error.status not in _NO_GPU
        return NvidiaDriver(
            version, problem=f"NVIDIA's driver gives no GPU ({error})", broken=broken
        )
    problem = "" if gpus else "NVIDIA's driver gives no GPU (cuDeviceGetCount: 0)"
    return NvidiaDriver(version, served, gpus, problem)


def find_gpu() -> Gpu:
    """The GPU that is used.

    Raises:
        EngineError: when there is none; the message says why.
    """
    driver = find_driver()
    if not driver.gpus:
        raise EngineError(f"{driver.problem}. {DRIVER_MEND}")
    return driver.gpus[0]


def version_in_words(version: int) -> str:
    """CUDA's version number for people: 12060 is ``12.6``."""
    return f"{version // 1000}.{version % 1000 // 10}"


class _RefusedError(Exception):
    """A call that the driver refused, with its status; -1 where it has no such function."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def _kernel_version(path: Path) -> str:
    try:
        text = path.read_text()
    except OSError:
        return ""
    # "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024"
    found = re.search(r"^NVRM version:.*?\s(\d+(?:\.\d+)+)\s", text, re.MULTILINE)
    return found[1] if found else ""


def _gpu(cuda: ctypes.CDLL, index: int) -> Gpu:
    device = ctypes.c_int(_number(cuda, "cuDeviceGet", ctypes.c_int(index)))
    name = ctypes.create_string_buffer(_NAME_BYTES)
    _call(cuda, "cuDeviceGetName", name, ctypes.c_int(_NAME_BYTES), device)
    size = ctypes.c_size_t()
    _call(cuda, "cuDeviceTotalMem_v2", ctypes.byref(size), device)
    major, minor, integrated = (
        _number(cuda, "cuDeviceGetAttribute", ctypes.c_int(attribute), device)
        for attribute in (_MAJOR, _MINOR, _INTEGRATED)
    )
    words = name.value.decode(errors="replace")
    return Gpu(words, f"sm{major}{minor}", size.value >> 20, bool(integrated))


def _number(cuda: ctypes.CDLL, function: str, *arguments: ctypes.c_int) -> int:
    """What a function writes to the int that its first argument points to."""
    value = ctypes.c_int()
    _call(cuda, function, ctypes.byref(value), *arguments)
    return value.value


def _call(cuda: ctypes.CDLL, function: str, *arguments: object) -> None:
    if not hasattr(cuda, function):
        raise _RefusedError(f"{LIBRARY} has no {function}", -1)
    status = getattr(cuda, function)(*arguments)
    if status:
        raise _RefusedError(f"{function}: {_error_name(cuda, status)}, {status}", status)


def _error_name(cuda: ctypes.CDLL, status: int) -> str:
    name = ctypes.c_char_p()
    if hasattr(cuda, "cuGetErrorName"):
        cuda.cuGetErrorName(status, ctypes.byref(name))
    return (name.value or b"unknown error").decode(errors="replace")
