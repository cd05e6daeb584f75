"""Convolutional LSTM (Shi et al. 2015, "Convolutional LSTM Network: A Machine Learning
Approach for Precipitation Nowcasting", NeurIPS, equations 3).

With ``*`` the convolution and ``o`` the element-wise product, one step is::

    i = sigmoid(W_xi * X + W_hi * H + w_ci o C + b_i)
    f = sigmoid(W_xf * X + W_hf * H + w_cf o C + b_f)
    C' = f o C + i o tanh(W_xc * X + W_hc * H + b_c)
    o = sigmoid(W_xo * X + W_ho * H + w_co o C' + b_o)      (the new cell state)
    H' = o o tanh(C')

The convolutions of the four gates are fused into one, in the order i, f, c, o. The
state-independent half ``W_x * X + b`` (input-to-state) is kept apart from the recurrent half
``W_h * H`` (state-to-state), so that it can be computed once per frame, and for a whole sequence
in one batched call.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

Recurrence = Literal["dense", "depthwise"]


class ConvLSTMState(NamedTuple):
    """State of one layer: hidden state H and cell state C, each (B, hidden, height, width)."""

    hidden: Tensor
    cell: Tensor


def input_to_state_convolution(
    input_channels: int, hidden_channels: int, kernel_size: int, recurrence: Recurrence
) -> nn.Conv2d:
    """The state-independent half of the four gates, with their biases (forget gate 1).

    A dense recurrence takes a full kernel, a depthwise one a 1x1 (see :class:`ConvLSTMCell`).
    """
    kernel = kernel_size if recurrence == "dense" else 1
    convolution = nn.Conv2d(input_channels, 4 * hidden_channels, kernel, padding=kernel // 2)
    nn.init.xavier_uniform_(convolution.weight)
    assert convolution.bias is not None
    with torch.no_grad():
        convolution.bias.zero_()
        # Remember by default (Jozefowicz et al. 2015).
        convolution.bias[hidden_channels : 2 * hidden_channels] = 1.0
    return convolution


class ConvLSTMRecurrence(nn.Module):
    """The state-dependent half of a ConvLSTM: from input-to-state tensors to states.

    Arguments and errors as for :class:`ConvLSTMCell`.
    """

    def __init__(
        self,
        hidden_channels: int,
        kernel_size: int = 3,
        *,
        recurrence: Recurrence = "dense",
        peepholes: bool = False,
        cell_clamp: float | None = None,
    ) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(f"kernel_size: {kernel_size} is not odd; the state would shift")
        if recurrence not in ("dense", "depthwise"):
            raise ValueError(f"recurrence: {recurrence!r} is neither 'dense' nor 'depthwise'")
        self.hidden_channels = hidden_channels
        self.cell_clamp = cell_clamp
        gates = 4 * hidden_channels
        filters = gates if recurrence == "dense" else hidden_channels
        groups = 1 if recurrence == "dense" else hidden_channels
        spatial = nn.Conv2d(
            hidden_channels,
            filters,
            kernel_size,
            padding=kernel_size // 2,
            groups=groups,
            bias=False,
        )
        self.state_to_state: nn.Module = (
            spatial
            if recurrence == "dense"
            else nn.Sequential(spatial, nn.Conv2d(hidden_channels, gates, 1, bias=False))
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)
        if recurrence == "depthwise":
            # Xavier counts a depthwise filter's outputs as if each saw all channels, and would
            # all but cut the recurrence.
            nn.init.normal_(spatial.weight, std=1.0 / kernel_size)
        self.peephole_weights = (
            nn.Parameter(torch.zeros(3, hidden_channels, 1, 1)) if peepholes else None
        )

    def zero_state(self, input_to_state: Tensor) -> ConvLSTMState:
        """The state of all zeros ("nothing known yet") that fits an input-to-state tensor."""
        batch, _, height, width = input_to_state.shape
        zeros = input_to_state.new_zeros(batch, self.hidden_channels, height, width)
        return ConvLSTMState(zeros, zeros)

    def forward(self, input_to_state: Tensor, state: ConvLSTMState) -> ConvLSTMState:
        """One step from a ready input-to-state tensor (B, 4 * hidden, height, width)."""
        hidden, cell = state
        gates = input_to_state + self.state_to_state(hidden)
        input_gate, forget_gate, candidate, output_gate = gates.chunk(4, dim=1)
        if self.peephole_weights is not None:
            input_gate = input_gate + self.peephole_weights[0] * cell
            forget_gate = forget_gate + self.peephole_weights[1] * cell
        cell = torch.sigmoid(forget_gate) * cell + torch.sigmoid(input_gate) * torch.tanh(candidate)
        if self.cell_clamp is not None:
            cell = cell.clamp(-self.cell_clamp, self.cell_clamp)
        if self.peephole_weights is not None:
            output_gate = output_gate + self.peephole_weights[2] * cell
        return ConvLSTMState(torch.sigmoid(output_gate) * torch.tanh(cell), cell)


class ConvLSTMCell(nn.Module):
    """One ConvLSTM layer's step.

    Args:
        input_channels: channels of the input X.
        hidden_channels: channels of the hidden state H and of the cell state C.
        kernel_size: odd side of the recurrent kernel, and of the input kernel when dense.
        recurrence: ``"dense"`` convolves H with one full kernel to the four gates, as Shi et al.;
            ``"depthwise"`` filters each channel of H with its own kernel, then mixes the channels
            with a 1x1 convolution to the four gates, and takes a 1x1 input-to-state convolution
            (DWSConvLSTM2d of Gehrig and Scaramuzza 2023, "Recurrent Vision Transformers").
        peepholes: let the gates see the cell state, by one weight per channel, so that the
            module stays free of the spatial size (Shi et al. learn one per position).
        cell_clamp: bound of abs(C), or None. A bounded cell cannot drift in half precision
            (Liu et al. 2019, "Looking Fast and Slow").

    Raises:
        ValueError: when ``kernel_size`` is even or ``recurrence`` is not one of the two.
    """

    def __init__(
        self,
        input_channels: int,
        hidden_channels: int,
        kernel_size: int = 3,
        *,
        recurrence: Recurrence = "dense",
        peepholes: bool = False,
        cell_clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.recurrence = ConvLSTMRecurrence(
            hidden_channels,
            kernel_size,
            recurrence=recurrence,
            peepholes=peepholes,
            cell_clamp=cell_clamp,
        )
        self.input_to_state = input_to_state_convolution(
            input_channels, hidden_channels, kernel_size, recurrence
        )

    def forward(self, inputs: Tensor, state: ConvLSTMState | None = None) -> ConvLSTMState:
        """One step from an input (B, input_channels, height, width); None is the zero state."""
        input_to_state = self.input_to_state(inputs)
        before = self.recurrence.zero_state(input_to_state) if state is None else state
        after: ConvLSTMState = self.recurrence(input_to_state, before)
        return after


class ConvLSTM(nn.Module):
    """A stack of ConvLSTM layers over a sequence (B, T, C, H, W).

    Args:
        input_channels: channels of each frame.
        hidden_channels: hidden channels of each layer, from the first to the last.
        kernel_size, recurrence, peepholes, cell_clamp: as for :class:`ConvLSTMCell`.

    Raises:
        ValueError: when ``hidden_channels`` is empty.
    """

    def __init__(
        self,
        input_channels: int,
        hidden_channels: Sequence[int],
        kernel_size: int = 3,
        *,
        recurrence: Recurrence = "dense",
        peepholes: bool = False,
        cell_clamp: float | None = None,
    ) -> None:
        super().__init__()
        if not hidden_channels:
            raise ValueError("hidden_channels: give at least one layer")
        widths = [input_channels, *hidden_channels]
        self.cells = nn.ModuleList(
            ConvLSTMCell(
                before,
                after,
                kernel_size,
                recurrence=recurrence,
                peepholes=peepholes,
                cell_clamp=cell_clamp,
            )
            for before, after in pairwise(widths)
        )

    def forward(
        self, inputs: Tensor, states: Sequence[ConvLSTMState] | None = None
    ) -> tuple[Tensor, tuple[ConvLSTMState, ...]]:
        """Run the sequence.

        Args:
            inputs: (B, T, input_channels, H, W).
            states: one state per layer to resume from, as returned; None starts from zero.

        Returns:
            The last layer's hidden states (B, T, hidden_channels[-1], H, W) and the final state
            of every layer.

        Raises:
            ValueError: when ``inputs`` has not five dimensions, or ``states`` not one per layer.
        """
        if inputs.dim() != 5:
            raise ValueError(f"inputs: expected (B, T, C, H, W), got shape {tuple(inputs.shape)}")
        if states is not None and len(states) != len(self.cells):
            raise ValueError(f"states: {len(states)} given for {len(self.cells)} layers")
        sequence = inputs
        final_states: list[ConvLSTMState] = []
        for layer, cell in enumerate(self.cells):
            assert isinstance(cell, ConvLSTMCell)
            batch, steps = sequence.shape[:2]
            # The input-to-state convolution does not depend on the state: all T steps at once.
            input_to_state = cell.input_to_state(sequence.flatten(0, 1))
            input_to_state = input_to_state.unflatten(0, (batch, steps))
            recurrence = cell.recurrence
            state = recurrence.zero_state(input_to_state[:, 0]) if states is None else states[layer]
            hidden_states = []
            for step in range(steps):
                state = recurrence(input_to_state[:, step], state)
                hidden_states.append(state.hidden)
            sequence = torch.stack(hidden_states, dim=1)
            final_states.append(state)
        return sequence, tuple(final_states)
