"""A bundle's graphs in another precision, carried by the types in the ONNX file.

TensorRT networks are strongly typed: they compute in the types that the graph has. In half
precision are the convolutions and what lies between them; the cell state of the ConvLSTM, scores
and coordinates stay in single precision. In int8 are the encoder's convolutions, never those of
the ConvLSTM, whose state would drift by a fifth of its range within 60 frames.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.engine.quantization import quantize
from convlstm_perception.engine.settings import Precision
from convlstm_perception.errors import EngineError, ParameterError

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

Role = Literal["encoder", "motion", "step", "tracks"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

_OPSET_OF_HALF_SCALES = (
    19  # from here on QuantizeLinear takes float16; TensorRT 10.3 reads up to 20
)
_FEATURES = ("input_to_state", "skip", "hidden", "next_hidden")
# What moves or adds features, and so may take them as they are. Everything else in motion and step
# is arithmetic of the state, of scores or of coordinates.
_CARRIERS = frozenset(
    ("Relu", "Add", "Resize", "Reshape", "Transpose", "Split", "Concat", "GatherElements")
)
_FIXED_TYPE = frozenset(("Constant", "ConstantOfShape"))  # an attribute says the type
_FLOAT_INPUTS: Mapping[str, frozenset[int]] = {"Resize": frozenset((1, 2))}  # region and scales
_LEAST_HALF = 2.0**-24


def convert_graph(
    path: Path,
    precision: Precision,
    *,
    role: Role,
    calibration: Iterable[NDArray[np.uint8]] | None = None,
) -> bytes:
    """Read a graph and return it in some precision.

    ``input_to_state*``, ``skip``, ``hidden`` and ``next_hidden`` become float16 in fp16 and int8;
    every other input and output keeps its type. The track decoder stays as it is.

    Args:
        path: an ONNX file of a bundle.
        precision: wanted.
        role: which of the bundle's graphs it is.
        calibration: for int8 of the encoder: network inputs (1, height, width, 3) uint8, blue,
            green, red, on which the ranges of its features are measured. Not read otherwise.

    Returns:
        The model, serialised.

    Raises:
        ParameterError: when the precision is unknown, or calibration images are missing or wrong.
        EngineError: when ``onnx`` is not installed or the file is no graph.
    """
    if precision not in PRECISIONS:
        raise ParameterError(f"precision: {precision!r} is not one of {', '.join(PRECISIONS)}")
    model = _load(path)
    _fold_stored_weights(model.graph)
    if role == "tracks" or precision == "fp32":
        return bytes(model.SerializeToString())
    if role == "encoder" and precision == "int8":
        model = quantize(model, path, calibration)
    return bytes(_with_half(model, role).SerializeToString())


def _load(path: Path) -> ModelProto:
    try:
        import onnx
    except ImportError as error:
        raise EngineError(
            f"{path}: converting a graph to another precision needs onnx ({error}). "
            "Install it: pip install onnx."
        ) from error
    try:
        model = onnx.load(path)
    except Exception as error:  # protobuf's own errors are no part of onnx's interface
        raise EngineError(
            f"{path}: cannot be read as an ONNX graph ({error}); copy or export the bundle again"
        ) from error
    if not model.graph.node:
        raise EngineError(f"{path}: holds no ONNX graph; copy or export the bundle again")
    return model


def _fold_stored_weights(graph: GraphProto) -> None:
    """Undo ``model/weight_storage.py``: float16 weights behind a Cast become float32."""
    from onnx import TensorProto, helper, numpy_helper

    stored = {one.name: one for one in graph.initializer if one.data_type == TensorProto.FLOAT16}
    kept = []
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in stored:
            dtype = helper.tensor_dtype_to_np_dtype(node.attribute[0].i)
            values = numpy_helper.to_array(stored[node.input[0]]).astype(dtype)
            graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
        else:
            kept.append(node)
    _replace_nodes(graph, kept)


def _replace_nodes(graph: GraphProto, nodes: list[NodeProto]) -> None:
    """Give a graph other nodes, and drop the constants that none of them reads."""
    nodes = list(map(copy.deepcopy, nodes))
    del graph.node[:]
    graph.node.extend(nodes)
    read = {name for node in nodes for name in node.input} | {one.name for one in graph.output}
    kept = [copy.deepcopy(one) for one in graph.initializer if one.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _with_half(model: ModelProto, role: Role) -> ModelProto:
    """Let features and convolutions be float16, with casts at the borders.

    onnxruntime's float16 converter is not used: it sends every tensor between two nodes that stay
    in single precision through half precision, the cell state among them.
    """
    from onnx import checker, shape_inference

    del model.graph.value_info[:]
    typed = shape_inference.infer_shapes(model, strict_mode=True).graph
    _HalfTyping(model.graph, typed, everywhere=role == "encoder").run()
    checker.check_model(model, full_check=True)
    return model


class _HalfTyping:
    """Rewrites a graph node by node so that features are float16.

    Args:
        graph: to rewrite, its nodes in topological order.
        typed: the same graph after shape inference.
        everywhere: every node computes in float16, not convolutions and carriers alone.
    """

    def __init__(self, graph: GraphProto, typed: GraphProto, *, everywhere: bool) -> None:
        from onnx import TensorProto

        self._graph, self._everywhere = graph, everywhere
        self._float, self._half = TensorProto.FLOAT, TensorProto.FLOAT16
        self._constants = {one.name: one for one in graph.initializer}
        self._types = {one.name: one.data_type for one in graph.initializer}
        for value in (*typed.input, *typed.output, *typed.value_info):
            self._types[value.name] = value.type.tensor_type.elem_type
        self._outputs = {value.name for value in graph.output}
        self._twins: dict[tuple[str, int], str] = {}  # the same tensor in another type
        self._nodes: list[NodeProto] = []

    def run(self) -> None:
        """Rewrite the graph."""
        for value in (*self._graph.input, *self._graph.output):
            if _is_feature(value.name):
                value.type.tensor_type.elem_type = self._half
        for value in self._graph.input:
            self._types[value.name] = value.type.tensor_type.elem_type
        for node in list(self._graph.node):
            self._rewrite(node)
        _replace_nodes(self._graph, self._nodes)

    def _rewrite(self, node: NodeProto) -> None:
        kind = self._half if self._computes_in_half(node) else self._float
        if node.op_type == "Cast":
            (target,) = (one for one in node.attribute if one.name == "to")
            target.i = kind if target.i == self._float else target.i
        elif node.op_type != "Shape":  # these two take every type
            fixed = _FLOAT_INPUTS.get(node.op_type, ())
            for place, name in enumerate(node.input):
                if place not in fixed:
                    node.input[place] = self._as(name, kind)
        self._nodes.append(node)
        for place, name in enumerate(node.output):
            if self._types.get(name) != self._float:
                continue
            self._types[name] = kind
            wanted = self._half if _is_feature(name) else self._float
            if name in self._outputs and kind != wanted:
                node.output[place] = f"{name}/before_cast"
                self._types[node.output[place]] = kind
                self._types[name] = wanted
                self._twins[name, kind] = node.output[place]
                self._cast(node.output[place], name, wanted)

    def _computes_in_half(self, node: NodeProto) -> bool:
        if node.op_type in _FIXED_TYPE:
            return False
        if self._everywhere or node.op_type == "Conv":
            return True
        floats = {self._types.get(name) for name in node.input if name not in self._constants}
        return node.op_type in _CARRIERS and self._half in floats and self._float not in floats

    def _as(self, name: str, kind: int) -> str:
        """The name of a tensor in one of the two types; others stay as they are."""
        if self._types.get(name) not in {self._float, self._half} - {kind}:
            return name
        if (name, kind) not in self._twins:
            twin = f"{name}/float16" if kind == self._half else f"{name}/float32"
            self._twins[name, kind] = twin
            if name in self._constants:
                self._graph.initializer.append(_to_half(self._constants[name], twin))
            else:
                self._cast(name, twin, kind)
        return self._twins[name, kind]

    def _cast(self, name: str, result: str, kind: int) -> None:
        from onnx import helper

        self._nodes.append(helper.make_node("Cast", [name], [result], name=f"to {result}", to=kind))


def _is_feature(name: str) -> bool:
    return name in _FEATURES or re.fullmatch(r"input_to_state_\d+", name) is not None


def _to_half(constant: TensorProto, name: str) -> TensorProto:
    """A constant in float16: finite, and not 0 where it was not 0, as no scale may be."""
    from onnx import numpy_helper

    values = numpy_helper.to_array(constant)
    size = np.abs(values).clip(_LEAST_HALF, float(np.finfo(np.float16).max))
    half = np.where(values == 0, 0, np.copysign(size, values)).astype(np.float16)
    return numpy_helper.from_array(half, name)
