"""One door to TensorRT 10.3 to 11 (module ``tensorrt``) and TensorRT-RTX (``tensorrt_rtx``)."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np

from convlstm_perception.engine.tensorrt import api
from convlstm_perception.engine.tensorrt.log import Log, open_logger
from convlstm_perception.errors import EngineError

TensorRtBackend = Literal["tensorrt", "tensorrt-rtx"]
_MODULES: dict[TensorRtBackend, str] = {"tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt_rtx"}
_TITLES: dict[TensorRtBackend, str] = {"tensorrt": "TensorRT", "tensorrt-rtx": "TensorRT-RTX"}
_MENDS: dict[TensorRtBackend, str] = {
    "tensorrt": "On a Jetson it comes with JetPack (apt install python3-libnvinfer), elsewhere "
    "from NVIDIA's package index; or use TensorRT-RTX (pip install tensorrt-rtx-cu13).",
    "tensorrt-rtx": "Install it: pip install tensorrt-rtx-cu13.",
}
_OLDEST = (10, 3)
_DTYPES: dict[str, np.dtype] = {
    "FLOAT": np.dtype(np.float32),
    "HALF": np.dtype(np.float16),
    "INT8": np.dtype(np.int8),
    "UINT8": np.dtype(np.uint8),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "BOOL": np.dtype(np.bool_),
}


@dataclass(frozen=True)
class TensorRtBindings:
    """TensorRT as it is installed here.

    Attributes:
        backend: which of the two it is.
        module: ``tensorrt`` or ``tensorrt_rtx``.
        log: what it said.
        logger: to be given to its builders, parsers and runtimes.
    """

    backend: TensorRtBackend
    module: api.Module
    log: Log
    logger: api.ILogger

    @property
    def version(self) -> str:
        """As the module gives it: ``10.3.0``."""
        return self.module.__version__

    @property
    def title(self) -> str:
        """Name and version, for people."""
        return f"{_TITLES[self.backend]} {self.version}"

    @property
    def compute_capabilities(self) -> Mapping[str, api.Enumerator]:
        """What engines can be built for without its GPU, as ``sm89``; TensorRT-RTX alone can."""
        if self.backend == "tensorrt":
            return {}
        members = cast(api.RtxModule, self.module).ComputeCapability.__members__
        return {name.lower(): member for name, member in members.items() if name[-1].isdigit()}

    def network_flags(self) -> int:
        """Flags of a network whose precision is what the types of its tensors say.

        The batch is a dimension like any other. Up to 10.16 that is asked for by a flag, later it
        is always so and the flag is gone; the same will happen to that of strong typing.
        """
        flags = self.module.NetworkDefinitionCreationFlag
        wanted = ("EXPLICIT_BATCH", "STRONGLY_TYPED")
        return sum(1 << int(getattr(flags, name)) for name in wanted if hasattr(flags, name))


@functools.cache  # TensorRT keeps one logger a process: the first that it was given
def load_bindings(backend: TensorRtBackend) -> TensorRtBindings:
    """Import TensorRT.

    Raises:
        EngineError: when it is not installed, cannot be imported, or is too old.
    """
    title = _TITLES[backend]
    try:
        module = cast(api.Module, importlib.import_module(_MODULES[backend]))
    except ModuleNotFoundError as error:
        raise EngineError(f"{title} is not installed ({error}). {_MENDS[backend]}") from error
    except (ImportError, OSError) as error:
        raise EngineError(
            f"{title} is installed but cannot be imported: {error}. Its libraries are missing or "
            f"of another version. {_MENDS[backend]}"
        ) from error
    version = module.__version__
    if backend == "tensorrt" and tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
        raise EngineError(
            f"{title} {version} is older than 10.3, the oldest that is served. "
            "Upgrade JetPack to 6.1 or later, or use engine 'onnxruntime-cpu'."
        )
    log = Log()
    return TensorRtBindings(backend, module, log, open_logger(module, log))


def numpy_dtype(data_type: api.Enumerator) -> np.dtype:
    """The numpy dtype of one of TensorRT's.

    Raises:
        EngineError: when numpy has none, as for bfloat16.
    """
    if data_type.name not in _DTYPES:
        raise EngineError(
            f"TensorRT's type {data_type.name} has no counterpart in numpy; inputs and outputs may "
            f"be {', '.join(map(str, _DTYPES.values()))}. Export the model again."
        )
    return _DTYPES[data_type.name]
