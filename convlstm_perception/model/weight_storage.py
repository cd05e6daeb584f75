"""Weights of an ONNX graph stored in half precision, computed with in single precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_SMALLEST = 1024  # values; smaller tensors are not worth a node


def store_weights_in_half(path: Path) -> None:
    """Halve the size of a graph's file: large weights become float16 with a Cast behind them.

    Every engine folds the Cast when it loads the graph, so the cost is the rounding of the weights
    to 11 bits alone. Weights beyond float16's range are left as they are.
    """
    model = onnx.load(path)
    graph = model.graph
    casts = []
    for initializer in graph.initializer:
        if initializer.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(initializer)
        if values.size < _SMALLEST or np.abs(values).max() > np.finfo(np.float16).max:
            continue
        name = initializer.name
        initializer.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    for place, node in enumerate(casts):
        graph.node.insert(place, node)
    onnx.checker.check_model(model)
    onnx.save(model, path)
