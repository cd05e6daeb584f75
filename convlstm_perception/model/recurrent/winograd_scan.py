"""A whole sequence of ConvLSTM steps on a CPU, their 3x3 convolutions by Winograd's algorithm.

Input and hidden state are convolved together; gates and cell states stay cut into tiles, and only
the hidden state is put together again between steps. Derivatives are written out as in
:mod:`~convlstm_perception.model.recurrent.scan`; the tiles of inputs and hidden states are cut anew
in the backward pass, so that of a step gates, cell and hidden state are kept and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from convlstm_perception.model.recurrent.gate_arithmetic import GateGradients, open_gates
from convlstm_perception.model.recurrent.state import ConvLSTMState
from convlstm_perception.model.recurrent.winograd import (
    INNER,
    OUTER,
    Grid,
    Transforms,
    kernel_gradient,
    transform_kernel,
)

# Below these cutting takes longer than multiplying (measured from 8x8 to 64x64, 8 to 128 channels).
_LEAST_TILES, _LEAST_VALUES = 16, 1024


def is_worthwhile(batch: int, hidden: int, height: int, width: int) -> bool:
    """Whether :func:`winograd_scan` is faster than direct convolutions on a state of this size."""
    tiles = Grid(batch, height, width).count
    return tiles >= _LEAST_TILES and tiles * hidden >= _LEAST_VALUES


def winograd_scan(
    frames: Tensor,
    input_kernel: Tensor,
    bias: Tensor,
    recurrent_kernel: Tensor,
    state: ConvLSTMState | None,
    *,
    peephole_weights: Tensor | None = None,
    cell_clamp: float | None = None,
) -> tuple[Tensor, ConvLSTMState]:
    """Run a ConvLSTM layer with dense 3x3 kernels over a sequence.

    Args:
        frames: (T, B, C, H, W), on a CPU.
        input_kernel: (4 * hidden, C, 3, 3).
        bias: (4 * hidden,).
        recurrent_kernel: (4 * hidden, hidden, 3, 3).
        state: before the first step; None is the zero state.
        peephole_weights: (3, hidden, 1, 1) of i, f and o.
        cell_clamp: bound of abs(C), or None.

    Returns:
        The hidden states (T, B, hidden, H, W), channels last in memory, and the state after the
        last step.
    """
    hidden, cell = (None, None) if state is None else state
    arguments = (frames, input_kernel, bias, recurrent_kernel, peephole_weights, hidden, cell)
    if torch.is_grad_enabled():
        hiddens, last_hidden, last_cell = _WinogradScan.apply(cell_clamp, *arguments)
        return hiddens, ConvLSTMState(last_hidden, last_cell)
    hiddens, last_cell, *_ = _forward(cell_clamp, *arguments, keep=False)
    return hiddens, ConvLSTMState(hiddens[-1].clone(), last_cell)


@dataclass(frozen=True)
class _Cutter:
    """Cuts a step's input and hidden state, side by side, into transformed tiles.

    Attributes:
        canvas: (B, *, *, C + hidden).
        cut, tiles: scratch, and the tiles (36, count, C + hidden).
    """

    grid: Grid
    inputs: int
    canvas: Tensor
    cut: Tensor
    tiles: Tensor

    @classmethod
    def of(cls, grid: Grid, like: Tensor, inputs: int, hidden: int) -> _Cutter:
        canvas = grid.new_canvas(like, inputs + hidden)
        cut = torch.empty_like(grid.tiles(canvas), memory_format=torch.contiguous_format)
        return cls(grid, inputs, canvas, cut, cut.new_empty(OUTER**2, grid.count, inputs + hidden))

    def input_image(self) -> Tensor:
        return self.grid.image(self.canvas[..., : self.inputs])

    def hidden_image(self) -> Tensor:
        return self.grid.image(self.canvas[..., self.inputs :])

    def __call__(self, matrices: Transforms) -> Tensor:
        self.cut.copy_(self.grid.tiles(self.canvas))
        torch.mm(matrices.inputs, self.cut.view(OUTER**2, -1), out=self.tiles.view(OUTER**2, -1))
        return self.tiles


def _to_tiles(grid: Grid, image: Tensor) -> Tensor:
    """(B, C, H, W) as (16, count, C)."""
    canvas = grid.new_canvas(image, image.shape[1])
    grid.image(canvas).copy_(image)
    return grid.inner(canvas).reshape(INNER**2, grid.count, -1)


def _to_image(grid: Grid, parts: Tensor) -> Tensor:
    """(16, count, C) as (B, C, H, W), channels last in memory."""
    canvas = grid.new_canvas(parts, parts.shape[-1])
    grid.inner(canvas).copy_(grid.shape(parts, INNER))
    return grid.image(canvas).contiguous(memory_format=torch.channels_last)


def _forward(
    cell_clamp: float | None,
    frames: Tensor,
    input_kernel: Tensor,
    bias: Tensor,
    recurrent_kernel: Tensor,
    peepholes: Tensor | None,
    hidden: Tensor | None,
    cell: Tensor | None,
    *,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Hidden states and the last cell state; and of all steps, or only of the last one, the gates
    (T, 4, 16, count, hidden) and cell states (T, 16, count, hidden); and the transformed kernel."""
    steps, batch, inputs, height, width = frames.shape
    channels = recurrent_kernel.shape[1]
    grid, matrices = Grid(batch, height, width), Transforms.of(frames.dtype)
    kernel = transform_kernel(torch.cat([input_kernel, recurrent_kernel], dim=1), 4)
    offsets = bias.view(4, 1, 1, channels)
    looks = None if peepholes is None else peepholes.view(3, channels)
    cutter = _Cutter.of(grid, frames, inputs, channels)
    kept = steps if keep else 1
    gates = frames.new_empty(kept, 4, INNER**2, grid.count, channels)
    cells = frames.new_empty(kept, INNER**2, grid.count, channels)
    product = frames.new_empty(OUTER**2, grid.count, channels)
    shown = torch.empty_like(cells[0])
    hiddens = frames.new_empty(steps, batch, height, width, channels).permute(0, 1, 4, 2, 3)
    before = None if cell is None else _to_tiles(grid, cell)
    if hidden is not None:
        cutter.hidden_image().copy_(hidden)
    for step in range(steps):
        cutter.input_image().copy_(frames[step])
        heard = inputs + channels if step or hidden is not None else inputs
        tiles = cutter(matrices)[..., :heard]
        opened = gates[step if keep else 0]
        for gate in range(4):
            torch.bmm(tiles, kernel[gate, :, :heard], out=product)
            flat = opened[gate].view(INNER**2, -1)
            torch.mm(matrices.outputs, product.view(OUTER**2, -1), out=flat)
        opened += offsets
        after = cells[step if keep else 0]
        open_gates(opened.unbind(), before, looks, cell_clamp, after=after, hidden=shown)
        state_canvas = cutter.canvas[..., inputs:]
        grid.inner(state_canvas).copy_(grid.shape(shown, INNER))
        grid.clear_beyond(state_canvas)
        hiddens[step].copy_(cutter.hidden_image())
        before = after
    return hiddens, _to_image(grid, cells[-1]), gates, cells, kernel


