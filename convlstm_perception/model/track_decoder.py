"""Track decoder: where a pedestrian will be, from the boxes of the track so far.

A residual perceptron over the whole (short) past at once. It answers a residual on the constant
velocity that a least-squares line through the past gives, with a Laplace scale for each number.
The past is laid on a fixed grid of ages, newest first, with a mask: a young track, a missed
detection and any camera rate are all one case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

_LOG_SCALE_RANGE = (-7.0, 3.0)
_LEAST_HEIGHT = 8.0  # pixels: a sliver of a box must not blow its motion up
_SPEED_GAIN = 10.0  # box heights per second are small numbers; inputs should not be


@dataclass(frozen=True)
class TrackDecoderConfig:
    """Shape of a track decoder.

    Attributes:
        slots, step: of the grid of ages: 0, step, ..., (slots - 1) * step seconds.
        horizons: future times in seconds.
        width, blocks: of the perceptron.
        dropout: share of activations dropped in training.
        image_context: whether the place and the size in the image are inputs: they tell of the
            perspective and the ego-motion of one kind of camera, here a car's.
    """

    slots: int = 15
    step: float = 0.1
    horizons: tuple[float, ...] = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
    width: int = 256
    blocks: int = 3
    dropout: float = 0.0
    image_context: bool = False


class TrackForecast(NamedTuple):
    """Future boxes of N tracks.

    Attributes:
        boxes: (N, H, 4) centre x, centre y, width, height in pixels.
        scales: (N, H, 4) Laplace scale of each in pixels.
    """

    boxes: Tensor
    scales: Tensor


class TrackDecoder(nn.Module):
    """Past boxes to future boxes.

    ``forward`` takes ``boxes`` (N, slots, 4) centre x, centre y, width, height in pixels, newest
    first; ``valid`` (N, slots), 1 where a slot holds a box, and always in slot 0; ``image_size``
    (N, 2) width and height in pixels, which count only with ``image_context``.
    """

    ages: Tensor
    horizons: Tensor

    def __init__(self, config: TrackDecoderConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or TrackDecoderConfig()
        ages = torch.arange(config.slots, dtype=torch.float32) * config.step
        self.register_buffer("ages", ages, persistent=False)
        self.register_buffer("horizons", torch.tensor(config.horizons), persistent=False)
        # Place and mask of each slot, motion between neighbouring slots, velocity, shape.
        inputs = 5 * config.slots + 4 * (config.slots - 1) + 4 + 1
        inputs += 5 if config.image_context else 0
        self.inputs = nn.Linear(inputs, config.width)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(config.width),
                nn.Linear(config.width, config.width),
                nn.GELU(),
                nn.Dropout(config.dropout),
                nn.Linear(config.width, config.width),
            )
            for _ in range(config.blocks)
        )
        self.norm = nn.LayerNorm(config.width)
        self.outputs = nn.Linear(config.width, 8 * len(config.horizons))
        # An untrained decoder is constant velocity.
        nn.init.zeros_(self.outputs.weight)
        nn.init.zeros_(self.outputs.bias)

    def forward(self, boxes: Tensor, valid: Tensor, image_size: Tensor) -> TrackForecast:
        height = boxes[:, :1, 3:].clamp(min=_LEAST_HEIGHT)  # (N, 1, 1): the unit of length
        mask = valid.unsqueeze(-1)
        past = (boxes - boxes[:, :1]) / height * mask
        velocity = self._velocity(past, mask)
        features = [
            (2.0 * past).flatten(1),
            valid,
            self._steps(past, mask).flatten(1),
            velocity.flatten(1) * (self._unit_speed()),
            torch.log(boxes[:, 0, 2:3].clamp(min=1.0) / height[:, 0]),
        ]
        if self.config.image_context:
            features.append(self._context(boxes[:, 0], image_size))
        hidden = self.inputs(torch.cat(features, dim=1))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        answer = self.outputs(self.norm(hidden)).unflatten(-1, (len(self.horizons), 8))
        residual, log_scale = answer.chunk(2, dim=-1)
        # Errors grow with time: so does what an untrained answer of 0 stands for.
        ahead = self.horizons.view(-1, 1)
        growth = ahead / (self.config.slots * self.config.step)
        displacement = velocity * ahead + residual * growth
        scale = log_scale.clamp(*_LOG_SCALE_RANGE).exp() * growth
        return TrackForecast(boxes[:, :1] + displacement * height, scale * height)

    def _unit_speed(self) -> float:
        return _SPEED_GAIN * self.config.step

    def _velocity(self, past: Tensor, mask: Tensor) -> Tensor:
        """(N, 1, 4) least-squares slope through the valid slots, in heights per second."""
        time = -self.ages.view(1, -1, 1) * mask
        count = mask.sum(dim=1, keepdim=True).clamp(min=1.0)
        time = (time - time.sum(dim=1, keepdim=True) / count) * mask
        moment = (time * past).sum(dim=1, keepdim=True)
        spread = (time * time).sum(dim=1, keepdim=True)
        # One slot alone has no spread, and so no velocity.
        slope: Tensor = moment / spread.clamp(min=1e-6)
        return slope

    def _steps(self, past: Tensor, mask: Tensor) -> Tensor:
        """(N, slots - 1, 4) change from each slot to the newer one, where both are valid."""
        both = mask[:, :-1] * mask[:, 1:]
        return (past[:, :-1] - past[:, 1:]) * both * _SPEED_GAIN

    def _context(self, box: Tensor, image_size: Tensor) -> Tensor:
        """(N, 5) place and size of the newest box in the image."""
        place = box[:, :2] / image_size - 0.5
        size = box[:, 2:] / image_size * box.new_tensor([5.0, 2.0])
        return torch.cat([place, size, torch.log(box[:, 3:].clamp(min=1.0) / 100.0)], dim=1)
