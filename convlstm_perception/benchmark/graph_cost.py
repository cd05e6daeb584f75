"""Arithmetic and memory traffic of an ONNX graph at batch 1, counted from its shapes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convlstm_perception.errors import BundleError

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

Shape = tuple[int, ...]

_FREE = frozenset(("Reshape", "Unsqueeze", "Squeeze", "Flatten", "Identity", "Shape"))
"""Nodes that say how memory is read and touch none of it."""
_PICKING = frozenset(("Gather", "GatherElements", "GatherND", "Slice", "Split", "Expand"))
"""Nodes that read of their input only what they give."""
_MOVING = frozenset(("Transpose", "Concat", "Cast", "Pad", "TopK", "Constant", "ConstantOfShape"))
"""Nodes without arithmetic on numbers."""
_PER_INPUT = frozenset(("ReduceMean", "ReduceSum", "ReduceMax", "Softmax", "LayerNormalization"))
"""Nodes with one operation for each number that they read; all others, for each they give."""


@dataclass(frozen=True)
class NodeCost:
    """One node.

    Attributes:
        operator: its ONNX operator.
        flops: floating-point operations; a multiply-add counts two.
        nbytes: that it reads and writes.
    """

    operator: str
    flops: int
    nbytes: int


@dataclass(frozen=True)
class GraphCost:
    """A graph at batch 1. What depends on constants alone is computed once and costs nothing.

    Attributes:
        nodes: in the graph's order.
        least_bytes: inputs, outputs and weights, each once: what no fusion can spare.
        flops: of all nodes.
        unfused_bytes: of all nodes, each reading and writing memory.
    """

    nodes: tuple[NodeCost, ...]
    least_bytes: int

    @property
    def flops(self) -> int:
        return sum(node.flops for node in self.nodes)

    @property
    def unfused_bytes(self) -> int:
        return sum(node.nbytes for node in self.nodes)


@dataclass(frozen=True)
class _Tensor:
    shape: Shape
    itemsize: int

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.elements * self.itemsize


def graph_cost(path: Path) -> GraphCost:
    """Count a graph whose only open side is the batch.

    Raises:
        BundleError: when it cannot be read, or a shape cannot be inferred.
        ModuleNotFoundError: when the package onnx is not installed.
    """
    graph = _inferred(path).graph
    constant = {tensor.name for tensor in graph.initializer}
    tensors = _tensors(graph)
    nodes: list[NodeCost] = []
    weights: set[str] = set()
    for node in graph.node:
        inputs = [name for name in node.input if name]
        if all(name in constant for name in inputs):
            constant.update(node.output)
            continue
        weights.update(name for name in inputs if name in constant)
        nodes.append(_node_cost(path, node, tensors))
    ends = [value.name for value in [*graph.input, *graph.output]]
    held = {name for name in [*ends, *weights] if name in tensors}
    return GraphCost(tuple(nodes), sum(tensors[name].nbytes for name in held))


def convolution_shapes(path: Path) -> list[Shape]:
    """Shapes of the weights of a graph's convolutions, those used several times once.

    Raises:
        BundleError, ModuleNotFoundError: see :func:`graph_cost`.
    """
    graph = _inferred(path).graph
    tensors = _tensors(graph)
    # A weight kept in half precision is cast once for each time that it is used.
    origin = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Cast"}
    names = {node.input[1] for node in graph.node if node.op_type == "Conv"}
    return [tensors[name].shape for name in {origin.get(name, name) for name in names}]


def _inferred(path: Path) -> ModelProto:
    import onnx
    from google.protobuf.message import DecodeError  # what onnx reads its files with

    try:
        model = onnx.load(path)
        for value in [*model.graph.input, *model.graph.output, *model.graph.value_info]:
            sides = value.type.tensor_type.shape.dim
            if sides and sides[0].dim_param:
                sides[0].dim_value = 1
        return onnx.shape_inference.infer_shapes(model, data_prop=True)
    except (OSError, ValueError, DecodeError, onnx.shape_inference.InferenceError) as error:
        raise BundleError(f"{path}: cannot be read as an ONNX graph: {error}") from error


def _tensors(graph: GraphProto) -> dict[str, _Tensor]:
    """Every tensor whose shape is known."""
    from onnx import helper

    found = {}
    for value in [*graph.input, *graph.output, *graph.value_info]:
        kind = value.type.tensor_type
        if all(side.HasField("dim_value") for side in kind.shape.dim):
            itemsize = helper.tensor_dtype_to_np_dtype(kind.elem_type).itemsize
            found[value.name] = _Tensor(tuple(side.dim_value for side in kind.shape.dim), itemsize)
    for tensor in graph.initializer:
        itemsize = helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
        found[tensor.name] = _Tensor(tuple(tensor.dims), itemsize)
    return found


def _node_cost(path: Path, node: NodeProto, tensors: Mapping[str, _Tensor]) -> NodeCost:
    names = [name for name in [*node.input, *node.output] if name]
    unknown = [name for name in names if name not in tensors]
    if unknown:
        raise BundleError(
            f"{path}: the shape of {unknown[0]!r} at node {node.name or node.op_type!r} cannot be "
            "inferred; export the graph with fixed sizes"
        )
    inputs = [tensors[name] for name in node.input if name]
    outputs = [tensors[name] for name in node.output if name]
    return NodeCost(
        node.op_type, _flops(node, inputs, outputs), _traffic(node.op_type, inputs, outputs)
    )


def _flops(node: NodeProto, inputs: list[_Tensor], outputs: list[_Tensor]) -> int:
    given = outputs[0].elements
    operator = node.op_type
    if operator == "Conv":
        bias = given if len(inputs) > 2 else 0
        return 2 * given * math.prod(inputs[1].shape[1:]) + bias
    if operator == "MatMul":
        return 2 * given * inputs[0].shape[-1]
    if operator == "Gemm":
        inner = inputs[0].shape[0 if _attribute(node, "transA", 0) else 1]
        bias = given if len(inputs) > 2 else 0
        return 2 * given * inner + bias
    if operator in ("MaxPool", "AveragePool"):
        return given * math.prod(_attribute(node, "kernel_shape", [1]))
    if operator in _FREE | _PICKING | _MOVING:
        return 0
    return inputs[0].elements if operator in _PER_INPUT else given


def _traffic(operator: str, inputs: list[_Tensor], outputs: list[_Tensor]) -> int:
    if operator in _FREE:
        return 0
    given = sum(tensor.nbytes for tensor in outputs)
    return 2 * given if operator in _PICKING else given + sum(tensor.nbytes for tensor in inputs)


def _attribute(node: NodeProto, name: str, default: Any) -> Any:
    from onnx import helper

    for attribute in node.attribute:
        if attribute.name == name:
            return helper.get_attribute_value(attribute)
    return default
