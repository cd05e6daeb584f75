"""Derivatives of every option, in float64: against differences, and against autograd's own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck

from convlstm_perception.model import ConvGRU, ConvLSTM
from convlstm_perception.model.recurrent.stack import RecurrentStack

BATCH, STEPS, CHANNELS, SPACE = 2, 3, 2, (4, 5, 3)

OPTIONS: dict[str, dict[str, Any]] = {
    "dense": {},
    "depthwise": {"recurrence": "depthwise"},
    "grouped": {"recurrence": "grouped", "groups": 2},
    "bottleneck": {"recurrence": "bottleneck", "bottleneck_channels": 3},
    "peepholes": {"peepholes": True},
    "spatial peepholes": {"peepholes": SPACE[:2]},
    "clamp": {"cell_clamp": 0.3},
    "layer norm": {"normalization": "layer"},
    "group norm": {"normalization": "group"},
    "zoneout": {"zoneout": (0.2, 0.4)},
    "dropout": {"dropout": 0.3},
    "bidirectional": {"bidirectional": True},
    "time gates": {"time_gates": True},
    "strided input": {"stride": (2, 1), "dilation": 2, "input_kernel_size": 5},
    "valid input": {"padding": "valid", "input_groups": 2, "kernel_size": (3, 1)},
    "recurrent dilation": {"recurrent_dilation": 2},
    "1-D": {"dimensions": 1},
    "3-D": {"dimensions": 3},
    "time first": {"batch_first": False},
    "recomputed": {"recompute": True},
    "all at once": {
        "recurrence": "grouped",
        "groups": 2,
        "peepholes": True,
        "cell_clamp": 0.3,
        "time_gates": True,
        "bidirectional": True,
        "recompute": True,
    },
    "depthwise with peepholes": {"recurrence": "depthwise", "peepholes": True, "cell_clamp": 0.3},
}
OF_CELL_STATE = {"bottleneck_channels", "peepholes", "cell_clamp"}
OF_GRU = {
    name: options
    for name, options in OPTIONS.items()
    if not OF_CELL_STATE & options.keys() and name != "zoneout"
} | {"zoneout": {"zoneout": 0.3}}


def make(stack: type[RecurrentStack[Any]], options: dict[str, Any]) -> RecurrentStack[Any]:
    """Two layers whose gates are neither shut nor open."""
    torch.manual_seed(0)
    layers = stack(CHANNELS, [4, 2], **options).double()
    for parameter in layers.parameters():
        nn.init.normal_(parameter, std=0.4)
    return layers


def frames(options: dict[str, Any]) -> Tensor:
    order = (BATCH, STEPS) if options.get("batch_first", True) else (STEPS, BATCH)
    space = SPACE[: options.get("dimensions", 2)]
    return torch.randn(*order, CHANNELS, *space, dtype=torch.float64, requires_grad=True)


def times(options: dict[str, Any]) -> dict[str, Tensor]:
    return {"dt": torch.rand(BATCH, STEPS).double()} if options.get("time_gates") else {}


def check_gradients(stack: type[RecurrentStack[Any]], options: dict[str, Any]) -> None:
    """From a state and from none; dropout's and zoneout's chances are the same at every call."""
    layers = make(stack, options)
    inputs, signals = frames(options), times(options)
    parameters = list(layers.parameters())

    def run(inputs: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        torch.manual_seed(1)
        outputs, after = layers.run(inputs, rest[: -len(parameters)] or None, **signals)
        return (outputs, *after)

    assert gradcheck(run, (inputs, *parameters), fast_mode=True)
    state = tuple(torch.randn_like(part).requires_grad_() for part in layers.run(inputs)[1])
    assert gradcheck(run, (inputs, *state, *parameters), fast_mode=True)


@pytest.mark.parametrize("name", OPTIONS)
def test_gradients_of_a_convlstm(name: str) -> None:
    check_gradients(ConvLSTM, OPTIONS[name])


@pytest.mark.parametrize("name", OF_GRU)
def test_gradients_of_a_convgru(name: str) -> None:
    check_gradients(ConvGRU, OF_GRU[name])


@pytest.mark.parametrize("name", OPTIONS)
def test_written_out_derivatives_equal_those_of_autograd(name: str) -> None:
    """Beyond float64's rounding nothing differs, whether the sequence begins at zero or not."""
    options = OPTIONS[name]
    written, followed = (
        make(ConvLSTM, options),
        make(ConvLSTM, {**options, "double_backward": True}),
    )
    followed.load_state_dict(written.state_dict())
    inputs, signals = frames(options), times(options)
    state = tuple(torch.randn_like(part).requires_grad_() for part in written.run(inputs)[1])
    for begin in ((), state):
        results = []
        for layers in (written, followed):
            torch.manual_seed(1)
            outputs, after = layers.run(inputs, begin or None, **signals)
            answers = [outputs, *after]
            loss = torch.stack([answer.square().sum() for answer in answers]).sum()
            leaves = [inputs, *begin, *layers.parameters()]
            results.append([*answers, *torch.autograd.grad(loss, leaves)])
        for ours, theirs in zip(*results, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", OPTIONS)
def test_without_gradients_the_same_comes_out(name: str) -> None:
    layers = make(ConvLSTM, OPTIONS[name]).eval()
    inputs, signals = frames(OPTIONS[name]), times(OPTIONS[name])
    trained = layers.run(inputs, **signals)
    with torch.no_grad():
        answered = layers.run(inputs, **signals)
    torch.testing.assert_close(answered, trained, rtol=0.0, atol=0.0)


def test_only_part_of_the_answers_need_a_gradient() -> None:
    layers = make(ConvLSTM, {"peepholes": True})
    followed = make(ConvLSTM, {"peepholes": True, "double_backward": True})
    followed.load_state_dict(layers.state_dict())
    for wanted in ("outputs", "hidden", "cell"):
        gradients = []
        for model in (layers, followed):
            outputs, after = model.run(frames({}).detach().fill_(0.5))
            answer = {"outputs": outputs[:, :-1], "hidden": after[2], "cell": after[3]}[wanted]
            parameters = list(model.parameters())
            gradients.append(torch.autograd.grad(answer.sum(), parameters, allow_unused=True))
        for ours, theirs in zip(*gradients, strict=True):
            zeros = torch.zeros_like(theirs) if theirs is not None else None
            torch.testing.assert_close(ours if ours is not None else zeros, theirs)


def test_gradients_have_gradients_where_asked() -> None:
    layers = make(ConvLSTM, {"double_backward": True, "peepholes": True})
    inputs = frames({})
    assert gradgradcheck(lambda x: layers.run(x)[0], (inputs,), fast_mode=True)
    outputs, _ = make(ConvLSTM, {}).run(inputs)
    (gradient,) = torch.autograd.grad(outputs.sum(), inputs, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
