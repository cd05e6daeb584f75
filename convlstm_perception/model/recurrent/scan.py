"""A whole sequence of ConvLSTM steps with derivatives written out.

What autograd would do step by step is here done once for the sequence where that is possible:

- the gates are made in the memory of the input-to-state tensor, and only they, the cell states and
  the hidden states are kept;
- the gradients of the recurrent weights of all steps are one convolution;
- the state's convolution is left out at a zero state.

What the gates do is in :mod:`~convlstm_perception.model.recurrent.gate_arithmetic`; with dg' the
gradients of all pre-activations, ``dH_before = W_h^T * dg'``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from convlstm_perception.model.recurrent.gate_arithmetic import GateGradients, open_gates
from convlstm_perception.model.recurrent.kernels import Convolution
from convlstm_perception.model.recurrent.state import ConvLSTMState


@dataclass(frozen=True)
class StateConvolution:
    """Geometry of one convolution that leads from the state to the gates."""

    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int

    @classmethod
    def of(cls, layer: Convolution) -> StateConvolution:
        """That of a layer of stride 1 whose padding is given in numbers."""
        assert not isinstance(layer.padding, str)
        return cls(layer.padding, layer.dilation, layer.groups)

    def __call__(self, inputs: Tensor, weight: Tensor) -> Tensor:
        ones = [1] * len(self.padding)
        answer: Tensor = torch.ops.aten.convolution(
            inputs, weight, None, ones, self.padding, self.dilation, False, [0], self.groups
        )
        return answer

    def backward(self, grad: Tensor, inputs: Tensor, weight: Tensor, *, to_inputs: bool) -> Tensor:
        """The gradient of ``inputs``, or that of ``weight``."""
        ones = [1] * len(self.padding)
        gradients = torch.ops.aten.convolution_backward(
            grad,
            inputs,
            weight,
            None,
            ones,
            self.padding,
            self.dilation,
            False,
            [0] * len(self.padding),
            self.groups,
            [to_inputs, not to_inputs, False],
        )
        wanted: Tensor = gradients[0 if to_inputs else 1]
        return wanted


@dataclass(frozen=True)
class Plan:
    """What a scan is told besides its tensors.

    Attributes:
        steps: T.
        groups: of a grouped recurrence, else 1.
        cell_clamp: bound of abs(C), or None.
        convolutions: from the state to the gates.
    """

    steps: int
    groups: int
    cell_clamp: float | None
    convolutions: tuple[StateConvolution, ...]

    def gates(self, flat: Tensor) -> Tensor:
        """(T * B, 4 * hidden, *space) as (T, B, groups, 4, hidden / groups, *space)."""
        return flat.unflatten(0, (self.steps, -1)).unflatten(2, (self.groups, 4, -1))

    def grouped(self, states: Tensor, axis: int) -> Tensor:
        """The channels at an axis as (groups, hidden / groups)."""
        return states.unflatten(axis, (self.groups, -1))


def scan(
    input_to_state: Tensor,
    steps: int,
    state: ConvLSTMState | None,
    convolutions: tuple[Convolution, ...],
    *,
    peephole_weights: Tensor | None = None,
    cell_clamp: float | None = None,
    groups: int = 1,
) -> tuple[Tensor, ConvLSTMState]:
    """Run a ConvLSTM layer over a sequence.

    Args:
        input_to_state: (T * B, 4 * hidden, *space), step after step. It is overwritten, and must be
            no view of another tensor.
        steps: T.
        state: before the first step; None is the zero state.
        convolutions: of stride 1 and without biases, from the state to the gates.
        peephole_weights: (3, hidden, ...) of i, f and o, that broadcast to a state.
        cell_clamp: bound of abs(C), or None.
        groups: of a grouped recurrence.

    Returns:
        The hidden states (T, B, hidden, *space), and the state after the last step.
    """
    plan = Plan(
        steps,
        groups,
        cell_clamp,
        tuple(StateConvolution.of(c) for c in convolutions),
    )
    weights = tuple(c.weight for c in convolutions)
    hidden, cell = (None, None) if state is None else state
    if torch.is_grad_enabled():
        arguments = (plan, input_to_state, hidden, cell, peephole_weights, *weights)
        hiddens, last_hidden, last_cell, _ = _Scan.apply(*arguments)
        return hiddens, ConvLSTMState(last_hidden, last_cell)
    hiddens, cells = _forward(
        plan, input_to_state, hidden, cell, peephole_weights, weights, keep_cells=False
    )
    return hiddens, ConvLSTMState(hiddens[-1].clone(), cells[-1])


def _empty_states(plan: Plan, flat: Tensor, steps: int) -> Tensor:
    """(steps, B, hidden, *space), laid out in memory as the gates are."""
    total, gates, *space = flat.shape
    shape = (steps * (total // plan.steps), gates // 4, *space)
    layout = torch.contiguous_format
    if flat.dim() == 4 and flat.is_contiguous(memory_format=torch.channels_last):
        layout = torch.channels_last
    states = torch.empty(shape, dtype=flat.dtype, device=flat.device, memory_format=layout)
    return states.unflatten(0, (steps, -1))


def _forward(
    plan: Plan,
    flat: Tensor,
    hidden: Tensor | None,
    cell: Tensor | None,
    peepholes: Tensor | None,
    weights: tuple[Tensor, ...],
    *,
    keep_cells: bool,
) -> tuple[Tensor, Tensor]:
    """Hidden states, and cell states (T, or only the last one); ``flat`` becomes the open gates."""
    gates = plan.gates(flat)
    hiddens = _empty_states(plan, flat, plan.steps)
    cells = _empty_states(plan, flat, plan.steps if keep_cells else 1)
    looks = None if peepholes is None else plan.grouped(peepholes, 1)
    before = None if cell is None else plan.grouped(cell, 1)
    for step in range(plan.steps):
        if hidden is not None:
            heard = hidden
            for convolve, weight in zip(plan.convolutions, weights, strict=True):
                heard = convolve(heard, weight)
            gates[step].add_(heard.unflatten(1, gates.shape[2:5]))
        after = plan.grouped(cells[step if keep_cells else 0], 1)
        opened = gates[step].unbind(2)
        shown = plan.grouped(hiddens[step], 1)
        open_gates(opened, before, looks, plan.cell_clamp, after=after, hidden=shown)
        hidden, before = hiddens[step], after
    return hiddens, cells


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        plan: Plan,
        flat: Tensor,
        hidden: Tensor | None,
        cell: Tensor | None,
        peepholes: Tensor | None,
        *weights: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        hiddens, cells = _forward(plan, flat, hidden, cell, peepholes, weights, keep_cells=True)
        ctx.plan = plan
        ctx.mark_dirty(flat)
        ctx.save_for_backward(flat, hiddens, cells, hidden, cell, peepholes, *weights)
        ctx.set_materialize_grads(False)
        return hiddens, hiddens[-1].clone(), cells[-1].clone(), flat

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,
        from_hiddens: Tensor | None,
        from_hidden: Tensor | None,
        from_cell: Tensor | None,
        _: Tensor | None,
    ) -> tuple[Tensor | None, ...]:
        plan: Plan = ctx.plan
        # Once only: under recomputation what is unpacked is gone.
        saved = ctx.saved_tensors
        flat, hiddens, cells, hidden, cell, peepholes = saved[:6]
        weights: tuple[Tensor, ...] = saved[6:]
        gates = plan.gates(flat)
        flat_grad = torch.empty_like(flat)
        gate_grads = plan.gates(flat_grad)
        by_step = flat_grad.unflatten(0, (plan.steps, -1))
        looks = None if peepholes is None else plan.grouped(peepholes, 1)

        cell_grad = plan.grouped(torch.zeros_like(hiddens[0]), 1)
        if from_cell is not None:
            cell_grad.copy_(plan.grouped(from_cell, 1))
        gradients = GateGradients(cell_grad, looks, plan.cell_clamp)
        hidden_grad: Tensor | None = from_hidden
        for step in reversed(range(plan.steps)):
            if from_hiddens is not None:
                shown_grad = from_hiddens[step]
                hidden_grad = shown_grad if hidden_grad is None else hidden_grad + shown_grad
            earlier = cells[step - 1] if step else cell
            gradients.step(
                gates[step].unbind(2),
                None if earlier is None else plan.grouped(earlier, 1),
                plan.grouped(cells[step], 1),
                None if hidden_grad is None else plan.grouped(hidden_grad, 1),
                cell_grad,
                gate_grads=gate_grads[step].unbind(2),
            )
            heard = hiddens[step - 1] if step else hidden
            hidden_grad = None
            if heard is not None:
                hidden_grad = _state_gradient(plan, by_step[step], heard, weights)
        return (
            None,
            flat_grad,
            None if hidden is None else hidden_grad,
            None if cell is None else cell_grad.flatten(1, 2),
            _peephole_gradient(plan, gate_grads, cells, cell, peepholes),
            *_weight_gradients(plan, by_step, hiddens, hidden, weights),
        )


def _state_gradient(
    plan: Plan, grad: Tensor, hidden: Tensor, weights: tuple[Tensor, ...]
) -> Tensor:
    """Of a hidden state, from that of the gates that heard it."""
    for convolve, weight in reversed(list(zip(plan.convolutions, weights, strict=True))):
        # Every convolution of a chain takes the state's own shape.
        grad = convolve.backward(grad, hidden, weight, to_inputs=True)
    return grad


def _peephole_gradient(
    plan: Plan, gate_grads: Tensor, cells: Tensor, cell: Tensor | None, peepholes: Tensor | None
) -> Tensor | None:
    if peepholes is None:
        return None
    seen = plan.grouped(cells, 2)
    di, df, _, do = gate_grads.unbind(3)
    gradients = []
    for grad in (di, df):
        total = (grad[1:] * seen[:-1]).sum((0, 1))
        if cell is not None:
            total += (grad[0] * plan.grouped(cell, 1)).sum(0)
        gradients.append(total)
    gradients.append((do * seen).sum((0, 1)))
    return torch.stack([grad.flatten(0, 1).sum_to_size(peepholes.shape[1:]) for grad in gradients])


def _weight_gradients(
    plan: Plan,
    by_step: Tensor,
    hiddens: Tensor,
    hidden: Tensor | None,
    weights: tuple[Tensor, ...],
) -> list[Tensor | None]:
    """Of all steps that heard a state at once, and of the first if it did."""
    pairs = []
    if plan.steps > 1:
        pairs.append((by_step[1:].flatten(0, 1), hiddens[:-1].flatten(0, 1)))
    if hidden is not None:
        pairs.append((by_step[0], hidden))
    totals: list[Tensor | None] = [None] * len(weights)
    for grad, inputs in pairs:
        taken = [inputs]
        for convolve, weight in zip(plan.convolutions[:-1], weights[:-1], strict=True):
            taken.append(convolve(taken[-1], weight))
        for place in reversed(range(len(weights))):
            convolve, weight = plan.convolutions[place], weights[place]
            part = convolve.backward(grad, taken[place], weight, to_inputs=False)
            total = totals[place]
            totals[place] = part if total is None else total + part
            if place:
                grad = convolve.backward(grad, taken[place], weight, to_inputs=True)
    return totals
