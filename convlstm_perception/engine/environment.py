"""What this machine has to run networks with."""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from convlstm_perception.engine.nvidia_driver import NvidiaDriver, find_driver, version_in_words
from convlstm_perception.engine.tensorrt.bindings import TensorRtBackend, load_bindings
from convlstm_perception.errors import EngineError

CUDA_PROVIDER = "CUDAExecutionProvider"
_JETSON_RELEASE = Path("/etc/nv_tegra_release")


@dataclass(frozen=True)
class Library:
    """A Python library.

    Attributes:
        version: its version; empty where it cannot be used.
        problem: why it cannot be used, without a full stop; empty where it can.
        mend: how to get it, in sentences; empty where the problem says so itself.
        broken: whether it is installed and yet cannot be used.
        offers: what not every build of it has: the execution providers of ONNX Runtime, the compute
            capabilities that TensorRT-RTX serves, as ``sm89``.
    """

    version: str = ""
    problem: str = ""
    mend: str = ""
    broken: bool = False
    offers: tuple[str, ...] = ()


class Environment:
    """This machine and this Python.

    Each part is looked up when it is first asked for, and never raises: a library that nobody asks
    for is not imported, which would cost time and memory (a hundred MB for TensorRT). A part may
    also be set, to ask what would be done on another machine.
    """

    @cached_property
    def machine(self) -> str:
        """Architecture and the processor cores that this process may use."""
        return f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores"

    @cached_property
    def jetson(self) -> str:
        """Release of Jetson Linux, as ``R36.4.0``; empty elsewhere."""
        return jetson_release()

    @cached_property
    def driver(self) -> NvidiaDriver:
        """NVIDIA's driver and its GPUs."""
        return find_driver()

    @cached_property
    def cuda_bindings(self) -> Library:
        """CUDA for Python, with which TensorRT's engines are run; version of the CUDA runtime."""
        return _probe("cuda.bindings", "Install it: pip install cuda-bindings.", self._cuda_runtime)

    @cached_property
    def tensorrt(self) -> Library:
        """TensorRT."""
        mend = (
            "On a Jetson it comes with JetPack (apt install python3-libnvinfer), elsewhere from "
            "NVIDIA's package index (pip install tensorrt)."
        )
        return _probe("tensorrt", mend, lambda: _tensorrt("tensorrt"))

    @cached_property
    def tensorrt_rtx(self) -> Library:
        """TensorRT-RTX."""
        mend = "Install it: pip install tensorrt-rtx-cu13."
        return _probe("tensorrt_rtx", mend, lambda: _tensorrt("tensorrt-rtx"))

    @cached_property
    def onnxruntime(self) -> Library:
        """ONNX Runtime."""
        return _probe("onnxruntime", "Install it: pip install onnxruntime.", _onnxruntime)

    @cached_property
    def onnx(self) -> Library:
        """The ONNX library, with which graphs are converted to other precisions."""
        return _probe("onnx", "Install it: pip install onnx.", _onnx)

    def _cuda_runtime(self) -> Library:
        cudart = importlib.import_module("cuda.bindings.runtime")
        _, number = cudart.cudaRuntimeGetVersion()
        version = version_in_words(number)
        status, _ = cudart.cudaGetDeviceCount()
        if not int(status) or not self.driver.gpus:
            return Library(version)
        release = self.driver.cuda.partition(".")[0]
        return Library(
            problem=f"CUDA runtime {version} finds no GPU ({status.name}, {int(status)}) with a "
            f"driver for CUDA {self.driver.cuda}",
            mend=f"Install the release for this driver: pip install 'cuda-bindings=={release}.*'.",
            broken=True,
        )


def jetson_release(path: Path = _JETSON_RELEASE) -> str:
    """The release of Jetson Linux, as ``R36.4.0``; empty elsewhere."""
    try:
        text = path.read_text()
    except OSError:
        return ""
    # "# R36 (release), REVISION: 4.0, GCID: 37537400, BOARD: generic, EABI: aarch64, ..."
    found = re.search(r"(R\d+) \(release\), REVISION: (\d+(?:\.\d+)*)", text)
    return f"{found[1]}.{found[2]}" if found else "of unknown release"


def _probe(module: str, mend: str, look: Callable[[], Library]) -> Library:
    """What ``look`` finds out of a module, when it is installed."""
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:  # the package that it would be in
        spec = None
    if spec is None or spec.origin is None:  # a folder of that name that lies about has no origin
        return Library(problem=f"the Python module {module} is not installed", mend=mend)
    try:
        return look()
    except EngineError as error:
        return Library(problem=str(error).rstrip("."), broken=True)
    except Exception as error:  # whatever comes of importing a library is what is wrong with it
        words = f"the Python module {module} is installed but cannot be used: {error}"
        return Library(problem=words.rstrip("."), broken=True)


def _tensorrt(backend: TensorRtBackend) -> Library:
    bindings = load_bindings(backend)
    return Library(bindings.version, offers=tuple(bindings.compute_capabilities))


def _onnxruntime() -> Library:
    onnxruntime = importlib.import_module("onnxruntime")
    return Library(onnxruntime.__version__, offers=tuple(onnxruntime.get_available_providers()))


def _onnx() -> Library:
    return Library(importlib.import_module("onnx").__version__)
