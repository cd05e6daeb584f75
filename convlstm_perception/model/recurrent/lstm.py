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
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from convlstm_perception.model.recurrent.cell import CellOptions, RecurrentCell, input_kernel
from convlstm_perception.model.recurrent.kernels import (
    Convolution,
    Dimensions,
    Normalization,
    Padding,
    Recurrence,
    normalization_layer,
)
from convlstm_perception.model.recurrent.recurrence import GatedRecurrence
from convlstm_perception.model.recurrent.scan import scan
from convlstm_perception.model.recurrent.stack import PerLayer, RecurrentStack, StackOptions
from convlstm_perception.model.recurrent.state import ConvLSTMState, Zoneout
from convlstm_perception.model.recurrent.winograd_scan import is_worthwhile, winograd_scan

if TYPE_CHECKING:
    from typing_extensions import Unpack


class ConvLSTMRecurrence(GatedRecurrence[ConvLSTMState]):
    """The state-dependent half of a ConvLSTM: from input-to-state tensors to states.

    Arguments and errors as for :class:`ConvLSTMCell`.
    """

    gate_count = 4
    state_type = ConvLSTMState

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
        peepholes: bool | tuple[int, ...] = False,
        normalization: Normalization | None = None,
        zoneout: Zoneout = 0.0,
        cell_clamp: float | None = None,
    ) -> None:
        super().__init__(
            hidden_channels,
            kernel_size,
            dimensions=dimensions,
            dilation=dilation,
            recurrence=recurrence,
            groups=groups,
            bottleneck_channels=bottleneck_channels,
            normalization=normalization,
            zoneout=zoneout,
        )
        self.cell_clamp = cell_clamp
        self.peephole_weights: nn.Parameter | None = None
        if peepholes is not False:
            space = [1] * dimensions if peepholes is True else list(peepholes)
            if len(space) != dimensions:
                raise ValueError(
                    f"peepholes: {peepholes} is no size in {dimensions} dimension(s); True is one "
                    "weight per channel, whatever the size"
                )
            self.peephole_weights = nn.Parameter(torch.zeros(3, hidden_channels, *space))
        self.normalize_cell: nn.Module | None = None
        if normalization is not None:
            self.normalize_cell = normalization_layer(normalization, hidden_channels, groups)

    def initialize_bias(self, bias: Tensor) -> None:
        """Remember by default: the forget gate's is 1 (Jozefowicz et al. 2015)."""
        super().initialize_bias(bias)
        with torch.no_grad():
            bias.view(self.groups, self.gate_count, -1)[:, 1] = 1.0

    def step(self, input_to_state: Tensor, state: ConvLSTMState) -> ConvLSTMState:
        hidden, cell = state
        gates = self.split(self.gates(input_to_state, hidden))
        input_gate, forget_gate, candidate, output_gate = gates
        if self.peephole_weights is not None:
            input_gate = input_gate + self.peephole_weights[0] * cell
            forget_gate = forget_gate + self.peephole_weights[1] * cell
        cell = torch.sigmoid(forget_gate) * cell + torch.sigmoid(input_gate) * torch.tanh(candidate)
        if self.cell_clamp is not None:
            cell = cell.clamp(-self.cell_clamp, self.cell_clamp)
        if self.peephole_weights is not None:
            output_gate = output_gate + self.peephole_weights[2] * cell
        shown = cell if self.normalize_cell is None else self.normalize_cell(cell)
        return ConvLSTMState(torch.sigmoid(output_gate) * torch.tanh(shown), cell)

    def scannable(self) -> bool:
        """Whether :meth:`scan` does what :meth:`forward` would, step by step."""
        return self.expand is None and self.normalize is None and not any(self.zoneout)

    def scan(
        self, input_to_state: Tensor, steps: int, state: ConvLSTMState | None
    ) -> tuple[Tensor, ConvLSTMState]:
        """All steps at once; see :func:`~convlstm_perception.model.recurrent.scan.scan`."""
        kernel = self.state_to_state
        chain = kernel if isinstance(kernel, nn.Sequential) else [kernel]
        return scan(
            input_to_state,
            steps,
            state,
            tuple(cast("Convolution", layer) for layer in chain),
            peephole_weights=self.peephole_weights,
            cell_clamp=self.cell_clamp,
            groups=self.groups,
        )


class ConvLSTMOptions(CellOptions, total=False):
    """What a ConvLSTM cell is told by keyword; see :class:`ConvLSTMCell`."""

    bottleneck_channels: int | None
    peepholes: bool | tuple[int, ...]
    cell_clamp: float | None


