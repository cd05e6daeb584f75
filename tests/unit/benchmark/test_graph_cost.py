"""Operations and bytes of graphs, against counts made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from convlstm_perception.benchmark.device_rates import DeviceRates
from convlstm_perception.benchmark.graph_cost import convolution_shapes, graph_cost
from convlstm_perception.benchmark.roofline import roofline
from convlstm_perception.errors import BundleError


def save(path: Path, nodes, inputs, outputs, weights) -> Path:
    def values(shapes):
        return [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in shapes.items()
        ]

    graph = helper.make_graph(
        nodes,
        "counted",
        values(inputs),
        values(outputs),
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, path)
    return path


@pytest.fixture
def counted(tmp_path: Path) -> Path:
    """A 3x3 convolution of 2 to 4 channels with bias on 5x6 pixels, then relu, then a sum."""
    return save(
        tmp_path / "counted.onnx",
        [
            helper.make_node("Conv", ["x", "w", "b"], ["y"], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["y"], ["z"]),
            helper.make_node("Reshape", ["z", "shape"], ["flat"]),
            helper.make_node("ReduceSum", ["flat", "axis"], ["total"], keepdims=0),
        ],
        {"x": ["batch", 2, 5, 6]},
        {"total": ["batch"]},
        {
            "w": np.ones((4, 2, 3, 3), np.float32),
            "b": np.ones(4, np.float32),
            "shape": np.array([-1, 120]),
            "axis": np.array([1]),
        },
    )


def test_operations_and_bytes_are_those_counted_by_hand(counted: Path) -> None:
    cost = graph_cost(counted)
    given = 4 * 5 * 6
    assert [(node.operator, node.flops) for node in cost.nodes] == [
        ("Conv", 2 * given * 2 * 9 + given),
        ("Relu", given),
        ("Reshape", 0),
        ("ReduceSum", given),
    ]
    image, weights = 4 * 2 * 5 * 6, 4 * (4 * 2 * 9 + 4)
    conv, relu, reshape, total = cost.nodes
    assert conv.nbytes == image + weights + 4 * given
    assert relu.nbytes == 2 * 4 * given
    assert reshape.nbytes == 0
    assert total.nbytes == 4 * given + 8 + 4
    assert cost.least_bytes == image + weights + 16 + 8 + 4  # shape, axis, total


def test_weights_of_convolutions_are_told(counted: Path) -> None:
    assert convolution_shapes(counted) == [(4, 2, 3, 3)]


def test_what_is_no_graph_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"\x00\x01 not a graph")
    with pytest.raises(BundleError, match=r"broken\.onnx"):
        graph_cost(path)


def test_the_floor_is_the_slower_of_arithmetic_and_memory(counted: Path) -> None:
    cost = graph_cost(counted)
    fast_copy = DeviceRates(copy=1e12, matrix=1e6, how="")
    slow_copy = DeviceRates(copy=1e5, matrix=1e12, how="")
    bound = roofline(cost, fast_copy, measured_ms=10.0)
    assert bound.floor_ms == pytest.approx(1e3 * cost.flops / 1e6, abs=1e-3)
    assert bound.share == pytest.approx(bound.floor_ms / 10.0, abs=1e-3)
    full = roofline(cost, slow_copy, 10.0)
    assert full.floor_ms == pytest.approx(1e3 * cost.least_bytes / 1e5, abs=1e-3)
    assert roofline(cost, slow_copy, 10.0, halved=True).floor_ms == pytest.approx(
        full.floor_ms / 2, abs=1e-3
    )
