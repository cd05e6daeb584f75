"""Weights of other libraries' ConvLSTMs: same answers, and what does not fit is named.

The three PyTorch libraries are held against their equations, written out here in their own form;
Keras against its real layers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from convlstm_perception.errors import WeightImportError
from convlstm_perception.model import ConvLSTM
from convlstm_perception.model.weight_import import (
    from_automan000,
    from_ndrplz,
    from_openstl,
    openstl_readout,
)

TOLERANCE = 1e-5
BATCH, STEPS, HEIGHT, WIDTH = 2, 4, 6, 7
INPUTS, HIDDEN, KERNEL = 3, (4, 6), 3

StateDict = dict[str, Tensor]
Step = Callable[[StateDict, int, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return functional.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)


def unroll(step: Step, weights: StateDict, frames: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Layers over a sequence, each from the zero state: hidden states, and all final states."""
    states = []
    for layer, hidden in enumerate(HIDDEN):
        h = c = torch.zeros(BATCH, hidden, HEIGHT, WIDTH)
        answers = []
        for frame in frames.unbind(1):
            h, c = step(weights, layer, frame, h, c)
            answers.append(h)
        frames = torch.stack(answers, 1)
        states += [h, c]
    return frames, states


def assert_same(stack: ConvLSTM, step: Step, weights: StateDict) -> None:
    frames = torch.randn(BATCH, STEPS, INPUTS, HEIGHT, WIDTH)
    expected, expected_states = unroll(step, weights, frames)
    with torch.no_grad():
        outputs, states = stack(frames)
    torch.testing.assert_close(outputs, expected, atol=TOLERANCE, rtol=0)
    for have, want in zip(states, expected_states, strict=True):
        torch.testing.assert_close(have, want, atol=TOLERANCE, rtol=0)


# ndrplz/ConvLSTM_pytorch: one convolution of cat[x, h], gates i, f, o, g.


def ndrplz_weights(*, bias: bool = True) -> StateDict:
    weights: StateDict = {}
    for layer, (inputs, hidden) in enumerate(zip((INPUTS, *HIDDEN), HIDDEN, strict=False)):
        key = f"cell_list.{layer}.conv."
        weights[key + "weight"] = 0.2 * torch.randn(4 * hidden, inputs + hidden, KERNEL, KERNEL)
        if bias:
            weights[key + "bias"] = torch.randn(4 * hidden)
    return weights


def ndrplz_step(
    weights: StateDict, layer: int, x: Tensor, h: Tensor, c: Tensor
) -> tuple[Tensor, Tensor]:
    key = f"cell_list.{layer}.conv."
    combined = convolve(torch.cat([x, h], 1), weights[key + "weight"], weights.get(key + "bias"))
    i, f, o, g = combined.chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


@pytest.mark.parametrize("bias", [True, False])
def test_ndrplz(bias: bool) -> None:
    torch.manual_seed(0)
    weights = ndrplz_weights(bias=bias)
    assert_same(from_ndrplz(weights), ndrplz_step, weights)


def test_it_is_found_in_a_larger_network_and_keeps_the_dtype() -> None:
    weights = {f"model.lstm.{key}": w.double() for key, w in ndrplz_weights().items()}
    weights["model.head.weight"] = torch.zeros(1)
    checkpoint = {"epoch": 3, "state_dict": weights}
    stack = from_ndrplz(checkpoint)
    assert not stack.training
    assert {parameter.dtype for parameter in stack.parameters()} == {torch.float64}
    kernel = weights["model.lstm.cell_list.0.conv.weight"]
    assert torch.equal(stack.cells[0].input_to_state.weight[:4], kernel[:4, :INPUTS])


def test_of_two_the_prefix_names_one() -> None:
    torch.manual_seed(1)
    first, second = ndrplz_weights(), ndrplz_weights()
    both = {f"a.{k}": w for k, w in first.items()} | {f"b.{k}": w for k, w in second.items()}
    with pytest.raises(WeightImportError, match=r"2 ConvLSTMs .* 'a\.', 'b\.'; .* prefix="):
        from_ndrplz(both)
    assert_same(from_ndrplz(both, prefix="b."), ndrplz_step, second)


# automan000/Convolutional_LSTM_PyTorch: convolutions for each gate, peepholes.


def automan000_weights(peephole_space: tuple[int, int] | None) -> StateDict:
    weights: StateDict = {}
    for layer, (inputs, hidden) in enumerate(zip((INPUTS, *HIDDEN), HIDDEN, strict=False)):
        for gate in "ifco":
            key = f"cell{layer}.W"
            weights[f"{key}x{gate}.weight"] = 0.2 * torch.randn(hidden, inputs, KERNEL, KERNEL)
            weights[f"{key}x{gate}.bias"] = torch.randn(hidden)
            weights[f"{key}h{gate}.weight"] = 0.2 * torch.randn(hidden, hidden, KERNEL, KERNEL)
            if peephole_space is not None and gate != "c":
                weights[f"{key}c{gate}"] = torch.randn(1, hidden, *peephole_space)
    return weights


