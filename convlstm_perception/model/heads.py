"""Heads of the network: where pedestrians are, and where each will be.

The centre heatmap is dense (CenterNet, Zhou et al. 2019, "Objects as Points"). Everything else is
asked only at the K strongest peaks: small perceptrons read the features there and give the box and
its trajectory, so their cost does not grow with the image.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

_INITIAL_HEAT = 0.02
_LOG_SCALE_RANGE = (-6.0, 3.0)
_SMALLEST_SIDE = 0.5  # cells
_HIDDEN = 96


class CandidateBox(NamedTuple):
    """Boxes at N cells of the stride-4 grid, in cells, float32.

    Attributes:
        offset: (B, N, 2) from the cell's corner to the box centre.
        size: (B, N, 2) width and height.
    """

    offset: Tensor
    size: Tensor


class CandidateMotion(NamedTuple):
    """Motion at N cells, float32.

    Attributes:
        velocity: (B, N, 4) of centre x, centre y, in box heights per second, and of log width,
            log height per second.
        displacement: (B, N, H, 4) at each horizon, same units without the "per second": the
            constant-velocity displacement plus a learned residual.
        log_scale: (B, N, H, 4) natural log of the Laplace scale of each displacement.
    """

    velocity: Tensor
    displacement: Tensor
    log_scale: Tensor


def _filter(channels: int, kernel: int = 3) -> nn.Conv2d:
    """One filter per channel."""
    return nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False)


def _perceptron(inputs: int, *widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in widths:
        layers.extend([nn.Linear(inputs, width), nn.ReLU()])
        inputs = width
    return nn.Sequential(*layers[:-1])


def at_cells(features: Tensor, cells: Tensor) -> Tensor:
    """(B, C, h, w) read at flat cells (B, N): (B, N, C)."""
    index = cells.unsqueeze(1).expand(-1, features.shape[1], -1)
    return features.flatten(2).gather(2, index).transpose(1, 2)


class HeatmapHead(nn.Module):
    """Centre heatmap logits: (B, channels, h, w) -> (B, 1, h, w)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.filter = _filter(channels)
        self.hidden = nn.Conv2d(channels, _HIDDEN, 1)
        self.logits = nn.Conv2d(_HIDDEN, 1, 1)
        assert self.logits.bias is not None
        # A rare foreground: start at its prior, or the first steps only unlearn (Lin et al. 2017,
        # "Focal Loss for Dense Object Detection", section 3.3).
        nn.init.constant_(self.logits.bias, math.log(_INITIAL_HEAT / (1 - _INITIAL_HEAT)))

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.logits(torch.relu(self.hidden(self.filter(features))))
        return logits


class BoxHead(nn.Module):
    """Boxes at chosen cells: (B, channels, h, w) and (B, N) -> :class:`CandidateBox`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.offset_filter, self.size_filter = _filter(channels), _filter(channels)
        self.offset = _perceptron(channels, _HIDDEN, 2)
        self.size = _perceptron(channels, _HIDDEN, 2)

    def forward(self, features: Tensor, cells: Tensor) -> CandidateBox:
        size = self.size(at_cells(self.size_filter(features), cells))
        return CandidateBox(
            self.offset(at_cells(self.offset_filter(features), cells)),
            size.clamp(min=_SMALLEST_SIDE),
        )


class MotionHead(nn.Module):
    """Trajectories from the ConvLSTM's hidden state, read at each candidate.

    Args:
        hidden_channels: of the ConvLSTM.
        channels: of the newest frame's features.
        horizons: future times in seconds.
        residual_on_velocity: whether displacements are a residual on constant velocity, or free.
    """

    horizons: Tensor

    def __init__(
        self,
        hidden_channels: int,
        channels: int,
        horizons: tuple[float, ...],
        residual_on_velocity: bool = True,
    ) -> None:
        super().__init__()
        self.register_buffer("horizons", torch.tensor(horizons), persistent=False)
        self.residual_on_velocity = residual_on_velocity
        self.state_filter, self.skip_filter = _filter(hidden_channels, 5), _filter(channels)
        # Beside the features: log size, and where in the coarse cell the pedestrian is.
        inputs = 2 * hidden_channels + channels + 4
        self.perceptron = _perceptron(inputs, 192, 192, 4 + 8 * len(horizons))
        last = self.perceptron[-1]
        assert isinstance(last, nn.Linear)
        # Start at "stands still": small answers, and a scale that is not yet sure.
        nn.init.normal_(last.weight, std=0.01)
        nn.init.zeros_(last.bias)

    def forward(
        self,
        hidden: Tensor,
        skip: Tensor,
        box: CandidateBox,
        cells: Tensor,
        coarse_cells: Tensor,
        place: Tensor,
    ) -> CandidateMotion:
        """Motion of candidates.

        Args:
            hidden: (B, hidden, h/4, w/4) the ConvLSTM's state; skip: (B, channels, h, w).
            box: of the candidates; cells: (B, N) on the grid of ``skip``.
            coarse_cells: (B, N) on the grid of ``hidden``.
            place: (B, N, 2) of the box centre in its coarse cell, each in [-0.5, 0.5].
        """
        features = torch.cat(
            [
                at_cells(hidden, coarse_cells),
                at_cells(self.state_filter(hidden), coarse_cells),
                at_cells(self.skip_filter(skip), cells),
                torch.log(box.size.detach()),
                place.detach(),
            ],
            dim=-1,
        )
        answer = self.perceptron(features)
        velocity = answer[..., :4]
        residual, log_scale = answer[..., 4:].unflatten(-1, (len(self.horizons), 8)).chunk(2, -1)
        displacement = residual
        if self.residual_on_velocity:
            displacement = displacement + velocity.unsqueeze(-2) * self.horizons.view(-1, 1)
        return CandidateMotion(velocity, displacement, log_scale.clamp(*_LOG_SCALE_RANGE))
