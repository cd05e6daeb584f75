"""ONNX Runtime: on the CPU everywhere, on CUDA where its build has it."""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from convlstm_perception.engine.base import TensorSpec
from convlstm_perception.errors import EngineError

if TYPE_CHECKING:
    from onnxruntime import NodeArg

Device = Literal["cpu", "cuda"]
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_DTYPES: dict[str, np.dtype] = {
    "tensor(float)": np.dtype(np.float32),
    "tensor(float16)": np.dtype(np.float16),
    "tensor(uint8)": np.dtype(np.uint8),
    "tensor(int64)": np.dtype(np.int64),
}

# A pool that spins while it waits takes the processors of the other graphs and processes: on two
# busy cores it made a frame half as long again. Where nodes are brief, a moment of it is worth more
# than it takes, and it ends with the run.
_SLEEPING = {"session.intra_op.allow_spinning": "0"}
_SPINNING = {
    "session.intra_op.allow_spinning": "1",
    "session.intra_op.spin_duration_us": "2",
    "session.force_spinning_stop": "1",
}

_BATCH = "batch"  # name of the side that the bundle's graphs leave open


class OnnxRuntimeEngine:
    """An ONNX graph in ONNX Runtime; see :class:`Engine`.

    A side called ``batch`` is fixed to 1, for cameras take turns here, and ONNX Runtime folds
    and plans a graph of fixed shapes when it loads it.

    Arrays are bound by address: on the CPU nothing is copied, neither in nor out.

    Args:
        path: of the graph.
        device: to run it on.
        threads: of the CPU; 0 takes as many as there are cores.
        fused: False runs it node by node as it is written. Release 1.32 fuses quantisation with
            half precision around it into something else.
        brief_nodes: whether most nodes take no longer than waking a thread.

    Raises:
        EngineError: when ONNX Runtime is missing or lacks CUDA, the file cannot be loaded, or an
            input or output has no fixed shape.
    """

    def __init__(
        self,
        path: Path,
        device: Device = "cpu",
        threads: int = 0,
        *,
        fused: bool = True,
        brief_nodes: bool = False,
    ) -> None:
        onnxruntime = _import_onnxruntime(device)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        for key, value in (_SPINNING if brief_nodes else _SLEEPING).items():
            options.add_session_config_entry(key, value)
        options.add_free_dimension_override_by_name(_BATCH, 1)
        if not fused:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        _share_scratch_memory()
        options.add_session_config_entry("session.use_env_allocators", "1")
        # With a plan each graph takes one block of its own peak, beside the pool's other blocks.
        options.enable_mem_pattern = device != "cpu"
        try:
            self._session = onnxruntime.InferenceSession(
                path, options, providers=[_PROVIDERS[device]], enable_fallback=False
            )
        except Exception as error:  # onnxruntime's own errors share no public base class
            raise EngineError(f"{path}: ONNX Runtime cannot load it: {error}") from error
        if _PROVIDERS[device] not in self._session.get_providers():
            # It only logs that CUDA's libraries did not load, and goes on with the CPU.
            raise EngineError(
                f"{path}: ONNX Runtime {onnxruntime.__version__} does not give CUDA; the reason "
                "stands in its log. Install CUDA and cuDNN of the versions that it was built for: "
                "pip install 'onnxruntime-gpu[cuda,cudnn]'."
            )
        self._path = path
        self.backend = f"ONNX Runtime {onnxruntime.__version__} ({device.upper()})"
        self.inputs = self._specs(self._session.get_inputs())
        self.outputs = self._specs(self._session.get_outputs())
        self._binding = self._session.io_binding()

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]) -> None:
        """Run once; see :class:`Engine`."""
        binding = self._binding
        for name, spec in self.inputs.items():
            self._check(name, spec, inputs[name])
            binding.bind_input(name, "cpu", 0, spec.dtype, spec.shape, inputs[name].ctypes.data)
        for name, spec in self.outputs.items():
            self._check(name, spec, outputs[name])
            binding.bind_output(name, "cpu", 0, spec.dtype, spec.shape, outputs[name].ctypes.data)
        try:
            self._session.run_with_iobinding(binding)
            binding.synchronize_outputs()
        except Exception as error:  # see __init__
            raise EngineError(f"{self._path}: ONNX Runtime failed: {error}") from error

    def close(self) -> None:
        """Free the session."""
        del self._binding, self._session

    def _check(self, name: str, spec: TensorSpec, array: np.ndarray) -> None:
        # Addresses are handed on as they are: a wrong array would be read beyond its end.
        fits = array.shape == spec.shape and array.dtype == spec.dtype
        if not fits or not array.flags.c_contiguous:
            raise EngineError(
                f"{self._path}: tensor {name!r} takes a contiguous {spec.dtype} {spec.shape}, "
                f"got {array.dtype} {array.shape}"
            )

    def _specs(self, nodes: list[NodeArg]) -> dict[str, TensorSpec]:
        specs = {}
        for node in nodes:
            # Release 1.23, the last for Python 3.10, still names that side in outputs.
            shape = tuple(1 if side == _BATCH else side for side in node.shape)
            if node.type not in _DTYPES or not all(isinstance(side, int) for side in shape):
                raise EngineError(
                    f"{self._path}: tensor {node.name!r} is {node.type} {node.shape}; "
                    f"only fixed shapes of {sorted(_DTYPES)} are supported. Export it again."
                )
            specs[node.name] = TensorSpec(shape, _DTYPES[node.type])
        return specs


def _import_onnxruntime(device: Device) -> Any:
    try:
        onnxruntime = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise EngineError(
            f"ONNX Runtime cannot be imported ({error}). Install it: pip install onnxruntime."
        ) from error
    if device == "cuda" and hasattr(onnxruntime, "preload_dlls"):
        # Finds the libraries of NVIDIA's Python packages, which the system's loader does not.
        with contextlib.redirect_stdout(sys.stderr):  # where it prints what it misses
            onnxruntime.preload_dlls()
    return onnxruntime


@functools.cache  # a process takes one
def _share_scratch_memory() -> None:
    """Give all graphs one pool of scratch memory: they take turns, and each would keep its own."""
    import onnxruntime

    arena = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    memory = onnxruntime.OrtMemoryInfo("Cpu", arena, 0, onnxruntime.OrtMemType.DEFAULT)
    exact = onnxruntime.OrtArenaCfg({"arena_extend_strategy": 1})  # no doubling of blocks
    onnxruntime.create_and_register_allocator(memory, exact)
