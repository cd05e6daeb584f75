"""TensorRT and TensorRT-RTX: engines built of a bundle's graphs, cached, and run."""

from convlstm_perception.engine.tensorrt.bindings import (
    TensorRtBackend,
    TensorRtBindings,
    load_bindings,
    numpy_dtype,
)

__all__ = ["TensorRtBackend", "TensorRtBindings", "load_bindings", "numpy_dtype"]