def automan000_step(
    weights: StateDict, layer: int, x: Tensor, h: Tensor, c: Tensor
) -> tuple[Tensor, Tensor]:
    def both(gate: str) -> Tensor:
        key = f"cell{layer}.W"
        from_input = convolve(x, weights[f"{key}x{gate}.weight"], weights[f"{key}x{gate}.bias"])
        return from_input + convolve(h, weights[f"{key}h{gate}.weight"])

    def look(gate: str, cell: Tensor) -> Tensor:
        return cell * weights.get(f"cell{layer}.Wc{gate}", torch.zeros(()))

    i = torch.sigmoid(both("i") + look("i", c))
    f = torch.sigmoid(both("f") + look("f", c))
    c = f * c + i * torch.tanh(both("c"))
    o = torch.sigmoid(both("o") + look("o", c))
    return o * torch.tanh(c), c


@pytest.mark.parametrize("space", [None, (1, 1), (HEIGHT, WIDTH)])
def test_automan000(space: tuple[int, int] | None) -> None:
    torch.manual_seed(2)
    weights = automan000_weights(space)
    assert_same(from_automan000(weights), automan000_step, weights)


def test_automan000_peepholes_of_another_shape() -> None:
    weights = automan000_weights((1, 1))
    weights["cell0.Wco"] = torch.zeros(1, HIDDEN[0], 2, 2)
    with pytest.raises(WeightImportError, match=r"cell0\.: Wci, Wcf, Wco have the shapes"):
        from_automan000(weights)


# OpenSTL: two convolutions without biases, gates i, f, g, o, and weights that nothing reads.


def openstl_weights() -> StateDict:
    weights: StateDict = {"conv_last.weight": torch.randn(16, HIDDEN[-1], 1, 1)}
    for layer, (inputs, hidden) in enumerate(zip((INPUTS, *HIDDEN), HIDDEN, strict=False)):
        key = f"cell_list.{layer}."
        weights[f"{key}conv_x.0.weight"] = 0.2 * torch.randn(4 * hidden, inputs, KERNEL, KERNEL)
        weights[f"{key}conv_h.0.weight"] = 0.2 * torch.randn(4 * hidden, hidden, KERNEL, KERNEL)
        weights[f"{key}conv_o.0.weight"] = torch.randn(hidden, 2 * hidden, KERNEL, KERNEL)
        weights[f"{key}conv_last.weight"] = torch.randn(hidden, 2 * hidden, 1, 1)
    return weights


def openstl_step(
    weights: StateDict, layer: int, x: Tensor, h: Tensor, c: Tensor
) -> tuple[Tensor, Tensor]:
    key = f"cell_list.{layer}."
    from_input = convolve(x, weights[f"{key}conv_x.0.weight"]).chunk(4, 1)
    from_state = convolve(h, weights[f"{key}conv_h.0.weight"]).chunk(4, 1)
    i, f, g, o = (a + b for a, b in zip(from_input, from_state, strict=True))
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def test_openstl() -> None:
    torch.manual_seed(3)
    weights = openstl_weights()
    assert_same(from_openstl(weights), openstl_step, weights)
    hidden = torch.randn(BATCH, HIDDEN[-1], HEIGHT, WIDTH)
    frame = openstl_readout(weights)(hidden)
    torch.testing.assert_close(frame, convolve(hidden, weights["conv_last.weight"]))


def test_openstl_layer_norm_is_refused() -> None:
    weights = openstl_weights()
    weights["cell_list.0.conv_x.1.weight"] = torch.ones(4 * HIDDEN[0], HEIGHT, WIDTH)
    with pytest.raises(WeightImportError, match=r"layer_norm .* Only layer_norm = 0"):
        from_openstl(weights)


# What does not fit.


def drop(key: str) -> Callable[[StateDict], object]:
    return lambda weights: weights.pop(key)


def put(key: str, *shape: int) -> Callable[[StateDict], object]:
    return lambda weights: weights.update({key: torch.zeros(shape)})


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (drop("cell_list.0.conv.weight"), r"no ConvLSTM of ndrplz.* 'cell_list\.0\.conv\.weight'"),
        (put("cell_list.0.norm.weight", 4), r"does not have: cell_list\.0\.norm\.weight"),
        (put("cell_list.0.conv.weight", 16, 7, 3, 5), r"cell_list\.0: kernel \(3, 5\); .* equal"),
        (put("cell_list.0.conv.weight", 16, 7, 4, 4), r"cell_list\.0: kernel \(4, 4\); .* odd"),
        (put("cell_list.0.conv.weight", 15, 7, 3, 3), r"cell_list\.0: an input kernel of shape"),
        (put("cell_list.0.conv.bias", 12), r"cell_list\.0: bias of shape \(12,\)"),
        (
            put("cell_list.1.conv.weight", 24, 12, 3, 3),
            r"1 takes 6 channels, but cell_list\.0 .* 4",
        ),
    ],
)
def test_what_does_not_fit_is_named(change: Callable[[StateDict], object], error: str) -> None:
    weights = ndrplz_weights()
    change(weights)
    with pytest.raises(WeightImportError, match=error):
        from_ndrplz(weights)


@pytest.mark.parametrize("reader", [from_ndrplz, from_automan000, from_openstl])
def test_none_of_theirs(reader: Callable[[Any], ConvLSTM]) -> None:
    with pytest.raises(WeightImportError, match=r"no ConvLSTM of .*the keys here are none"):
        reader({})
    with pytest.raises(WeightImportError, match=r"the keys here are fc\.weight$"):
        reader({"fc.weight": torch.zeros(1)})


def test_a_layer_without_a_weight_is_named() -> None:
    weights = automan000_weights(None)
    del weights["cell1.Whc.weight"]
    with pytest.raises(WeightImportError, match=r"cell1\.Whc\.weight: missing"):
        from_automan000(weights)
