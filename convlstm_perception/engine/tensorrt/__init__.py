"""TensorRT and TensorRT-RTX: engines built of a bundle's graphs, cached, and run."""

from convlstm_perception.engine.tensorrt.bindings import (
    TensorRtBackend,
    TensorRtBindings,
    load_bindings,
    numpy_dtype,
)
from convlstm_perception.engine.tensorrt.cache import BuildCache, default_cache_folder
from convlstm_perception.engine.tensorrt.compilation import (
    DEFAULT_WORKSPACE_MB,
    CompiledBundle,
    CompiledEngine,
    CompileProgress,
    choose_bindings,
    compile_bundle,
)

__all__ = [
    "DEFAULT_WORKSPACE_MB",
    "BuildCache",
    "CompileProgress",
    "CompiledBundle",
    "CompiledEngine",
    "TensorRtBackend",
    "TensorRtBindings",
    "choose_bindings",
    "compile_bundle",
    "default_cache_folder",
    "load_bindings",
    "numpy_dtype",
]
