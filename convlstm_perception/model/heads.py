"""Heads of the network: where pedestrians are, and where each will be.

The centre heatmap is dense (CenterNet, Zhou et al. 2019, "Objects as Points"). Everything else is
asked only at the K strongest peaks: a small perceptron reads the features there and gives the
box and its trajectory, so its cost does not grow with the image.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from convlstm_perception.model.backbone import conv_norm_relu

_INITIAL_HEAT = 0.02
_LOG_SCALE_RANGE = (-6.0, 3.0)


class CandidateMotion(NamedTuple):
    """Regressions at N cells of the stride-8 grid, all (B, N, ...) float32.

    Attributes:
        offset: (B, N, 2) from the cell's corner to the box centre, in cells.
        log_size: (B, N, 2) natural log of box width and height in cells.
        velocity: (B, N, 4) of centre x, centre y, in box heights per second, and of log width,
            log height per second.
        displacement: (B, N, H, 4) at each horizon, same units without the "per second": the
            constant-velocity displacement plus a learned residual.
        log_scale: (B, N, H, 4) natural log of the Laplace scale of each displacement.
    """

    offset: Tensor
    log_size: Tensor
    velocity: Tensor
    displacement: Tensor
    log_scale: Tensor


class HeatmapHead(nn.Module):
    """Centre heatmap logits: (B, channels, h, w) -> (B, 1, h, w)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.hidden = conv_norm_relu(channels, channels, 3)
        self.logits = nn.Conv2d(channels, 1, 1)
        assert self.logits.bias is not None
        # A rare foreground: start at its prior, or the first steps only unlearn (Lin et al. 2017,
        # "Focal Loss for Dense Object Detection", section 3.3).
        nn.init.constant_(self.logits.bias, math.log(_INITIAL_HEAT / (1 - _INITIAL_HEAT)))

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.logits(self.hidden(features))
        return logits


class CandidateHead(nn.Module):
    """Box and trajectory at chosen cells: (B, N, channels) -> :class:`CandidateMotion`.

    Args:
        channels: channels of the features at a cell.
        horizons: future times in seconds.
        hidden_channels: width of the perceptron's two hidden layers.
    """

    horizons: Tensor

    def __init__(self, channels: int, horizons: tuple[float, ...], hidden_channels: int) -> None:
        super().__init__()
        self.register_buffer("horizons", torch.tensor(horizons), persistent=False)
        self.box = nn.Sequential(
            nn.Linear(channels, hidden_channels), nn.ReLU(), nn.Linear(hidden_channels, 4)
        )
        self.motion = nn.Sequential(
            nn.Linear(channels, hidden_channels),
            nn.ReLU(),
            nn.Linear(hidden_channels, hidden_channels),
            nn.ReLU(),
            nn.Linear(hidden_channels, 4 + 8 * len(horizons)),
        )

    def forward(self, features: Tensor) -> CandidateMotion:
        box = self.box(features)
        motion = self.motion(features)
        count = self.horizons.shape[0]
        velocity = motion[..., :4]
        residual, log_scale = motion[..., 4:].unflatten(-1, (2, count, 4)).unbind(-3)
        displacement = velocity.unsqueeze(-2) * self.horizons.view(-1, 1) + residual
        return CandidateMotion(
            offset=box[..., :2],
            log_size=box[..., 2:],
            velocity=velocity,
            displacement=displacement,
            log_scale=log_scale.clamp(*_LOG_SCALE_RANGE),
        )
