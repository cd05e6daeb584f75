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
_BATCH, _GATES = "batch", 4  # four gates of one hidden channel
_COARSE = (HEIGHT // 16, WIDTH // 16)
_FINE = [_BATCH, 1, HEIGHT // 8, WIDTH // 8]
_SKIP = ("skip", TensorProto.FLOAT, _FINE)
_FUTURE = [_BATCH, CANDIDATES, len(HORIZONS), 4]
_ANSWERS = [
    ("boxes", [_BATCH, CANDIDATES, 4]),
    ("scores", [_BATCH, CANDIDATES]),
    ("future_boxes", _FUTURE),
    ("future_scales", _FUTURE),
]


def write_tiny_bundle(folder: Path) -> Path:
    """Write a bundle whose boxes stand at the brightest cells of the newest frame.

    ``input_to_state`` is the brightness at stride 16, ``skip`` at stride 8. A detection's score is
    the brightness around its cell; it moves to the right by the mean brightness of the whole
    window times the horizon, so that every valid slot has its share in the answer. ``step.onnx``
    carries that sum on, the brightness in the hidden state and the times in the cell state.
    """
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(_encoder(), str(folder / "encoder.onnx"))
    onnx.save(_motion(), str(folder / "motion.onnx"))
    onnx.save(_step(), str(folder / "step.onnx"))
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
        node("AveragePool", ["plane"], ["coarse"], kernel_shape=[16, 16], strides=[16, 16]),
        node("Concat", ["coarse"] * _GATES, ["input_to_state"], axis=1),
    ]
    constants = {
        "last": np.array([3]),
        "one": np.array([1]),
        "white": np.array(255, np.float32),
    }
    return _model(
        nodes,
        [("image", TensorProto.UINT8, [_BATCH, HEIGHT, WIDTH, 3])],
        [("input_to_state", [_BATCH, _GATES, *_COARSE]), ("skip", _FINE)],
        constants,
    )


def _motion() -> onnx.ModelProto:
    """``all_slots`` is (batch, T, gates, height, width): its mean is counted where it is valid."""
    node = helper.make_node
    slots = [f"input_to_state_{slot}" for slot in range(SLOTS)]
    planes = [f"slot_{slot}" for slot in range(SLOTS)]
    nodes = [
        *[
            node("Unsqueeze", [slot, "one"], [plane])
            for slot, plane in zip(slots, planes, strict=True)
        ],
        node("Concat", planes, ["all_slots"], axis=1),
        node("ReduceMean", ["all_slots", "of_slot"], ["means"], keepdims=0),
        node("Mul", ["means", "valid"], ["counted"]),
        node("Add", ["counted", "dt"], ["timed"]),
        node("ReduceSum", ["timed", "one"], ["motion"], keepdims=0),
        *_answer(),
    ]
    flags = [(name, TensorProto.FLOAT, [_BATCH, SLOTS]) for name in ("valid", "dt")]
    return _model(
        nodes,
        [*[(name, TensorProto.FLOAT, [_BATCH, _GATES, *_COARSE]) for name in slots], _SKIP, *flags],
        _ANSWERS,
        {**_constants(), "of_slot": np.array([2, 3, 4])},
    )


def _step() -> onnx.ModelProto:
    node = helper.make_node
    nodes = [
        node("ReduceMean", ["input_to_state", "one"], ["brightness"]),
        node("Add", ["hidden", "brightness"], ["next_hidden"]),
        node("Unsqueeze", ["dt", "behind"], ["elapsed"]),
        node("Add", ["cell", "elapsed"], ["next_cell"]),
        node("Add", ["next_hidden", "next_cell"], ["state"]),
        node("ReduceMean", ["state", "of_state"], ["motion"], keepdims=0),
        *_answer(),
    ]
    state = [_BATCH, _GATES // 4, *_COARSE]
    inputs = {"input_to_state": [_BATCH, _GATES, *_COARSE], "hidden": state, "cell": state}
    inputs["dt"] = [_BATCH, 1]
    return _model(
        nodes,
        [*[(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()], _SKIP],
        [*_ANSWERS, ("next_hidden", state), ("next_cell", state)],
        {**_constants(), "behind": np.array([2, 3]), "of_state": np.array([1, 2, 3])},
    )


def _answer() -> list[onnx.NodeProto]:
    """From ``skip`` and ``motion`` (batch), the shift in x per second, to the four answers."""
    node = helper.make_node
    return [
        # Smoothed over an upright figure's size, so that an even blob has one peak.
        node("AveragePool", ["skip"], ["heat"], kernel_shape=[5, 3], pads=[2, 1, 2, 1]),
        node("MaxPool", ["heat"], ["peak"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("Equal", ["heat", "peak"], ["is_peak"]),
        node("Where", ["is_peak", "heat", "zero"], ["kept"]),
        node("Flatten", ["kept"], ["row"]),
        node("TopK", ["row", "count"], ["scores", "cells"]),
        node("Cast", ["cells"], ["cell_number"], to=TensorProto.FLOAT),
        node("Div", ["cell_number", "columns"], ["ratio"]),
        node("Floor", ["ratio"], ["y"]),
        node("Mul", ["y", "columns"], ["before"]),
        node("Sub", ["cell_number", "before"], ["x"]),
        node("Unsqueeze", ["x", "two"], ["x_column"]),
        node("Unsqueeze", ["y", "two"], ["y_column"]),
        node("Concat", ["x_column", "y_column"], ["corner"], axis=2),
        node("Add", ["corner", "half"], ["middle"]),
        node("Mul", ["middle", "stride"], ["centre"]),
        node("Mul", ["corner", "zero"], ["no_size"]),
        node("Add", ["no_size", "side"], ["size"]),
        node("Concat", ["centre", "size"], ["boxes"], axis=2),
        # A shift in x that grows with the horizon.
        node("Unsqueeze", ["motion", "last_three"], ["speed"]),
        node("Mul", ["speed", "steps"], ["shift"]),
        node("Unsqueeze", ["boxes", "two"], ["now"]),
        node("Add", ["now", "shift"], ["future_boxes"]),
        node("Mul", ["future_boxes", "zero"], ["nil"]),
        node("Add", ["nil", "scale"], ["future_scales"]),
    ]


def _constants() -> dict[str, np.ndarray]:
    steps = np.zeros((1, 1, len(HORIZONS), 4), np.float32)
    steps[..., 0] = HORIZONS
    return {
        "zero": np.array(0, np.float32),
        "count": np.array([CANDIDATES]),
        "columns": np.array(WIDTH // 8, np.float32),
        "one": np.array([1]),
        "two": np.array([2]),
        "half": np.array(0.5, np.float32),
        "stride": np.array(8, np.float32),
        "side": np.array(BOX, np.float32),
        "last_three": np.array([1, 2, 3]),
        "steps": steps,
        "scale": np.array([1.0, 1.0, 0.1, 0.1], np.float32),
    }
