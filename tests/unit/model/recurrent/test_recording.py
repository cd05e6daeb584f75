"""What is recorded of the layers: ONNX graphs, and graphs of torch.compile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from convlstm_perception.model import ConvGRU, ConvLSTM, EncoderForecaster
from convlstm_perception.model.recurrent.stack import RecurrentStack

CASES: list[tuple[type[RecurrentStack[Any]], dict[str, Any]]] = [
    (ConvLSTM, {"peepholes": True, "cell_clamp": 6.0}),
    (ConvLSTM, {"recurrence": "depthwise", "time_gates": True}),
    (ConvLSTM, {"recurrence": "grouped", "groups": 2}),
    (ConvLSTM, {"recurrence": "bottleneck"}),
    (ConvLSTM, {"normalization": "layer", "zoneout": 0.1}),
    (ConvGRU, {"bidirectional": True}),
]
# Nothing that an accelerator's compiler stumbles over.
LOOPS = {"Loop", "Scan", "If", "LSTM", "GRU", "NonZero"}


@pytest.mark.parametrize(("stack", "options"), CASES)
def test_an_onnx_graph_answers_the_same(
    stack: type[RecurrentStack[Any]], options: dict[str, Any], tmp_path: Path
) -> None:
    """From a state, with one input and one output for each of its tensors."""
    torch.manual_seed(0)
    layers = stack(3, [4, 4], **options).eval()
    frames, names = torch.randn(2, 3, 3, 8, 9), layers.state_names()
    with torch.no_grad():
        _, state = layers(frames)
        expected, after = layers(frames, state)
    path = tmp_path / "layers.onnx"
    torch.onnx.export(
        layers,
        (frames, state),
        path,
        dynamo=True,
        opset_version=18,
        input_names=["frames", *names],
        output_names=["outputs", *(f"{name}_after" for name in names)],
        verbose=False,
    )
    kinds = {node.op_type for node in onnx.load(path).graph.node}
    assert not kinds & LOOPS
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    feeds = dict(zip(["frames", *names], [frames, *state], strict=True))
    answers = session.run(None, {name: tensor.numpy() for name, tensor in feeds.items()})
    for ours, theirs in zip(answers, [expected, *after], strict=True):
        assert np.abs(ours - theirs.numpy()).max() < 1e-5


@pytest.mark.parametrize(("stack", "options"), CASES)
def test_a_layer_is_one_graph_to_torch_compile(
    stack: type[RecurrentStack[Any]], options: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    layers = stack(3, [4], **options)
    compiled = torch.compile(layers, fullgraph=True, backend="aot_eager")
    frames = torch.randn(2, 3, 3, 8, 9)
    layers.eval()
    (ours, state), (theirs, other) = layers(frames), compiled(frames)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(state, other)
    gradients = [
        torch.autograd.grad(answer.square().sum(), list(layers.parameters()), allow_unused=True)
        for answer in (ours, theirs)
    ]
    for one, two in zip(*gradients, strict=True):
        assert (one is None) == (two is None)
        if one is not None:
            torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-4)


def test_a_forecaster_can_be_exported(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = EncoderForecaster(1, (4, 4), 3).eval()
    frames = torch.rand(1, 3, 1, 10, 13)
    path = tmp_path / "forecaster.onnx"
    torch.onnx.export(network, (frames, 2), path, dynamo=True, opset_version=18, verbose=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {session.get_inputs()[0].name: frames.numpy()})
    with torch.no_grad():
        assert np.abs(answer - network(frames, 2).numpy()).max() < 1e-5
