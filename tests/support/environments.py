"""Machines of which a test says what they have; nothing is looked up."""

from __future__ import annotations

from convlstm_perception.engine.environment import CUDA_PROVIDER, Environment, Library
from convlstm_perception.engine.nvidia_driver import Gpu, NvidiaDriver

NO_DRIVER = NvidiaDriver(problem="no NVIDIA driver (for the test)")
BROKEN_DRIVER = NvidiaDriver(version="550.1", problem="the driver fails", broken=True)
CPU_RUNTIME = Library("1.20", offers=("CPUExecutionProvider",))
CUDA_RUNTIME = Library("1.20", offers=(CUDA_PROVIDER, "CPUExecutionProvider"))
RTX = Library("1.7", offers=("sm86", "sm89"))


def driver(capability: str = "sm89", name: str = "NVIDIA L4") -> NvidiaDriver:
    """A driver with one GPU."""
    return NvidiaDriver("550.1", "12.4", (Gpu(name, capability, 23034),))


def broken(module: str) -> Library:
    """A library that is installed and fails."""
    return Library(problem=f"{module} fails", broken=True)


def environment(
    driver: NvidiaDriver = NO_DRIVER,
    cuda_bindings: Library | None = None,
    tensorrt: Library | None = None,
    tensorrt_rtx: Library | None = None,
    onnxruntime: Library | None = None,
    onnx: Library | None = None,
) -> Environment:
    """A machine on which everything is missing that is not given."""
    machine = Environment()
    machine.machine, machine.jetson, machine.driver = "test, 1 cores", "", driver
    parts = {
        "cuda_bindings": cuda_bindings,
        "tensorrt": tensorrt,
        "tensorrt_rtx": tensorrt_rtx,
        "onnxruntime": onnxruntime,
        "onnx": onnx,
    }
    for name, library in parts.items():
        missing = Library(problem=f"{name} is not installed", mend=f"Install {name}.")
        setattr(machine, name, library or missing)
    return machine
