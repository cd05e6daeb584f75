"""The state-dependent half of a recurrent cell, whatever its gates do."""

from __future__ import annotations

from typing import ClassVar, Generic

import torch
from torch import Tensor, nn

from convlstm_perception.model.recurrent.kernels import (
    NORMALIZATIONS,
    RECURRENCES,
    Dimensions,
    Normalization,
    Recurrence,
    convolution,
    normalization_layer,
    separable_convolution,
)
from convlstm_perception.model.recurrent.state import State, Zoneout, zone_out, zoneout_shares


class GatedRecurrence(nn.Module, Generic[State]):
    """From input-to-state tensors to states; a subclass says what the gates do.

    Attributes:
        input_features: channels of an input-to-state tensor.

    Args:
        hidden_channels: of the state.
        kernel_size, dilation: of the state-to-state convolution.
        dimensions, recurrence, groups, bottleneck_channels, normalization, zoneout: see
            :class:`~convlstm_perception.model.recurrent.cell.RecurrentCell`.

    Raises:
        ValueError: an option is unknown, or does not go with the others.
    """

    gate_count: ClassVar[int]
    state_type: type[State]

    def __init__(
        self,
        hidden_channels: int,
        kernel_size: int = 3,
        *,
        dimensions: Dimensions = 2,
        dilation: int = 1,
        recurrence: Recurrence = "dense",
        groups: int = 1,
        bottleneck_channels: int | None = None,
        normalization: Normalization | None = None,
        zoneout: Zoneout = 0.0,
    ) -> None:
        super().__init__()
        _check(recurrence, groups, bottleneck_channels, normalization)
        gates = self.gate_count * hidden_channels
        self.hidden_channels, self.groups = hidden_channels, groups
        self.zoneout = zoneout_shares(zoneout, len(self.state_type._fields))
        self.input_features = gates
        self.expand: nn.Module | None = None
        self.state_to_state: nn.Module
        if recurrence == "bottleneck":
            self.input_features = bottleneck_channels or hidden_channels
            self.state_to_state = separable_convolution(
                dimensions, hidden_channels, self.input_features, kernel_size, dilation=dilation
            )
            self.expand = separable_convolution(
                dimensions, self.input_features, gates, kernel_size, bias=True
            )
        elif recurrence == "depthwise":
            self.state_to_state = separable_convolution(
                dimensions, hidden_channels, gates, kernel_size, dilation=dilation
            )
        else:
            self.state_to_state = convolution(
                dimensions, hidden_channels, gates, kernel_size, dilation=dilation, groups=groups
            )
        self.normalize: nn.Module | None = None
        if normalization is not None:
            self.normalize = normalization_layer(
                normalization, gates, self.gate_count * groups, bias=self.expand is not None
            )
        if isinstance(self.expand, nn.Sequential):
            last = self.expand[-1] if self.normalize is None else self.normalize
            assert isinstance(last.bias, Tensor)
            self.initialize_bias(last.bias)

    def initialize_bias(self, bias: Tensor) -> None:
        """Set what is added to the gates to what the cell begins with: nothing."""
        with torch.no_grad():
            bias.zero_()

    def zero_state(self, input_to_state: Tensor) -> State:
        """The state of all zeros ("nothing known yet") that fits an input-to-state tensor."""
        batch, _, *space = input_to_state.shape
        zeros = input_to_state.new_zeros(batch, self.hidden_channels, *space)
        return self.state_type(*(zeros for _ in self.state_type._fields))

    def forward(self, input_to_state: Tensor, state: State) -> State:
        """One step from a ready input-to-state tensor (B, input_features, *space)."""
        return zone_out(self.step(input_to_state, state), state, self.zoneout, self.training)

    def step(self, input_to_state: Tensor, state: State) -> State:
        """One step, of every value of the state."""
        raise NotImplementedError

    def gates(self, input_to_state: Tensor, hidden: Tensor) -> Tensor:
        """Pre-activations of all gates, (B, gate_count * hidden, *space)."""
        if self.expand is None:
            return input_to_state + self.from_state(hidden)
        gates: Tensor = self.expand(torch.relu(input_to_state + self.state_to_state(hidden)))
        return gates if self.normalize is None else self.normalize(gates)

    def from_state(self, hidden: Tensor) -> Tensor:
        """The state's share of :meth:`gates`, where they are a sum; normalised on its own."""
        share: Tensor = self.state_to_state(hidden)
        return share if self.normalize is None else self.normalize(share)

    def scannable(self) -> bool:
        """Whether :meth:`scan` does what :meth:`forward` would, step by step."""
        return False

    def scan(self, input_to_state: Tensor, steps: int, state: State | None) -> tuple[Tensor, State]:
        """A whole sequence at once.

        Args:
            input_to_state: (T * B, input_features, *space), step after step; it is overwritten.
            steps: T.
            state: before the first step; None is the zero state.

        Returns:
            The hidden states (T, B, hidden, *space) and the state after the last step.
        """
        raise NotImplementedError

    def split(self, gates: Tensor) -> tuple[Tensor, ...]:
        """Each gate, (B, hidden, *space).

        A grouped convolution answers group after group, each with its gates in their order.
        """
        if self.groups == 1:
            return gates.chunk(self.gate_count, dim=1)
        by_gate = gates.unflatten(1, (self.groups, self.gate_count, -1)).unbind(2)
        return tuple(gate.flatten(1, 2) for gate in by_gate)


def _check(
    recurrence: Recurrence,
    groups: int,
    bottleneck_channels: int | None,
    normalization: Normalization | None,
) -> None:
    if recurrence not in RECURRENCES:
        raise ValueError(f"recurrence: {recurrence!r} is none of {', '.join(RECURRENCES)}")
    if normalization is not None and normalization not in NORMALIZATIONS:
        raise ValueError(f"normalization: {normalization!r} is none of {', '.join(NORMALIZATIONS)}")
    if (recurrence == "grouped") != (groups > 1):
        raise ValueError(
            f"groups: {groups} with recurrence {recurrence!r}; 2 or more go with 'grouped', 1 with "
            "the others"
        )
    if bottleneck_channels is not None and recurrence != "bottleneck":
        raise ValueError(
            f"bottleneck_channels: recurrence {recurrence!r} has none; only 'bottleneck' has"
        )