class ConvLSTMCell(RecurrentCell[ConvLSTMState]):
    """One ConvLSTM layer's step.

    Args:
        input_channels: channels of the input X.
        hidden_channels: channels of the hidden state H and of the cell state C.
        kernel_size: odd side of the recurrent kernel.
        input_kernel_size: odd side of the input's kernel; None is ``kernel_size``, or 1 of a
            depthwise recurrence.
        stride, dilation, padding, input_groups: of the input's convolution. ``padding`` is
            ``"same"`` (zeros: the outside is unknown) or ``"valid"``. The state is as large as what
            it answers; the state's own convolution keeps that size.
        recurrent_dilation: of the state's convolution.
        dimensions: axes of space, 1, 2 or 3.
        recurrence: how the gates hear the state.

            - ``"dense"``: one full kernel to the four gates (Shi et al. 2015).
            - ``"depthwise"``: one kernel for each channel of H, then a 1x1 convolution to the gates
              (DWSConvLSTM2d of Gehrig and Scaramuzza 2023, "Recurrent Vision Transformers").
            - ``"grouped"``: a full kernel within each of ``groups`` groups of channels of H; all
              groups hear the whole input (Liu et al. 2019, "Looking Fast and Slow").
            - ``"bottleneck"``: separable convolutions and a ReLU bring input and state to
              ``bottleneck_channels``, a separable convolution brings those to the gates (Liu and
              Zhu 2018, "Mobile Video Object Detection with Temporally-Aware Feature Maps"; there
              the candidate passes a ReLU instead of the tanh).
        groups: of a grouped recurrence.
        bottleneck_channels: of a bottleneck recurrence; None is ``hidden_channels``.
        peepholes: let the gates see the cell state: True, by one weight per channel, so that the
            module stays free of the spatial size; a size, as (64, 64), by one weight for each
            channel and position of a state of that size, as Shi et al. do.
        normalization: of the gates' pre-activations, of the input's and the state's half apart, and
            of the cell state where the output shows it (Ba et al. 2016, "Layer Normalization",
            equations 20 to 22): ``"layer"`` over all channels and positions of a sample,
            ``"group"`` over each gate. Gains and biases are one per channel.
        zoneout: share of the values that stay as they were at a step in training (Krueger et al.
            2017, "Zoneout"), of H and C alike, or (of H, of C).
        cell_clamp: bound of abs(C), or None. A bounded cell cannot drift in half precision
            (Liu et al. 2019, "Looking Fast and Slow").
        time_gates: let the gates see the time since the step before: a learned vector times ``dt``,
            which is what the convolution of a constant plane ``dt`` comes to.

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
        bottleneck_channels: int | None = None,
        peepholes: bool | tuple[int, ...] = False,
        normalization: Normalization | None = None,
        zoneout: Zoneout = 0.0,
        cell_clamp: float | None = None,
        time_gates: bool = False,
    ) -> None:
        super().__init__(
            ConvLSTMRecurrence(
                hidden_channels,
                kernel_size,
                dimensions=dimensions,
                dilation=recurrent_dilation,
                recurrence=recurrence,
                groups=groups,
                bottleneck_channels=bottleneck_channels,
                peepholes=peepholes,
                normalization=normalization,
                zoneout=zoneout,
                cell_clamp=cell_clamp,
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

    def has_whole(self, inputs: Tensor) -> bool:
        """On a CPU, for dense 3x3 kernels of stride and dilation 1 and enough to multiply; see
        :mod:`~convlstm_perception.model.recurrent.winograd_scan`."""
        recurrence = self.recurrence
        assert isinstance(recurrence, ConvLSTMRecurrence)
        looks = recurrence.peephole_weights
        kernels = (self.input_to_state, recurrence.state_to_state)
        if inputs.dim() != 5:  # not (T, B, C, H, W)
            return False
        _, batch, _, height, width = inputs.shape
        return (
            inputs.device.type == "cpu"
            and inputs.dtype in (torch.float32, torch.float64)
            and recurrence.scannable()
            and (looks is None or looks[0, 0].numel() == 1)
            and all(_is_plain_3x3(kernel) for kernel in kernels)
            and is_worthwhile(batch, recurrence.hidden_channels, height, width)
        )

    def whole(self, inputs: Tensor, state: ConvLSTMState | None) -> tuple[Tensor, ConvLSTMState]:
        recurrence = self.recurrence
        assert isinstance(recurrence, ConvLSTMRecurrence)
        layer, kernel = self.input_to_state, recurrence.state_to_state
        assert isinstance(layer, nn.Conv2d) and isinstance(kernel, nn.Conv2d)
        assert layer.bias is not None
        return winograd_scan(
            inputs,
            layer.weight,
            layer.bias,
            kernel.weight,
            state,
            peephole_weights=recurrence.peephole_weights,
            cell_clamp=recurrence.cell_clamp,
        )


def _is_plain_3x3(layer: nn.Module) -> bool:
    """Whether a layer is a convolution that Winograd's algorithm computes."""
    return (
        isinstance(layer, nn.Conv2d)
        and layer.kernel_size == (3, 3)
        and layer.stride == layer.dilation == layer.padding == (1, 1)
        and layer.groups == 1
    )


class ConvLSTMStackOptions(ConvLSTMOptions, StackOptions, total=False):
    """What a :class:`ConvLSTM` is told by keyword."""


class ConvLSTM(RecurrentStack[ConvLSTMState]):
    """A stack of ConvLSTM layers over a sequence (B, T, C, *space).

    Its state is (H_1, C_1, H_2, C_2, ...); in a bidirectional stack the backward direction's of a
    layer follow the forward one's.

    Arguments as for :class:`~convlstm_perception.model.recurrent.stack.RecurrentStack`, options of
    every layer as for :class:`ConvLSTMCell`.
    """

    cell_type = ConvLSTMCell

    def __init__(
        self,
        input_channels: int,
        hidden_channels: Sequence[int],
        kernel_size: PerLayer = 3,
        **options: Unpack[ConvLSTMStackOptions],
    ) -> None:
        super().__init__(input_channels, hidden_channels, kernel_size, **options)
