"""Exact simplifications of an exported encoder: linear steps taken into the next convolution."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, numpy_helper

_CHANNELS = 1  # axis of the features' channels, and of a convolution's inputs in its weights
_SCALAR_STEPS = frozenset(("Add", "Sub", "Mul", "Div"))


def fold_into_convolutions(path: Path) -> tuple[str, ...]:
    """Simplify a graph's file in place; what it computes stays the same but for rounding.

    * Channels that are put into another order before a convolution: its weights take the order.
    * A normalisation before a 1x1 convolution without padding: its weights and bias take the gains
      and offsets. They are stored in single precision then, so that they are rounded once.

    Args:
        path: an ONNX file, its weights as exported or stored in half precision.

    Returns:
        Names of the convolutions that have taken something.

    Raises:
        onnx.checker.ValidationError: when the result is no valid graph.
    """
    model = onnx.load(path)
    graph = _Graph(model.graph)
    folded = [*graph.fold_channel_orders(), *graph.fold_normalisations()]
    if folded:
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, path)
    return tuple(folded)


class _Graph:
    """A graph with who makes and who reads each tensor."""

    def __init__(self, graph: GraphProto) -> None:
        self._graph = graph
        self._index()

    def fold_channel_orders(self) -> list[str]:
        """Split into single channels, Concat in another order, scalar steps, Conv."""
        folded = []
        for concat in [node for node in self._graph.node if node.op_type == "Concat"]:
            split = self._makers.get(concat.input[0])
            convolution = self._convolution_behind(concat)
            if (
                split is None
                or split.op_type != "Split"
                or sorted(split.output) != sorted(concat.input)
                or any(len(self._readers[name]) != 1 for name in split.output)
                or not _attribute(split, "axis") == _attribute(concat, "axis") == _CHANNELS
                or convolution is None
                or not self._are_its_own(convolution)
            ):
                continue
            weights = self._constant(convolution.input[1])
            # Place in the order after the concatenation of each channel before it.
            order = [list(concat.input).index(name) for name in split.output]
            if weights is None or weights.shape[_CHANNELS] != len(order):
                continue
            self._set_constant(convolution.input[1], weights[:, order], keep_type=True)
            self._rename(concat.output[0], split.input[0])
            self._remove(split, concat)
            folded.append(convolution.name)
        return folded

    def fold_normalisations(self) -> list[str]:
        """BatchNormalization, Conv of 1x1 without padding."""
        folded = []
        for node in [one for one in self._graph.node if one.op_type == "BatchNormalization"]:
            convolution = self._only_reader(node.output[0])
            if convolution is None or not _is_pointwise(convolution):
                continue
            if not self._are_its_own(convolution):
                continue
            names = [*node.input[1:], *convolution.input[1:]]
            found = [one for one in map(self._constant, names) if one is not None]
            if len(found) != len(names) or len(convolution.input) != 3:
                continue
            gain, offset, mean, variance, weights, bias = (one.astype(np.float64) for one in found)
            scale = gain / np.sqrt(variance + _attribute(node, "epsilon", 1e-5))
            moved = weights[:, :, 0, 0] @ (offset - mean * scale)
            self._set_constant(convolution.input[1], weights * scale[:, None, None])
            self._set_constant(convolution.input[2], bias + moved)
            self._rename(node.output[0], node.input[0])
            self._remove(node)
            folded.append(convolution.name)
        return folded

    def _index(self) -> None:
        self._makers = {name: node for node in self._graph.node for name in node.output}
        self._readers: dict[str, list[NodeProto]] = {}
        for node in self._graph.node:
            for name in node.input:
                self._readers.setdefault(name, []).append(node)
        self._constants = {one.name: one for one in self._graph.initializer}
        self._answers = {value.name for value in self._graph.output}

    def _only_reader(self, name: str) -> NodeProto | None:
        readers = self._readers.get(name, [])
        return readers[0] if len(readers) == 1 and name not in self._answers else None

    def _convolution_behind(self, node: NodeProto) -> NodeProto | None:
        """The convolution that alone reads a node, with nothing between but scalar steps."""
        reader = self._only_reader(node.output[0])
        while reader is not None and reader.op_type in _SCALAR_STEPS:
            constants = [one for one in map(self._constant, reader.input) if one is not None]
            if [one.size for one in constants] != [1]:
                return None
            reader = self._only_reader(reader.output[0])
        plain = (
            reader is not None and reader.op_type == "Conv" and _attribute(reader, "group", 1) == 1
        )
        return reader if plain else None

    def _constant(self, name: str) -> NDArray | None:
        """Values of a constant, also of one stored in half precision behind a Cast."""
        stored = self._constants.get(self._stored_name(name))
        return None if stored is None else numpy_helper.to_array(stored)

    def _are_its_own(self, convolution: NodeProto) -> bool:
        """Whether no other node reads a convolution's weights and bias."""
        return all(self._only_reader(name) is not None for name in convolution.input[1:])

    def _stored_name(self, name: str) -> str:
        maker = self._makers.get(name)
        return maker.input[0] if maker is not None and maker.op_type == "Cast" else name

    def _set_constant(self, name: str, values: NDArray, *, keep_type: bool = False) -> None:
        """Give a constant, which one node alone reads, other values."""
        stored = self._stored_name(name)
        if keep_type:
            self._constants[stored].CopyFrom(numpy_helper.from_array(values, stored))
            return
        self._constants[stored].CopyFrom(numpy_helper.from_array(values.astype(np.float32), name))
        if stored != name:
            self._remove(self._makers[name])
        self._index()

    def _rename(self, before: str, after: str) -> None:
        for node in self._readers[before]:
            node.input[:] = [after if name == before else name for name in node.input]

    def _remove(self, *nodes: NodeProto) -> None:
        for node in nodes:
            self._graph.node.remove(node)
        read = {name for node in self._graph.node for name in node.input}
        for one in [one for one in self._graph.initializer if one.name not in read]:
            self._graph.initializer.remove(one)
        self._index()


def _attribute(node: NodeProto, name: str, default: float = 0) -> float:
    for one in node.attribute:
        if one.name == name:
            value: float = onnx.helper.get_attribute_value(one)
            return value
    return default


def _is_pointwise(convolution: NodeProto) -> bool:
    lists: Mapping[str, list[int]] = {one.name: list(one.ints) for one in convolution.attribute}
    return (
        convolution.op_type == "Conv"
        and set(lists.get("kernel_shape", [0])) == {1}
        and not any(lists.get("pads", []))
        and _attribute(convolution, "group", 1) == 1
    )
