"""The ConvLSTM cell and layer: equations, state, shapes."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from convlstm_perception.model import ConvLSTM, ConvLSTMCell, ConvLSTMState
from convlstm_perception.model.recurrent import ConvLSTMRecurrence
from convlstm_perception.model.recurrent.kernels import RECURRENCES, Recurrence

TOLERANCE = 1e-5


def random_state(batch: int, hidden: int, height: int, width: int) -> ConvLSTMState:
    return ConvLSTMState(
        torch.randn(batch, hidden, height, width), torch.randn(batch, hidden, height, width)
    )


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_cell_equals_keras(kernel_size: int) -> None:
    """An independent implementation with copied weights gives the same sequence of states."""
    os.environ["KERAS_BACKEND"] = "torch"
    keras = pytest.importorskip("keras")
    torch.manual_seed(kernel_size)
    inputs, hidden = 3, 4
    ours = ConvLSTM(inputs, [hidden], kernel_size)
    cell = ours.cells[0]
    torch.nn.init.normal_(cell.input_to_state.bias)
    theirs = keras.layers.ConvLSTM2D(
        hidden,
        kernel_size,
        padding="same",
        recurrent_activation="sigmoid",
        data_format="channels_last",
        return_sequences=True,
        return_state=True,
    )
    frames = torch.randn(2, 5, inputs, 9, 11)
    keras_frames = frames.permute(0, 1, 3, 4, 2).numpy()
    theirs.build(keras_frames.shape)
    # Keras keeps kernels as (height, width, in, gates), with the same gate order i, f, c, o.
    theirs.set_weights(
        [
            cell.input_to_state.weight.detach().permute(2, 3, 1, 0).numpy(),
            cell.recurrence.state_to_state.weight.detach().permute(2, 3, 1, 0).numpy(),
            cell.input_to_state.bias.detach().numpy(),
        ]
    )
    expected = [np.asarray(keras.ops.convert_to_numpy(a)) for a in theirs(keras_frames)]
    with torch.no_grad():
        sequence, state = ours(frames)
    for have, want in zip((sequence, *state), expected, strict=True):
        have_last = have.movedim(-3, -1).numpy()
        assert np.abs(have_last - want).max() < TOLERANCE


def test_cell_follows_the_equations_with_peepholes() -> None:
    """Each gate written out on its own, in float64, as in Shi et al. 2015, equations 3."""
    torch.manual_seed(0)
    cell = ConvLSTMCell(2, 3, peepholes=True).double()
    peephole = cell.recurrence.peephole_weights
    assert peephole is not None
    torch.nn.init.normal_(peephole)
    x = torch.randn(1, 2, 6, 7).double()
    h, c = (tensor.double() for tensor in random_state(1, 3, 6, 7))
    wx, b = cell.input_to_state.weight, cell.input_to_state.bias
    wh = cell.recurrence.state_to_state.weight

    def gate(index: int) -> torch.Tensor:
        part = slice(3 * index, 3 * index + 3)
        return torch.conv2d(x, wx[part], b[part], padding=1) + torch.conv2d(h, wh[part], padding=1)

    i = torch.sigmoid(gate(0) + peephole[0] * c)
    f = torch.sigmoid(gate(1) + peephole[1] * c)
    new_c = f * c + i * torch.tanh(gate(2))
    o = torch.sigmoid(gate(3) + peephole[2] * new_c)
    after = cell(x, ConvLSTMState(h, c))
    torch.testing.assert_close(after.cell, new_c)
    torch.testing.assert_close(after.hidden, o * torch.tanh(new_c))


def test_forget_gate_starts_at_one_and_the_others_at_zero() -> None:
    bias = ConvLSTMCell(3, 4).input_to_state.bias
    assert bias is not None
    assert bias.tolist() == [0.0] * 4 + [1.0] * 4 + [0.0] * 8


def test_cell_state_stays_within_its_clamp() -> None:
    torch.manual_seed(2)
    cell = ConvLSTMCell(1, 2, cell_clamp=0.25)
    state = None
    for _ in range(20):
        state = cell(10 * torch.ones(1, 1, 4, 4), state)
    assert state is not None
    assert state.cell.detach().abs().max().item() == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kernel_size": 4}, "not odd"),
        ({"recurrence": "sparse"}, "none of dense, depthwise, bottleneck, grouped"),
        ({"recurrence": "grouped"}, "2 or more go with 'grouped'"),
        ({"groups": 2}, "2 or more go with 'grouped'"),
        ({"recurrence": "grouped", "groups": 3}, "does not divide"),
        ({"bottleneck_channels": 2}, "only 'bottleneck' has"),
        ({"recurrence": "bottleneck", "input_groups": 2}, "convolved separably"),
        ({"normalization": "batch"}, "none of layer, group"),
        ({"peepholes": (4,)}, "no size in 2 dimension"),
        ({"zoneout": 1.0}, r"not in \[0, 1\)"),
        ({"zoneout": (0.1, 0.1, 0.1)}, "3 shares for a state of 2 parts"),
        ({"padding": "full"}, "neither 'same' nor 'valid'"),
        ({"dimensions": 4}, "not 1, 2 or 3"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ConvLSTMCell(2, 4, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("recurrence", RECURRENCES)
def test_a_new_recurrence_hears_its_state(recurrence: Recurrence) -> None:
    """What comes of a state of unit variance is neither lost nor drowns the input."""
    torch.manual_seed(0)
    groups = 4 if recurrence == "grouped" else 1
    layer = ConvLSTMRecurrence(64, 5, recurrence=recurrence, groups=groups)
    with torch.no_grad():
        heard = layer.state_to_state(torch.randn(2, 64, 16, 16))
    assert 0.3 < heard.std() < 2.0
