"""PedestrianMotionNet: an encoder run once per frame, and a ConvLSTM that reads a window of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from convlstm_perception.model.backbone import FeaturePyramid, MobileNetV2, conv_norm_relu
from convlstm_perception.model.convlstm import (
    ConvLSTMRecurrence,
    ConvLSTMState,
    Recurrence,
    input_to_state_convolution,
)
from convlstm_perception.model.heads import CandidateHead, CandidateMotion, HeatmapHead

CELL = 8  # stride of the output grid, in input pixels
_CELL_CLAMP = 6.0
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of the network.

    Attributes:
        channels: width of the feature pyramid and of the heads.
        hidden_channels: channels of the ConvLSTM's states.
        kernel_size: recurrent kernel.
        recurrence: see :class:`ConvLSTMCell`.
        candidates: K, the number of peaks kept.
        horizons: future times in seconds.
    """

    channels: int = 64
    hidden_channels: int = 96
    kernel_size: int = 5
    recurrence: Recurrence = "depthwise"
    candidates: int = 64
    horizons: tuple[float, ...] = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)


class MotionOutput(NamedTuple):
    """What the motion part answers, in pixels of the network's input.

    Attributes:
        boxes: (B, K, 4) centre x, centre y, width, height.
        scores: (B, K) in [0, 1], falling.
        future_boxes: (B, K, H, 4) the box at each horizon.
        future_scales: (B, K, H, 4) Laplace scale of centre x, centre y in pixels, and of log
            width, log height.
    """

    boxes: Tensor
    scores: Tensor
    future_boxes: Tensor
    future_scales: Tensor


class Encoder(nn.Module):
    """One frame to what the window keeps of it.

    ``forward`` takes uint8 (B, H, W, 3) in the order blue, green, red, and returns
    ``input_to_state`` (B, 4 * hidden, H/16, W/16) and ``skip`` (B, channels, H/8, W/8).
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        shape = (1, 3, 1, 1)
        self.register_buffer("mean", torch.tensor(_IMAGENET_MEAN).view(shape), persistent=False)
        self.register_buffer(
            "deviation", torch.tensor(_IMAGENET_DEVIATION).view(shape), persistent=False
        )
        self.backbone = MobileNetV2()
        self.pyramid = FeaturePyramid(config.channels)
        self.input_to_state = input_to_state_convolution(
            config.channels, config.hidden_channels, config.kernel_size, config.recurrence
        )

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        skip, coarse = self.features(image)
        return self.input_to_state(coarse), skip

    def features(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Pyramid features at stride 8 and stride 16, before the ConvLSTM."""
        # Cast first: TensorRT takes uint8 into nothing but a cast. Split and concatenate instead
        # of an index: the index becomes a GatherND.
        planes = image.to(torch.float32).permute(0, 3, 1, 2)
        blue, green, red = planes.split(1, dim=1)
        rgb = torch.cat([red, green, blue], dim=1)
        normalised = (rgb * (1.0 / 255.0) - self.mean) / self.deviation
        skip, coarse = self.pyramid(*self.backbone(normalised))
        return skip, coarse


