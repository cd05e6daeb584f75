"""One layer's step of a recurrent network whose products are convolutions."""

from __future__ import annotations

from typing import Generic, TypedDict

import torch
from torch import Tensor, nn

from convlstm_perception.model.recurrent.kernels import (
    Dimensions,
    Normalization,
    Padding,
    Recurrence,
    convolution,
    normalization_layer,
    separable_convolution,
)
from convlstm_perception.model.recurrent.recurrence import GatedRecurrence
from convlstm_perception.model.recurrent.state import State, Zoneout


class CellOptions(TypedDict, total=False):
    """What a cell of either kind is told by keyword, but for its stride."""

    input_kernel_size: int | None
    dilation: int
    padding: Padding
    input_groups: int
    recurrent_dilation: int
    dimensions: Dimensions
    recurrence: Recurrence
    groups: int
    normalization: Normalization | None
    zoneout: Zoneout
    time_gates: bool


class RecurrentCell(nn.Module, Generic[State]):
    """One layer's step: the input's half of the gates, and the recurrence that adds the state's.

    Args:
        recurrence: the state-dependent half.
        input_channels: channels of the input X.
        input_kernel_size: odd side of the input's kernel.
        dimensions: axes of space, 1, 2 or 3.
        stride, dilation, padding, input_groups: of the input's convolution. ``padding`` is "same"
            (zeros: the outside is unknown) or "valid". The state is as large as what it answers.
        time_gates: let the gates see the time since the step before: a learned vector times
            ``dt``, which is what the convolution of a constant plane ``dt`` comes to.
        normalization: of the input's half; see :class:`GatedRecurrence`.

    Raises:
        ValueError: an option is unknown, or does not go with the others.
    """

    def __init__(
        self,
        recurrence: GatedRecurrence[State],
        input_channels: int,
        input_kernel_size: int,
        *,
        dimensions: Dimensions,
        stride: int,
        dilation: int,
        padding: Padding,
        input_groups: int,
        time_gates: bool,
        normalization: Normalization | None,
    ) -> None:
        super().__init__()
        if padding not in ("same", "valid"):
            raise ValueError(f"padding: {padding!r} is neither 'same' nor 'valid'")
        self.recurrence: GatedRecurrence[State] = recurrence
        features = recurrence.input_features
        self.normalize_input: nn.Module | None = None
        if recurrence.expand is not None:
            if input_groups != 1:
                raise ValueError("input_groups: a bottleneck's input is convolved separably")
            self.input_to_state: nn.Module = separable_convolution(
                dimensions,
                input_channels,
                features,
                input_kernel_size,
                stride=stride,
                dilation=dilation,
                padding=padding,
                bias=True,
            )
        else:
            self.input_to_state = layer = convolution(
                dimensions,
                input_channels,
                features,
                input_kernel_size,
                stride=stride,
                dilation=dilation,
                padding=padding,
                groups=input_groups,
                bias=normalization is None,
            )
            bias = layer.bias
            if normalization is not None:
                self.normalize_input = normalization_layer(
                    normalization, features, recurrence.gate_count * recurrence.groups
                )
                bias = self.normalize_input.bias
            assert bias is not None
            recurrence.initialize_bias(bias)
        self.time_to_gates = (
            nn.Parameter(torch.zeros(1, features, *[1] * dimensions)) if time_gates else None
        )

    def input_gates(self, inputs: Tensor, dt: Tensor | None = None) -> Tensor:
        """The state-independent half of a step.

        Args:
            inputs: (N, input_channels, *space); the N may be frames of a whole sequence.
            dt: (N,) seconds since the step before, of a cell with time gates; None is 0.

        Returns:
            (N, input_features, *space of the state).

        Raises:
            ValueError: ``dt`` is given to a cell without time gates.
        """
        gates: Tensor = self.input_to_state(inputs)
        if self.normalize_input is not None:
            gates = self.normalize_input(gates)
        if dt is None:
            return gates
        if self.time_to_gates is None:
            raise ValueError("dt: this cell has no time gates; make it with time_gates=True")
        return gates + dt.to(gates.dtype).view(-1, *[1] * (gates.dim() - 1)) * self.time_to_gates

    def has_whole(self, inputs: Tensor) -> bool:
        """Whether :meth:`whole` does what steps would, and faster, for such inputs."""
        return False

    def whole(self, inputs: Tensor, state: State | None) -> tuple[Tensor, State]:
        """A whole sequence at once, its input-to-state convolutions too.

        Args:
            inputs: (T, B, input_channels, *space).
            state: before the first step; None is the zero state.

        Returns:
            The hidden states (T, B, hidden, *space) and the state after the last step.
        """
        raise NotImplementedError

    def forward(
        self, inputs: Tensor, state: State | None = None, *, dt: Tensor | None = None
    ) -> State:
        """One step from an input (B, input_channels, *space); None is the zero state."""
        input_to_state = self.input_gates(inputs, dt)
        before = self.recurrence.zero_state(input_to_state) if state is None else state
        after: State = self.recurrence(input_to_state, before)
        return after


def input_kernel(size: int | None, kernel_size: int, recurrence: Recurrence) -> int:
    """Side of the input's kernel: as told, else as the recurrence has it."""
    if size is not None:
        return size
    return 1 if recurrence == "depthwise" else kernel_size
