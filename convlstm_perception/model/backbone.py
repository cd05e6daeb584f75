"""MobileNetV2 (Sandler et al. 2018) with a feature pyramid down to stride 4.

The trunk's modules are named as in the first torchvision release of ``mobilenet_v2``. The pyramid
is that of TensorFlow's CenterNet MobileNetV2-FPN extractor, whose person detector MoveNet MultiPose
is: either set of published weights fits (:mod:`convlstm_perception.training.pretrained`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

# (expansion, output channels, repeats, stride), Sandler et al. 2018, table 2.
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_TOP_CHANNELS = 1280
# The last block before each next stride, as the pyramid takes them.
_TAPS = (3, 6, 10, 18)
PYRAMID_CHANNELS = (64, 32, 24, 24)  # at strides 32, 16, 8, 4


class PyramidFeatures(NamedTuple):
    """The pyramid's maps: (B, 24, H/4, W/4), (B, 24, H/8, W/8) and (B, 32, H/16, W/16)."""

    stride_4: Tensor
    stride_8: Tensor
    stride_16: Tensor


class _SamePadding(nn.Conv2d):
    """Convolution with TensorFlow's "SAME" padding: a stride of 2 pads right and below alone."""

    def forward(self, features: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        if stride == 1:
            return super().forward(features)
        total = kernel - stride
        before = total // 2
        return super().forward(functional.pad(features, (before, total - before) * 2))


def _conv_norm(
    inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    padding = kernel // 2 if stride == 1 else 0
    return [
        _SamePadding(inputs, outputs, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]


def conv_norm_relu(
    inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution with "same" padding, batch normalisation, ReLU6."""
    return nn.Sequential(*_conv_norm(inputs, outputs, kernel, stride, groups), nn.ReLU6())


def separable_conv_relu(inputs: int, outputs: int) -> nn.Sequential:
    """3x3 filter per channel, 1x1 mix, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False),
        nn.Conv2d(inputs, outputs, 1),
        nn.ReLU(),
    )


def scaled_channels(channels: int, width: float) -> int:
    """Channels at a width multiplier: the nearest multiple of 8, never less than 90 %."""
    scaled = max(8, int(channels * width + 4) // 8 * 8)
    return scaled + 8 if scaled < 0.9 * channels * width else scaled


class InvertedResidual(nn.Module):
    """Expand, filter per channel, project (Sandler et al. 2018, figure 3)."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        self.residual = stride == 1 and inputs == outputs
        expanded = inputs * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers.extend(conv_norm_relu(inputs, expanded))
        layers.extend(conv_norm_relu(expanded, expanded, 3, stride, groups=expanded))
        layers.extend(_conv_norm(expanded, outputs))
        self.conv = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        output: Tensor = self.conv(features)
        return features + output if self.residual else output


class MobileNetV2(nn.Module):
    """The convolutional trunk: image in, features at strides 4, 8, 16 and 32 out.

    ``forward`` takes (B, 3, H, W) RGB with H and W multiples of 32 and returns the four maps, from
    stride 4 to stride 32, of ``channels`` channels.

    Args:
        width: multiplier of the channels; 1.0 for ImageNet's, 1.5 for MoveNet MultiPose's weights.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        channels = scaled_channels(32, width)
        blocks: list[nn.Module] = [conv_norm_relu(3, channels, 3, 2)]
        widths = [channels]
        for expansion, outputs, repeats, stride in _STAGES:
            outputs = scaled_channels(outputs, width)
            for repeat in range(repeats):
                blocks.append(
                    InvertedResidual(channels, outputs, stride if repeat == 0 else 1, expansion)
                )
                channels = outputs
                widths.append(channels)
        blocks.append(conv_norm_relu(channels, _TOP_CHANNELS))
        widths.append(_TOP_CHANNELS)
        self.features = nn.Sequential(*blocks)
        self.channels = tuple(widths[tap] for tap in _TAPS)

    def forward(self, image: Tensor) -> list[Tensor]:
        maps = []
        for index, block in enumerate(self.features):
            image = block(image)
            if index in _TAPS:
                maps.append(image)
        return maps

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Take the trunk's weights out of a state dict in the names of torchvision.

        Raises:
            KeyError: when a weight of the trunk is missing, with its name.
            ValueError: when one has another shape: the weights are of another width.
        """
        own = self.state_dict()
        for name, tensor in own.items():
            if "num_batches" in name:
                continue
            if name not in weights:
                raise KeyError(f"pretrained weights lack {name}")
            if weights[name].shape != tensor.shape:
                raise ValueError(
                    f"pretrained weights: {name} is {tuple(weights[name].shape)}, the network has "
                    f"{tuple(tensor.shape)}; set network.width to that of the weights"
                )
        self.load_state_dict({name: weights.get(name, own[name]) for name in own})


class FeaturePyramid(nn.Module):
    """Four-level feature pyramid (Lin et al. 2017), bilinear upsampling, separable smoothing.

    Args:
        trunk_channels: of the trunk's maps from stride 4 to stride 32.
    """

    def __init__(self, trunk_channels: tuple[int, ...]) -> None:
        super().__init__()
        top, *lower = PYRAMID_CHANNELS
        stride_4, stride_8, stride_16, stride_32 = trunk_channels
        self.lateral_32 = nn.Conv2d(stride_32, top, 1)
        self.lateral_16 = nn.Conv2d(stride_16, top, 1)
        self.smooth_16 = separable_conv_relu(top, lower[0])
        self.lateral_8 = nn.Conv2d(stride_8, lower[0], 1)
        self.smooth_8 = separable_conv_relu(lower[0], lower[1])
        self.lateral_4 = nn.Conv2d(stride_4, lower[1], 1)
        self.smooth_4 = separable_conv_relu(lower[1], lower[2])

    def forward(self, maps: list[Tensor]) -> PyramidFeatures:
        stride_16 = self.smooth_16(upsample(self.lateral_32(maps[3]), 2) + self.lateral_16(maps[2]))
        stride_8 = self.smooth_8(upsample(stride_16, 2) + self.lateral_8(maps[1]))
        stride_4 = self.smooth_4(upsample(stride_8, 2) + self.lateral_4(maps[0]))
        return PyramidFeatures(stride_4, stride_8, stride_16)


def upsample(features: Tensor, factor: int) -> Tensor:
    """Bilinear, by a whole factor."""
    larger: Tensor = functional.interpolate(
        features, scale_factor=float(factor), mode="bilinear", align_corners=False
    )
    return larger


def frozen_normalisation(
    convolution: str, normalisation: str, kernel: Tensor, bias: Tensor
) -> dict[str, Tensor]:
    """State of a convolution and a batch normalisation that only adds ``bias``.

    For published weights whose normalisation was folded into the convolution. The variance of 1
    and the epsilon of the normalisation are made up for in its scale.
    """
    epsilon = nn.BatchNorm2d(1).eps
    return {
        f"{convolution}.weight": kernel,
        f"{normalisation}.weight": torch.full_like(bias, (1.0 + epsilon) ** 0.5),
        f"{normalisation}.bias": bias,
        f"{normalisation}.running_mean": torch.zeros_like(bias),
        f"{normalisation}.running_var": torch.ones_like(bias),
    }
