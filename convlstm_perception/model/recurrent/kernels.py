"""The convolutions of a recurrent cell: from its input, and from its own state, to its gates."""

from __future__ import annotations

from typing import Literal, TypeAlias

from torch import nn

Convolution: TypeAlias = "nn.Conv1d | nn.Conv2d | nn.Conv3d"
Dimensions = Literal[1, 2, 3]
Recurrence = Literal["dense", "depthwise", "bottleneck", "grouped"]
Padding = Literal["same", "valid"]
Normalization = Literal["layer", "group"]

_CONVOLUTIONS: dict[int, type[Convolution]] = {
    1: nn.Conv1d,
    2: nn.Conv2d,
    3: nn.Conv3d,
}
RECURRENCES: tuple[Recurrence, ...] = ("dense", "depthwise", "bottleneck", "grouped")
NORMALIZATIONS: tuple[Normalization, ...] = ("layer", "group")


def convolution(
    dimensions: Dimensions,
    inputs: int,
    outputs: int,
    kernel_size: int,
    *,
    stride: int = 1,
    dilation: int = 1,
    padding: Padding = "same",
    groups: int = 1,
    bias: bool = False,
) -> Convolution:
    """A convolution over 1, 2 or 3 axes, zero-padded evenly on both sides ("same") or not.

    Its weights are Xavier's but for a depthwise one: Xavier counts a depthwise filter's outputs as
    if each saw all channels, and would all but cut what comes through.

    Raises:
        ValueError: ``dimensions`` is not 1, 2 or 3, or ``kernel_size`` is not odd.
    """
    if dimensions not in _CONVOLUTIONS:
        raise ValueError(f"dimensions: {dimensions!r} is not 1, 2 or 3")
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(f"kernel_size: {kernel_size} is not odd; what it sees would be shifted")
    if inputs % groups or outputs % groups:
        raise ValueError(f"groups: {groups} does not divide {inputs} and {outputs} channels")
    layer = _CONVOLUTIONS[dimensions](
        inputs,
        outputs,
        kernel_size,
        stride=stride,
        padding=dilation * (kernel_size // 2) if padding == "same" else 0,
        dilation=dilation,
        groups=groups,
        bias=bias,
    )
    if groups == inputs == outputs and groups > 1:
        nn.init.normal_(layer.weight, std=kernel_size ** (-dimensions / 2))
    else:
        nn.init.xavier_uniform_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def separable_convolution(
    dimensions: Dimensions,
    inputs: int,
    outputs: int,
    kernel_size: int,
    *,
    stride: int = 1,
    dilation: int = 1,
    padding: Padding = "same",
    bias: bool = False,
) -> nn.Sequential:
    """A depthwise convolution, then a pointwise one that mixes the channels."""
    return nn.Sequential(
        convolution(
            dimensions,
            inputs,
            inputs,
            kernel_size,
            stride=stride,
            dilation=dilation,
            padding=padding,
            groups=inputs,
        ),
        convolution(dimensions, inputs, outputs, 1, bias=bias),
    )


def normalization_layer(
    kind: Normalization, channels: int, groups: int, *, bias: bool = True
) -> nn.GroupNorm:
    """Over all channels and positions of a sample ("layer"), or over each group of channels.

    Its gain, and its bias if it has one, are per channel and do not depend on the spatial size.
    """
    layer = nn.GroupNorm(groups if kind == "group" else 1, channels)
    if not bias:
        layer.register_parameter("bias", None)
    return layer
