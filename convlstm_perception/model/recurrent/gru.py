"""Convolutional GRU (Ballas et al. 2016, "Delving Deeper into Convolutional Networks for Learning
Video Representations", ICLR, equations 5 to 8).

With ``*`` the convolution and ``o`` the element-wise product, one step is::

    r = sigmoid(W_xr * X + W_hr * H + b_r)
    z = sigmoid(W_xz * X + W_hz * H + b_z)
    n = tanh(W_xn * X + b_n + r o (W_hn * H))
    H' = (1 - z) o n + z o H

As in cuDNN and ``torch.nn.GRU`` the reset gate r acts on what the candidate hears of the state, not
on the state (the paper: ``W_hn * (r o H)``): so the convolutions of all gates are one, in the order
r, z, n. The input's half is kept apart, and done for a whole sequence in one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from convlstm_perception.model.recurrent.cell import CellOptions, RecurrentCell, input_kernel
from convlstm_perception.model.recurrent.kernels import (
    Dimensions,
    Normalization,
    Padding,
    Recurrence,
)
from convlstm_perception.model.recurrent.recurrence import GatedRecurrence
from convlstm_perception.model.recurrent.stack import PerLayer, RecurrentStack, StackOptions
from convlstm_perception.model.recurrent.state import ConvGRUState, Zoneout

if TYPE_CHECKING:
    from typing_extensions import Unpack


class ConvGRURecurrence(GatedRecurrence[ConvGRUState]):
    """The state-dependent half of a ConvGRU: from input-to-state tensors to states."""

    gate_count = 3
    state_type = ConvGRUState

    def step(self, input_to_state: Tensor, state: ConvGRUState) -> ConvGRUState:
        (hidden,) = state
        reset_input, update_input, candidate_input = self.split(input_to_state)
        reset_state, update_state, candidate_state = self.split(self.from_state(hidden))
        reset = torch.sigmoid(reset_input + reset_state)
        update = torch.sigmoid(update_input + update_state)
        candidate = torch.tanh(candidate_input + reset * candidate_state)
        return ConvGRUState(candidate + update * (hidden - candidate))


class ConvGRUCell(RecurrentCell[ConvGRUState]):
    """One ConvGRU layer's step.

    Arguments as for :class:`~convlstm_perception.model.recurrent.lstm.ConvLSTMCell`, but for what
    concerns a cell state, and without a bottleneck, whose gates cannot be told apart into the
    input's and the state's share.

    Raises:
        ValueError: an option is unknown, or does not go with the others.
    """

    def __init__(
        self,
        input_channels: int,
        hidden_channels: int,
        kernel_size: int = 3,
        *,
        input_kernel_size: int | None = None,
        stride: int = 1,
        dilation: int = 1,
        padding: Padding = "same",
        input_groups: int = 1,
        recurrent_dilation: int = 1,
        dimensions: Dimensions = 2,
        recurrence: Recurrence = "dense",
        groups: int = 1,
        normalization: Normalization | None = None,
        zoneout: Zoneout = 0.0,
        time_gates: bool = False,
    ) -> None:
        if recurrence == "bottleneck":
            raise ValueError("recurrence: a ConvGRU has no 'bottleneck'")
        super().__init__(
            ConvGRURecurrence(
                hidden_channels,
                kernel_size,
                dimensions=dimensions,
                dilation=recurrent_dilation,
                recurrence=recurrence,
                groups=groups,
                normalization=normalization,
                zoneout=zoneout,
            ),
            input_channels,
            input_kernel(input_kernel_size, kernel_size, recurrence),
            dimensions=dimensions,
            stride=stride,
            dilation=dilation,
            padding=padding,
            input_groups=input_groups,
            normalization=normalization,
            time_gates=time_gates,
        )


class ConvGRUStackOptions(CellOptions, StackOptions, total=False):
    """What a :class:`ConvGRU` is told by keyword."""


class ConvGRU(RecurrentStack[ConvGRUState]):
    """A stack of ConvGRU layers over a sequence (B, T, C, *space); its state is (H_1, H_2, ...).

    Arguments as for :class:`~convlstm_perception.model.recurrent.stack.RecurrentStack`, options of
    every layer as for :class:`ConvGRUCell`.
    """

    cell_type = ConvGRUCell

    def __init__(
        self,
        input_channels: int,
        hidden_channels: Sequence[int],
        kernel_size: PerLayer = 3,
        **options: Unpack[ConvGRUStackOptions],
    ) -> None:
        super().__init__(input_channels, hidden_channels, kernel_size, **options)
