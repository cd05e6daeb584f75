"""Engines of small graphs by the real TensorRT-RTX builder; what it refuses is told with a mend."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from convlstm_perception.engine.tensorrt.bindings import TensorRtBindings, load_bindings
from convlstm_perception.engine.tensorrt.builder import BuildRequest, BuiltEngine, build_engine
from convlstm_perception.engine.tensorrt.report import (
    EngineReport,
    LayerReport,
    TensorReport,
    kernels_of,
)
from convlstm_perception.engine.tensorrt.target import Target
from convlstm_perception.errors import EngineError
from tests.support.onnx_graph import FLOAT, HALF, UINT8, convolution, onnx_graph

pytest.importorskip("tensorrt_rtx")


@pytest.fixture
def bindings() -> TensorRtBindings:
    return load_bindings("tensorrt-rtx")


def build(bindings: TensorRtBindings, graph: bytes, **changes: object) -> BuiltEngine:
    progress = changes.pop("progress", None)
    values = {
        "graph": "small.onnx",
        "target": Target("sm86"),
        "cameras": 4,
        "workspace_mb": 256,
        "timings": Path("nowhere"),
    }
    return build_engine(bindings, graph, BuildRequest(**{**values, **changes}), progress)


def test_types_and_shapes_are_those_of_the_graph(bindings: TensorRtBindings) -> None:
    for dtype, name in ((FLOAT, "float32"), (HALF, "float16")):
        report = build(bindings, convolution(dtype)).report
        assert report.inputs == (TensorReport("image", (1, 3, 16, 16), name),)
        assert report.outputs == (TensorReport("features", (1, 8, 16, 16), name),)
        assert LayerReport("convolution", name, 1) in report.layers
        assert LayerReport("activation", name, 1) in report.layers
        assert {layer.dtype for layer in report.layers} == {name}
        assert (report.batch, report.kernels) == ((1, 1), ())
        assert EngineReport.from_json(json.loads(json.dumps(report.to_json()))) == report


def test_an_open_batch_is_served_up_to_the_number_of_cameras(bindings: TensorRtBindings) -> None:
    graph = convolution(batch="batch")
    four, one = build(bindings, graph), build(bindings, graph, cameras=1)
    assert (four.report.batch, one.report.batch) == ((1, 4), (1, 1))
    assert four.report.inputs[0].shape == (-1, 3, 16, 16)


def test_every_compute_capability_is_built_for(bindings: TensorRtBindings) -> None:
    assert len(bindings.compute_capabilities) >= 6
    for name in bindings.compute_capabilities:
        assert build(bindings, convolution(HALF), target=Target(name)).plan


def test_progress_is_told(bindings: TensorRtBindings) -> None:
    told: list[tuple[str, int, int]] = []
    build(bindings, convolution(), progress=lambda *step: told.append(step))
    assert "Building engine" in {phase for phase, _, _ in told}
    assert all(1 <= done <= steps for _, done, steps in told)


def test_what_progress_raises_ends_the_build(bindings: TensorRtBindings) -> None:
    calls = []

    def interrupt(*step: object) -> None:
        calls.append(step)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(bindings, convolution(), progress=interrupt)
    assert len(calls) == 1
    assert build(bindings, convolution()).plan


def node(operator: str, inputs: list[str], output: str, **attributes: object) -> object:
    return helper.make_node(operator, inputs, [output], name=f"the_{operator}", **attributes)


def graph(
    *nodes: object,
    x: tuple[int, list[int | str]] = (FLOAT, [1, 4]),
    y: tuple[int, list[int | str | None]] = (FLOAT, [1, 4]),
    **constants: np.ndarray,
) -> bytes:
    return onnx_graph(nodes, {"x": x}, {"y": y}, constants)


REFUSED = {
    "unknown operator": (
        graph(node("Frobnicate", ["x"], "y")),
        ["node 'the_Frobnicate' (Frobnicate)", "Plugin not found", "no such operator"],
    ),
    "mixed precision": (
        graph(node("Cast", ["x"], "half", to=HALF), node("Add", ["x", "half"], "y")),
        ["node 'the_Add' (Add)", "types Float and Half", "put a Cast before it"],
    ),
    "uint8 that is not cast": (
        graph(node("Add", ["x", "x"], "y"), x=(UINT8, [1, 4]), y=(UINT8, [1, 4])),
        ["node 'the_Add' (Add)", "type is UInt8", "let a Cast be the first node"],
    ),
    "uint8 that is transposed": (
        graph(
            node("Transpose", ["x"], "turned", perm=[1, 0]),
            node("Cast", ["turned"], "y", to=FLOAT),
            x=(UINT8, [1, 4]),
            y=(FLOAT, [4, 1]),
        ),
        ["node 'the_Transpose' (Transpose)", "UInt8", "let a Cast be the first node"],
    ),
    "output of unknown size": (
        graph(node("NonZero", ["x"], "y"), y=(7, [2, None])),
        ["node 'the_NonZero' (NonZero)", "plugin creator", "no such operator"],
    ),
    "open height": (
        graph(node("Relu", ["x"], "y"), x=(FLOAT, [1, "high"]), y=(FLOAT, [1, "high"])),
        ["input 'x' is (1, -1)", "only the batch", "other sizes fixed"],
    ),
    "too many peaks": (
        graph(
            helper.make_node("TopK", ["x", "k"], ["y", "cells"], name="the_TopK"),
            x=(FLOAT, [1, 8000]),
            y=(FLOAT, [1, 4000]),
            k=np.array([4000]),
        ),
        ["layer 'the_TopK' (TOPK)", "K exceeds the maximum value allowed (3840)", "fewer"],
    ),
    "suppression in the graph": (
        onnx_graph(
            [node("NonMaxSuppression", ["boxes", "scores"], "kept")],
            {"boxes": (FLOAT, [1, 10, 4]), "scores": (FLOAT, [1, 1, 10])},
            {"kept": (7, [None, 3])},
        ),
        ["(NMS of node 'the_NonMaxSuppression')", "has no runners", "leave it to the program"],
    ),
    "no graph": (b"garbage" * 10, ["cannot read the file", "Failed to parse", "export it again"]),
    "half a graph": (convolution()[:-300], ["cannot read", "small.onnx"]),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_refusal_names_node_words_and_mend(
    what: str, bindings: TensorRtBindings, caplog: pytest.LogCaptureFixture
) -> None:
    refused, words = REFUSED[what]
    with pytest.raises(EngineError) as caught:
        build(bindings, refused)
    message = str(caught.value)
    assert message.startswith("small.onnx: ")
    for word in words:
        assert word in message
    assert "cudaError 35" not in message and "/_src/" not in message
    # What is in the exception is not logged besides.
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_float32_matrices_are_too_much_for_turing(bindings: TensorRtBindings) -> None:
    product = graph(node("MatMul", ["x", "w"], "y"), w=np.ones((4, 4), np.float32))
    assert build(bindings, product, target=Target("sm80")).plan
    with pytest.raises(EngineError, match=r"'the_MatMul' \(MATRIX_MULTIPLY\).*itself \(--backend"):
        build(bindings, product, target=Target("sm75"))


def test_a_batch_of_none_is_refused_with_the_words(bindings: TensorRtBindings) -> None:
    with pytest.raises(EngineError, match="MIN<=OPT<=MAX"):
        build(bindings, convolution(batch="batch"), cameras=0)


def test_a_scalar_is_no_batch(bindings: TensorRtBindings) -> None:
    scaled = graph(node("Mul", ["image", "x"], "y"), x=(FLOAT, []), image=np.ones((1, 4), "f"))
    report = build(bindings, scaled).report
    assert (report.inputs[0].shape, report.batch) == ((), (1, 1))


def test_kernels_are_counted_by_kind_and_type() -> None:
    """The form of the inspector's answer is that of NVIDIA's documentation."""
    half, quarter = ({"Format/Datatype": name} for name in ("Half", "Int8"))
    layers = [
        {"Name": "a", "LayerType": "CaskConvolution", "Outputs": [half]},
        {"Name": "b", "LayerType": "CaskConvolution", "Outputs": [half, quarter]},
        {"Name": "c", "LayerType": "NoOp", "Outputs": []},
        "only a name",
    ]
    assert kernels_of({"Layers": layers, "Bindings": []}) == (
        LayerReport("CaskConvolution", "Half", 2),
        LayerReport("NoOp", "none", 1),
        LayerReport("unknown", "unknown", 1),
    )