class _WinogradScan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        cell_clamp: float | None,
        frames: Tensor,
        input_kernel: Tensor,
        bias: Tensor,
        recurrent_kernel: Tensor,
        peepholes: Tensor | None,
        hidden: Tensor | None,
        cell: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        tensors = (frames, input_kernel, bias, recurrent_kernel, peepholes, hidden, cell)
        hiddens, last_cell, *inner = _forward(cell_clamp, *tensors, keep=True)
        ctx.cell_clamp = cell_clamp
        ctx.save_for_backward(*tensors, hiddens, *inner)
        ctx.set_materialize_grads(False)
        return hiddens, hiddens[-1].clone(), last_cell

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,
        from_hiddens: Tensor | None,
        from_hidden: Tensor | None,
        from_cell: Tensor | None,
    ) -> tuple[Tensor | None, ...]:
        # Once only: under recomputation what is unpacked is gone.
        saved = ctx.saved_tensors
        frames, _, _, recurrent_kernel, peepholes, hidden, cell = saved[:7]
        hiddens, gates, cells, kernel = saved[7:]
        steps, batch, inputs, height, width = frames.shape
        channels = recurrent_kernel.shape[1]
        grid, matrices = Grid(batch, height, width), Transforms.of(frames.dtype)
        to_frames = ctx.needs_input_grad[1]
        first = 0 if to_frames else inputs  # the channels that a gradient is handed on to
        handed_on = kernel[:, :, first:].transpose(2, 3).contiguous()
        kernel_grad = kernel.new_zeros(4, OUTER**2, channels, inputs + channels)
        bias_grad = frames.new_zeros(4, channels)
        ones = frames.new_ones(INNER**2 * grid.count)
        looks = None if peepholes is None else peepholes.view(3, channels)
        looks_grad = frames.new_zeros(3, channels)
        frames_grad = torch.empty_like(frames) if to_frames else None
        cutter = _Cutter.of(grid, frames, inputs, channels)
        canvas = grid.new_canvas(frames, inputs + channels - first)
        gate_grads = torch.empty_like(gates[0])
        transformed = frames.new_empty(OUTER**2, grid.count, channels)
        spread = frames.new_empty(OUTER**2, grid.count, inputs + channels - first)
        cell_grad, hidden_grad = torch.zeros_like(cells[0]), torch.empty_like(cells[0])
        gradients = GateGradients(cell_grad, looks, ctx.cell_clamp)
        if from_cell is not None:
            cell_grad.copy_(_to_tiles(grid, from_cell))
        start = None if cell is None else _to_tiles(grid, cell)
        incoming = canvas[..., inputs - first :]  # the gradient of the hidden state
        if from_hidden is not None:
            grid.image(incoming).copy_(from_hidden)
        for step in reversed(range(steps)):
            after, before = cells[step], cells[step - 1] if step else start
            if from_hiddens is not None:
                grid.image(incoming).add_(from_hiddens[step])
            grid.shape(hidden_grad, INNER).copy_(grid.inner(incoming))
            gradients.step(
                gates[step].unbind(),
                before,
                after,
                hidden_grad,
                cell_grad,
                gate_grads=gate_grads.unbind(),
            )
            if looks is not None:
                di, df, _, do = gate_grads
                looks_grad[2] += (do * after).sum((0, 1))
                if before is not None:
                    looks_grad[0] += (di * before).sum((0, 1))
                    looks_grad[1] += (df * before).sum((0, 1))
            for gate in range(4):
                bias_grad[gate].addmv_(gate_grads[gate].flatten(0, 1).T, ones)
            heard = hiddens[step - 1] if step else hidden
            cutter.input_image().copy_(frames[step])
            seen = inputs if heard is None else inputs + channels
            if heard is not None:
                cutter.hidden_image().copy_(heard)
            tiles = cutter(matrices)[..., :seen]
            hands_on = to_frames or heard is not None
            for gate in range(4):
                flat = gate_grads[gate].view(INNER**2, -1)
                torch.mm(matrices.outputs.T, flat, out=transformed.view(OUTER**2, -1))
                by_gate = transformed.transpose(1, 2)
                if heard is None:
                    # Into a part of a tensor, baddbmm_ goes matrix by matrix.
                    kernel_grad[gate, ..., :seen] += torch.bmm(by_gate, tiles)
                else:
                    kernel_grad[gate].baddbmm_(by_gate, tiles)
                if hands_on:
                    torch.baddbmm(
                        spread, transformed, handed_on[gate], beta=1 if gate else 0, out=spread
                    )
            if hands_on:
                flat = spread.view(OUTER**2, -1)
                grid.add_tiles(canvas, (matrices.inputs.T @ flat).view_as(spread))
                grid.clear_beyond(canvas)
            if frames_grad is not None:
                frames_grad[step].copy_(grid.image(canvas[..., :inputs]))
        weight_grad = kernel_gradient(kernel_grad)
        return (
            None,
            frames_grad,
            weight_grad[:, :inputs],
            bias_grad.flatten(),
            weight_grad[:, inputs:],
            None if peepholes is None else looks_grad.view_as(peepholes),
            None if hidden is None else grid.image(incoming),
            None if cell is None else _to_image(grid, cell_grad),
        )
