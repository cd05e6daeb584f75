"""What a ConvLSTM's gates do to its state, element by element in place, and the derivatives.

With g' a gate's pre-activation and dX the gradient of X::

    do' = dH tanh(C) o (1 - o)
    dC += dH o (1 - tanh(C)^2) + w_co do'           (0 where C is at its clamp)
    di' = dC z i (1 - i)        df' = dC C_before f (1 - f)        dz' = dC i (1 - z^2)
    dC_before = dC f + w_ci di' + w_cf df'

Tensors have any layout in which a gate, a state and a peephole's weights broadcast.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_sigmoid_backward = torch.ops.aten.sigmoid_backward
_tanh_backward = torch.ops.aten.tanh_backward


def open_gates(
    gates: Sequence[Tensor],
    before: Tensor | None,
    peepholes: Tensor | None,
    cell_clamp: float | None,
    *,
    after: Tensor,
    hidden: Tensor,
) -> None:
    """One step.

    Args:
        gates: pre-activations i, f, z, o; they become the opened gates.
        before: cell state before the step; None is zero.
        peepholes: weights of i, f, o, or None.
        cell_clamp: bound of abs(C), or None.
        after: takes the cell state after the step.
        hidden: takes the hidden state after the step.
    """
    i, f, z, o = gates
    if peepholes is not None and before is not None:
        i.addcmul_(peepholes[0], before)
        f.addcmul_(peepholes[1], before)
    i.sigmoid_()
    z.tanh_()
    if before is None:
        f.sigmoid_()
        torch.mul(i, z, out=after)
    else:
        torch.mul(f.sigmoid_(), before, out=after)
        after.addcmul_(i, z)
    if cell_clamp is not None:
        after.clamp_(-cell_clamp, cell_clamp)
    if peepholes is not None:
        o.addcmul_(peepholes[2], after)
    torch.tanh(after, out=hidden)
    hidden.mul_(o.sigmoid_())


class GateGradients:
    """The derivatives of :func:`open_gates`, with scratch of the size of a state.

    Args:
        like: a state.
        peepholes, cell_clamp: as there.
    """

    def __init__(self, like: Tensor, peepholes: Tensor | None, cell_clamp: float | None) -> None:
        self._peepholes, self._cell_clamp = peepholes, cell_clamp
        self._shown, self._product = torch.empty_like(like), torch.empty_like(like)

    def step(
        self,
        gates: Sequence[Tensor],
        before: Tensor | None,
        after: Tensor,
        hidden_grad: Tensor | None,
        cell_grad: Tensor,
        *,
        gate_grads: Sequence[Tensor],
    ) -> None:
        """One step.

        Args:
            gates: i, f, z, o, opened.
            before, after: cell states.
            hidden_grad: of the hidden state after the step; None is zero.
            cell_grad: of the cell state after the step; becomes that of the one before.
            gate_grads: take those of the pre-activations.
        """
        i, f, z, o = gates
        di, df, dz, do = gate_grads
        product = self._product
        if hidden_grad is None:
            do.zero_()
        else:
            shown = torch.tanh(after, out=self._shown)
            _sigmoid_backward(torch.mul(hidden_grad, shown, out=product), o, grad_input=do)
            torch.mul(hidden_grad, o, out=product)
            cell_grad.add_(_tanh_backward(product, shown, grad_input=product))
        if self._peepholes is not None:
            cell_grad.addcmul_(self._peepholes[2], do)
        if self._cell_clamp is not None:
            cell_grad.mul_(after.abs() < self._cell_clamp)
        _sigmoid_backward(torch.mul(cell_grad, z, out=product), i, grad_input=di)
        _tanh_backward(torch.mul(cell_grad, i, out=product), z, grad_input=dz)
        if before is None:
            df.zero_()
        else:
            _sigmoid_backward(torch.mul(cell_grad, before, out=product), f, grad_input=df)
        cell_grad.mul_(f)
        if self._peepholes is not None:
            cell_grad.addcmul_(self._peepholes[0], di).addcmul_(self._peepholes[1], df)
