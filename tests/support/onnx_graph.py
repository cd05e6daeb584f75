"""Small ONNX graphs, as bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

FLOAT, HALF, UINT8 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.UINT8
Tensors = Mapping[str, tuple[int, Sequence[int | str | None]]]


def onnx_graph(
    nodes: Sequence[NodeProto],
    inputs: Tensors,
    outputs: Tensors,
    constants: Mapping[str, np.ndarray] | None = None,
) -> bytes:
    """A graph; inputs and outputs map names to an element type and a shape."""
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(name, *what) for name, what in inputs.items()],
        [helper.make_tensor_value_info(name, *what) for name, what in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()],
    )
    opset = helper.make_opsetid("", 18)
    return helper.make_model(graph, opset_imports=[opset], ir_version=9).SerializeToString()


def convolution(dtype: int = FLOAT, batch: int | str = 1) -> bytes:
    """``image`` (batch, 3, 16, 16) through a convolution and a Relu to ``features``."""
    kind = np.float16 if dtype == HALF else np.float32
    return onnx_graph(
        [
            helper.make_node("Conv", ["image", "weights"], ["raw"], name="first", pads=[1] * 4),
            helper.make_node("Relu", ["raw"], ["features"], name="second"),
        ],
        {"image": (dtype, [batch, 3, 16, 16])},
        {"features": (dtype, [batch, 8, 16, 16])},
        {"weights": np.ones((8, 3, 3, 3), kind)},
    )
