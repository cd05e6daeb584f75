"""3x3 convolutions by Winograd's algorithm, and sequences of ConvLSTM steps made of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from convlstm_perception.model import ConvLSTM, ConvLSTMCell, ConvLSTMState
from convlstm_perception.model.recurrent.winograd import (
    INNER,
    OUTER,
    Grid,
    Transforms,
    kernel_gradient,
    transform_kernel,
)
from convlstm_perception.model.recurrent.winograd_scan import winograd_scan

SIZES = [(8, 8), (5, 6), (4, 3)]


def convolve(images: Tensor, weight: Tensor) -> Tensor:
    """(B, C, H, W) by (outputs, C, 3, 3)."""
    grid = Grid(images.shape[0], *images.shape[2:])
    matrices = Transforms.of(images.dtype)
    canvas = grid.new_canvas(images, images.shape[1])
    grid.image(canvas).copy_(images)
    tiles = matrices.inputs @ grid.tiles(canvas).reshape(OUTER**2, -1)
    products = torch.bmm(tiles.view(OUTER**2, grid.count, -1), transform_kernel(weight, 1)[0])
    inner = matrices.outputs @ products.view(OUTER**2, -1)
    answer = grid.new_canvas(images, weight.shape[0])
    grid.inner(answer).copy_(grid.shape(inner.view(INNER**2, grid.count, -1), INNER))
    return grid.image(answer)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_it_is_the_convolution(height: int, width: int) -> None:
    torch.manual_seed(0)
    images = torch.randn(2, 3, height, width, dtype=torch.float64)
    weight = torch.randn(5, 3, 3, 3, dtype=torch.float64)
    torch.testing.assert_close(
        convolve(images, weight), functional.conv2d(images, weight, padding=1)
    )


def test_float32_loses_less_than_a_digit_to_direct_convolution() -> None:
    torch.manual_seed(0)
    images, weight = torch.randn(2, 64, 32, 32), torch.randn(32, 64, 3, 3) / 24
    exact = functional.conv2d(images.double(), weight.double(), padding=1)

    def error(answer: Tensor) -> float:
        return float((answer - exact).square().mean().sqrt())

    direct = functional.conv2d(
        images.contiguous(memory_format=torch.channels_last), weight, padding=1
    )
    assert error(convolve(images, weight)) < 5 * error(direct)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_tiles_are_added_where_they_were_cut(height: int, width: int) -> None:
    """Cutting and adding are each other's transpose, as the backward pass needs."""
    torch.manual_seed(0)
    grid = Grid(2, height, width)
    canvas = torch.randn_like(grid.new_canvas(torch.zeros(1, dtype=torch.float64), 3))
    tiles = torch.randn(OUTER**2, grid.count, 3, dtype=torch.float64)
    summed = torch.full_like(canvas, torch.nan)
    grid.add_tiles(summed, tiles)
    cut = grid.tiles(canvas).reshape(OUTER**2, grid.count, 3)
    torch.testing.assert_close((cut * tiles).sum(), (canvas * summed).sum())


def test_kernel_gradient_is_the_transpose_of_its_transform() -> None:
    torch.manual_seed(0)
    weight = torch.randn(4 * 5, 3, 3, 3, dtype=torch.float64, requires_grad=True)
    transformed = transform_kernel(weight, 4)
    gradient = torch.randn_like(transformed)
    transformed.backward(gradient)
    torch.testing.assert_close(kernel_gradient(gradient.transpose(2, 3)), weight.grad)


def by_step(
    cell: ConvLSTMCell, frames: Tensor, state: ConvLSTMState | None
) -> tuple[Tensor, ConvLSTMState]:
    answers = []
    for frame in frames:
        state = cell(frame, state)
        answers.append(state.hidden)
    assert state is not None
    return torch.stack(answers), state


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("resumed", [False, True])
@pytest.mark.parametrize("options", [{}, {"peepholes": True, "cell_clamp": 0.3}], ids=str)
def test_scan_and_its_gradients_are_those_of_the_steps(
    height: int, width: int, resumed: bool, options: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    cell = ConvLSTMCell(2, 3, **options).double()
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    frames = torch.randn(3, 2, 2, height, width, dtype=torch.float64, requires_grad=True)
    state = None
    if resumed:
        parts = torch.randn(2, 2, 3, height, width, dtype=torch.float64).requires_grad_()
        state = ConvLSTMState(*parts)
    leaves = [frames, *cell.parameters(), *([parts] if resumed else [])]

    def scanned() -> tuple[Tensor, ConvLSTMState]:
        return winograd_scan(
            frames,
            cell.input_to_state.weight,
            cell.input_to_state.bias,
            cell.recurrence.state_to_state.weight,
            state,
            peephole_weights=cell.recurrence.peephole_weights,
            cell_clamp=cell.recurrence.cell_clamp,
        )

    answers, gradients = [], []
    for run in (scanned, lambda: by_step(cell, frames, state)):
        hiddens, after = run()
        answers.append([hiddens, *after])
        torch.manual_seed(1)
        loss = sum((tensor * torch.randn(tensor.shape)).sum() for tensor in answers[-1])
        gradients.append(torch.autograd.grad(loss, leaves))
    for have, want in zip((*answers[0], *gradients[0]), (*answers[1], *gradients[1]), strict=True):
        torch.testing.assert_close(have, want)
    with torch.no_grad():
        hiddens, after = scanned()
    for have, want in zip([hiddens, *after], answers[0], strict=True):
        assert torch.equal(have, want)


@pytest.mark.parametrize("recompute", [False, True])
def test_a_layer_takes_it_and_answers_as_by_steps(recompute: bool) -> None:
    torch.manual_seed(0)
    stack = ConvLSTM(5, [16, 16], recompute=recompute)
    by_steps = ConvLSTM(5, [16, 16], double_backward=True)
    by_steps.load_state_dict(stack.state_dict())
    frames = torch.randn(4, 5, 5, 17, 16)
    assert stack.cells[0].has_whole(frames.transpose(0, 1))
    outputs = []
    for network in (stack, by_steps):
        hiddens, state = network(frames)
        hiddens.square().mean().backward()
        outputs.append([hiddens, *state, *(p.grad for p in network.parameters())])
    for have, want in zip(*outputs, strict=True):
        torch.testing.assert_close(have, want, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 5},
        {"stride": 2},
        {"dilation": 2},
        {"padding": "valid"},
        {"recurrent_dilation": 2},
        {"recurrence": "depthwise"},
        {"recurrence": "grouped", "groups": 2},
        {"normalization": "layer"},
        {"peepholes": (32, 32)},
    ],
    ids=str,
)
def test_what_it_does_not_compute_is_left_to_others(options: dict[str, Any]) -> None:
    frames = torch.zeros(2, 4, 4, 32, 32)
    assert ConvLSTMCell(4, 16).has_whole(frames)
    assert not ConvLSTMCell(4, 16, **options).has_whole(frames)


def test_small_and_half_precision_states_are_left_to_others() -> None:
    cell = ConvLSTMCell(4, 16)
    assert not cell.has_whole(torch.zeros(2, 1, 4, 8, 8))
    assert not cell.has_whole(torch.zeros(2, 4, 4, 32, 32, dtype=torch.bfloat16))
