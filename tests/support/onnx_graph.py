"""Small ONNX graphs, as bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from convlstm_perception.engine.bundle import MANIFEST
from tests.support.graphs import HEIGHT, WIDTH, write_tiny_bundle

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


def write_convolution_bundle(folder: Path) -> Path:
    """The tiny bundle with an encoder of convolutions, which can be quantised."""
    write_tiny_bundle(folder)
    encoder = onnx_graph(
        [
            helper.make_node("Cast", ["image"], ["float"], to=FLOAT),
            helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]),
            helper.make_node("Conv", ["planes", "first"], ["skip"], strides=[8, 8]),
            helper.make_node("Conv", ["skip", "second"], ["input_to_state"], strides=[2, 2]),
        ],
        {"image": (UINT8, [1, HEIGHT, WIDTH, 3])},
        {
            "skip": (FLOAT, [1, 1, HEIGHT // 8, WIDTH // 8]),
            "input_to_state": (FLOAT, [1, 1, HEIGHT // 16, WIDTH // 16]),
        },
        {
            "first": np.full((1, 3, 8, 8), 1 / 192, np.float32),
            "second": np.full((1, 1, 2, 2), 1 / 4, np.float32),
        },
    )
    manifest, path = folder / MANIFEST, folder / "encoder.onnx"
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_bytes(encoder)
    after = hashlib.sha256(encoder).hexdigest()
    manifest.write_text(manifest.read_text().replace(before, after))
    return folder