class Motion(nn.Module):
    """A window of encoded frames to pedestrians and their trajectories.

    ``forward`` takes T ``input_to_state`` tensors, newest first, the newest frame's ``skip``, and
    (B, T) ``valid`` and ``dt``. A slot that is not valid leaves the state as it is. ``dt`` is the
    time in seconds since the next older valid slot: seen as a constant input plane, whose
    convolution is a learned vector times ``dt``.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.candidates = config.candidates
        self.recurrence = ConvLSTMRecurrence(
            config.hidden_channels,
            config.kernel_size,
            recurrence=config.recurrence,
            cell_clamp=_CELL_CLAMP,
        )
        self.dt_to_gates = nn.Parameter(torch.zeros(1, 4 * config.hidden_channels, 1, 1))
        self.hidden_to_skip = nn.Conv2d(config.hidden_channels, config.channels, 1)
        self.tower = conv_norm_relu(config.channels, config.channels, 3)
        self.heatmap = HeatmapHead(config.channels)
        self.candidate = CandidateHead(config.channels, config.horizons, 2 * config.channels)

    def forward(
        self, input_to_state: Sequence[Tensor], skip: Tensor, valid: Tensor, dt: Tensor
    ) -> MotionOutput:
        features = self.fuse(input_to_state, skip, valid, dt)
        scores, cells = self.peaks(torch.sigmoid(self.heatmap(features)))
        return self.decode(self.at_cells(features, cells), cells, scores, skip.shape[-1])

    def fuse(
        self, input_to_state: Sequence[Tensor], skip: Tensor, valid: Tensor, dt: Tensor
    ) -> Tensor:
        """Run the ConvLSTM over the window, oldest slot first, and join it with the newest frame.

        Returns:
            (B, channels, H/8, W/8) features that both heads read.
        """
        state = self.recurrence.zero_state(input_to_state[0])
        for slot in range(len(input_to_state) - 1, -1, -1):
            elapsed = dt[:, slot].view(-1, 1, 1, 1)
            after = self.recurrence(input_to_state[slot] + elapsed * self.dt_to_gates, state)
            keep = valid[:, slot].view(-1, 1, 1, 1)
            state = ConvLSTMState(
                *(keep * new + (1.0 - keep) * old for new, old in zip(after, state, strict=True))
            )
        memory = functional.interpolate(
            self.hidden_to_skip(state.hidden), scale_factor=2.0, mode="nearest"
        )
        features: Tensor = self.tower(skip + memory)
        return features

    def peaks(self, heat: Tensor) -> tuple[Tensor, Tensor]:
        """The K strongest local maxima of (B, 1, h, w): scores (B, K) and flat cells (B, K)."""
        strongest = functional.max_pool2d(heat, 3, stride=1, padding=1)
        kept = heat * (heat >= strongest).to(heat.dtype)
        scores, cells = kept.flatten(1).topk(self.candidates, dim=1)
        return scores, cells

    def at_cells(self, features: Tensor, cells: Tensor) -> CandidateMotion:
        """The candidate head's answer at flat cells (B, N) of the stride-8 grid."""
        index = cells.unsqueeze(1).expand(-1, features.shape[1], -1)
        chosen = features.flatten(2).gather(2, index).transpose(1, 2)
        motion: CandidateMotion = self.candidate(chosen)
        return motion

    def decode(
        self, motion: CandidateMotion, cells: Tensor, scores: Tensor, columns: int
    ) -> MotionOutput:
        """Regressions at cells to boxes and trajectories in input pixels."""
        row = torch.div(cells, columns, rounding_mode="floor")
        corner = torch.stack([cells - row * columns, row], dim=-1).to(scores.dtype)
        centre = (corner + motion.offset) * CELL
        size = motion.log_size.clamp(-4.0, 6.0).exp() * CELL
        unit = size[..., 1:].unsqueeze(-2)  # displacements are in box heights
        growth = motion.displacement[..., 2:].clamp(-3.0, 3.0).exp()
        scale = motion.log_scale.exp()
        return MotionOutput(
            boxes=torch.cat([centre, size], dim=-1),
            scores=scores,
            future_boxes=torch.cat(
                [
                    centre.unsqueeze(-2) + motion.displacement[..., :2] * unit,
                    size.unsqueeze(-2) * growth,
                ],
                dim=-1,
            ),
            future_scales=torch.cat([scale[..., :2] * unit, scale[..., 2:]], dim=-1),
        )


class PedestrianMotionNet(nn.Module):
    """Encoder and motion part together, as they are trained.

    ``forward`` takes a window of uint8 images (B, T, H, W, 3), newest first, with (B, T) ``valid``
    and ``dt`` as :class:`Motion` does.
    """

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config or NetworkConfig()
        self.encoder = Encoder(self.config)
        self.motion = Motion(self.config)

    def forward(self, images: Tensor, valid: Tensor, dt: Tensor) -> MotionOutput:
        encoded = [self.encoder(image) for image in images.unbind(1)]
        output: MotionOutput = self.motion(
            [input_to_state for input_to_state, _ in encoded], encoded[0][1], valid, dt
        )
        return output
