"""A tiny bundle of real ONNX graphs that detects bright blobs: fast, and exactly predictable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from convlstm_perception.engine import write_manifest

HEIGHT, WIDTH, SLOTS, STEP, CANDIDATES = 96, 160, 4, 0.1, 8
HORIZONS = (0.5, 1.0, 2.0)
BOX = (40.0, 48.0)  # of every detection in input pixels; wide, so that twin peaks become one


def write_tiny_bundle(folder: Path) -> Path:
    """Write a bundle whose boxes stand at the brightest cells of the newest frame.

    ``input_to_state`` is the brightness at stride 16, ``skip`` at stride 8. A detection's score is
    the brightness around its cell; it moves to the right by the mean brightness of the whole
    window times the horizon, so that every valid slot has its share in the answer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(_encoder(), str(folder / "encoder.onnx"))
    onnx.save(_motion(), str(folder / "motion.onnx"))
    write_manifest(
        folder,
        {
            "name": "tiny",
            "version": "1.0.0",
            "input": {"height": HEIGHT, "width": WIDTH},
            "window": {"step": STEP, "slots": SLOTS},
            "output": {
                "candidates": CANDIDATES,
                "horizons": HORIZONS,
                "classes": ["pedestrian"],
            },
            "thresholds": {"detection": 0.5, "low": 0.4},
        },
    )
    return folder


def _model(nodes, inputs, outputs, constants) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs],
        [numpy_helper.from_array(np.array(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return model


def _encoder() -> onnx.ModelProto:
    node = helper.make_node
    nodes = [
        node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        node("ReduceMean", ["float", "last"], ["grey"], keepdims=0),
        node("Div", ["grey", "white"], ["unit"]),
        node("Unsqueeze", ["unit", "one"], ["plane"]),
        node("AveragePool", ["plane"], ["skip"], kernel_shape=[8, 8], strides=[8, 8]),
        node("AveragePool", ["plane"], ["input_to_state"], kernel_shape=[16, 16], strides=[16, 16]),
    ]
    constants = {
        "last": np.array([3]),
        "one": np.array([1]),
        "white": np.array(255, np.float32),
    }
    return _model(
        nodes,
        [("image", TensorProto.UINT8, [1, HEIGHT, WIDTH, 3])],
        [
            ("input_to_state", [1, 1, HEIGHT // 16, WIDTH // 16]),
            ("skip", [1, 1, HEIGHT // 8, WIDTH // 8]),
        ],
        constants,
    )


def _motion() -> onnx.ModelProto:
    node, columns = helper.make_node, WIDTH // 8
    slots = [f"input_to_state_{slot}" for slot in range(SLOTS)]
    nodes = [
        # Smoothed over an upright figure's size, so that an even blob has one peak.
        node("AveragePool", ["skip"], ["heat"], kernel_shape=[5, 3], pads=[2, 1, 2, 1]),
        node("MaxPool", ["heat"], ["peak"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("Equal", ["heat", "peak"], ["is_peak"]),
        node("Where", ["is_peak", "heat", "nothing"], ["kept"]),
        node("Reshape", ["kept", "flat"], ["row"]),
        node("TopK", ["row", "count"], ["scores", "cells"]),
        node("Cast", ["cells"], ["cell"], to=TensorProto.FLOAT),
        node("Div", ["cell", "columns"], ["ratio"]),
        node("Floor", ["ratio"], ["y"]),
        node("Mul", ["y", "columns"], ["before"]),
        node("Sub", ["cell", "before"], ["x"]),
        node("Unsqueeze", ["x", "last"], ["x_column"]),
        node("Unsqueeze", ["y", "last"], ["y_column"]),
        node("Concat", ["x_column", "y_column"], ["corner"], axis=2),
        node("Add", ["corner", "half"], ["middle"]),
        node("Mul", ["middle", "stride"], ["centre"]),
        node("Concat", ["centre", "size"], ["boxes"], axis=2),
        # Mean brightness of the valid slots, then a shift in x that grows with the horizon.
        node("Concat", slots, ["all_slots"], axis=1),
        node("ReduceMean", ["all_slots", "spatial"], ["means"], keepdims=0),
        node("Mul", ["means", "valid"], ["counted"]),
        node("Add", ["counted", "dt"], ["timed"]),
        node("ReduceSum", ["timed", "one"], ["motion"], keepdims=0),
        node("Mul", ["motion", "steps"], ["shift"]),
        node("Unsqueeze", ["boxes", "two"], ["now"]),
        node("Add", ["now", "shift"], ["future_boxes"]),
        node("Mul", ["future_boxes", "zero"], ["nil"]),
        node("Add", ["nil", "scale"], ["future_scales"]),
    ]
    steps = np.zeros((1, 1, len(HORIZONS), 4), np.float32)
    steps[..., 0] = HORIZONS
    constants = {
        "nothing": np.array(0, np.float32),
        "flat": np.array([1, -1]),
        "count": np.array([CANDIDATES]),
        "columns": np.array(columns, np.float32),
        "last": np.array([2]),
        "half": np.array(0.5, np.float32),
        "stride": np.array(8, np.float32),
        "size": np.tile(np.array(BOX, np.float32), (1, CANDIDATES, 1)),
        "spatial": np.array([2, 3]),
        "one": np.array([1]),
        "two": np.array([2]),
        "steps": steps,
        "zero": np.array(0, np.float32),
        "scale": np.array([1.0, 1.0, 0.1, 0.1], np.float32),
    }
    grid = [1, 1, HEIGHT // 16, WIDTH // 16]
    inputs = [(name, TensorProto.FLOAT, grid) for name in slots]
    inputs.append(("skip", TensorProto.FLOAT, [1, 1, HEIGHT // 8, WIDTH // 8]))
    inputs += [(name, TensorProto.FLOAT, [1, SLOTS]) for name in ("valid", "dt")]
    future = [1, CANDIDATES, len(HORIZONS), 4]
    outputs = [
        ("boxes", [1, CANDIDATES, 4]),
        ("scores", [1, CANDIDATES]),
        ("future_boxes", future),
        ("future_scales", future),
    ]
    return _model(nodes, inputs, outputs, constants)
