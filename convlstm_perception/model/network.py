"""PedestrianMotionNet: an encoder run once per frame, and a ConvLSTM that reads a window of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from convlstm_perception.model.backbone import (
    PYRAMID_CHANNELS,
    FeaturePyramid,
    MobileNetV2,
    PyramidFeatures,
    upsample,
)
from convlstm_perception.model.heads import (
    BoxHead,
    CandidateBox,
    CandidateMotion,
    HeatmapHead,
    MotionHead,
)
from convlstm_perception.model.recurrent import ConvLSTMCell, ConvLSTMRecurrence, ConvLSTMState
from convlstm_perception.model.recurrent.kernels import Recurrence

CELL = 4  # stride of the output grid, in input pixels
COARSE = 4  # side of a ConvLSTM cell, in cells of the output grid
_CELL_CLAMP = 6.0
SKIP_CHANNELS = PYRAMID_CHANNELS[3]
# The ConvLSTM sees stride 16 and, folded into channels, stride 8: coarse meaning, fine position.
_RECURRENT_INPUTS = PYRAMID_CHANNELS[1] + 4 * PYRAMID_CHANNELS[2]


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of the network.

    Attributes:
        width: multiplier of MobileNetV2's channels (see :class:`MobileNetV2`).
        hidden_channels: channels of the ConvLSTM's states.
        kernel_size: recurrent kernel.
        recurrence: see :class:`ConvLSTMCell`.
        candidates: K, the number of peaks kept.
        horizons: future times in seconds.
        residual_on_velocity: see :class:`MotionHead`.
        memory_in_detection: whether the ConvLSTM's memory adds to the features that detections are
            made of, or serves the trajectories alone.
    """

    width: float = 1.5
    hidden_channels: int = 96
    kernel_size: int = 5
    recurrence: Recurrence = "depthwise"
    candidates: int = 64
    horizons: tuple[float, ...] = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
    residual_on_velocity: bool = True
    memory_in_detection: bool = False


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
    ``input_to_state`` (B, 4 * hidden, H/16, W/16) and ``skip`` (B, 24, H/4, W/4).
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.backbone = MobileNetV2(config.width)
        self.pyramid = FeaturePyramid(self.backbone.channels)
        self.normalize = nn.BatchNorm2d(_RECURRENT_INPUTS, affine=False)
        # The rest of the cell, its recurrence, is the motion part's.
        self.input_to_state = ConvLSTMCell(
            _RECURRENT_INPUTS,
            config.hidden_channels,
            config.kernel_size,
            recurrence=config.recurrence,
        ).input_to_state

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(image)
        return self.to_gates(self.recurrent_input(features)), features.stride_4

    def to_gates(self, recurrent_input: Tensor) -> Tensor:
        """(B, 4 * hidden, H/16, W/16): the input-to-state convolution of what the ConvLSTM sees.

        Each channel is first brought to unit variance: features of an ImageNet backbone are large
        (standard deviation 6), and would hold every gate fully open or shut from the beginning, so
        that nothing is learned of motion.
        """
        gates: Tensor = self.input_to_state(self.normalize(recurrent_input))
        return gates

    def features(self, image: Tensor) -> PyramidFeatures:
        """The pyramid of (B, H, W, 3) uint8 images."""
        # Cast first: TensorRT takes uint8 into nothing but a cast. Split and concatenate instead
        # of an index: the index becomes a GatherND.
        planes = image.to(torch.float32).permute(0, 3, 1, 2)
        blue, green, red = planes.split(1, dim=1)
        rgb = torch.cat([red, green, blue], dim=1)
        pyramid: PyramidFeatures = self.pyramid(self.backbone(rgb * (1.0 / 127.5) - 1.0))
        return pyramid

    @staticmethod
    def recurrent_input(features: PyramidFeatures) -> Tensor:
        """(B, 128, H/16, W/16): what the ConvLSTM sees of a frame."""
        folded = functional.pixel_unshuffle(features.stride_8, 2)
        return torch.cat([features.stride_16, folded], dim=1)


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
        self.hidden_to_skip: nn.Conv2d | None = None
        if config.memory_in_detection:
            # It begins as nothing added, so that a pretrained detector begins as it is.
            self.hidden_to_skip = nn.Conv2d(config.hidden_channels, SKIP_CHANNELS, 1)
            nn.init.zeros_(self.hidden_to_skip.weight)
            assert self.hidden_to_skip.bias is not None
            nn.init.zeros_(self.hidden_to_skip.bias)
        self.heatmap = HeatmapHead(SKIP_CHANNELS)
        self.box = BoxHead(SKIP_CHANNELS)
        self.motion = MotionHead(
            config.hidden_channels, SKIP_CHANNELS, config.horizons, config.residual_on_velocity
        )

    def forward(
        self, input_to_state: Sequence[Tensor], skip: Tensor, valid: Tensor, dt: Tensor
    ) -> MotionOutput:
        return self.answer(self.remember(input_to_state, valid, dt), skip)

    def answer(self, hidden: Tensor, skip: Tensor) -> MotionOutput:
        """Pedestrians and their trajectories from a hidden state and the newest ``skip``."""
        features = self.fuse(hidden, skip)
        scores, cells = self.peaks(torch.sigmoid(self.heatmap(features)))
        box, motion = self.at_candidates(hidden, features, cells)
        return self.decode(box, motion, cells, scores, skip.shape[-1])

    def remember(self, input_to_state: Sequence[Tensor], valid: Tensor, dt: Tensor) -> Tensor:
        """Run the ConvLSTM over the window, oldest slot first.

        Returns:
            (B, hidden, H/16, W/16) its hidden state.
        """
        state = self.recurrence.zero_state(input_to_state[0])
        for slot in range(len(input_to_state) - 1, -1, -1):
            elapsed = dt[:, slot].view(-1, 1, 1, 1)
            after = self.recurrence(input_to_state[slot] + elapsed * self.dt_to_gates, state)
            keep = valid[:, slot].view(-1, 1, 1, 1)
            state = ConvLSTMState(
                *(keep * new + (1.0 - keep) * old for new, old in zip(after, state, strict=True))
            )
        return state.hidden

    def fuse(self, hidden: Tensor, skip: Tensor) -> Tensor:
        """(B, 24, H/4, W/4): the newest frame's features with what the memory adds, if it does."""
        if self.hidden_to_skip is None:
            return skip
        return skip + upsample(self.hidden_to_skip(hidden), COARSE)

    def peaks(self, heat: Tensor) -> tuple[Tensor, Tensor]:
        """The K strongest local maxima of (B, 1, h, w): scores (B, K) and flat cells (B, K)."""
        strongest = functional.max_pool2d(heat, 3, stride=1, padding=1)
        kept = heat * (heat >= strongest).to(heat.dtype)
        scores, cells = kept.flatten(1).topk(self.candidates, dim=1)
        return scores, cells

    def at_candidates(
        self, hidden: Tensor, features: Tensor, cells: Tensor
    ) -> tuple[CandidateBox, CandidateMotion]:
        """Boxes and motion at flat cells (B, N) of the stride-4 grid."""
        rows, columns = features.shape[-2:]
        box = self.box(features, cells)
        corner = _corners(cells, columns).to(box.offset.dtype)
        centre = (corner + box.offset) / COARSE
        limit = centre.new_tensor([columns // COARSE - 1, rows // COARSE - 1])
        coarse = torch.minimum(centre.detach().floor().clamp(min=0.0), limit)
        coarse_cells = (coarse[..., 1] * (columns // COARSE) + coarse[..., 0]).to(cells.dtype)
        place = (centre - coarse - 0.5).clamp(-0.5, 0.5)
        motion = self.motion(hidden, features, box, cells, coarse_cells, place)
        return box, motion

    def decode(
        self,
        box: CandidateBox,
        motion: CandidateMotion,
        cells: Tensor,
        scores: Tensor,
        columns: int,
    ) -> MotionOutput:
        """Regressions at cells to boxes and trajectories in input pixels."""
        centre = (_corners(cells, columns).to(scores.dtype) + box.offset) * CELL
        size = box.size * CELL
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


class MotionStep(nn.Module):
    """One step of a :class:`Motion` whose state is carried on from frame to frame.

    ``forward`` takes the newest frame's ``input_to_state`` and ``skip``, the state before it,
    ``hidden`` and ``cell`` (B, hidden, H/16, W/16), and (B, 1) ``dt``, the seconds since the frame
    of that state (0 with the zero state). It returns the four of :class:`MotionOutput`, then the
    hidden state and the cell state after it.
    """

    def __init__(self, motion: Motion) -> None:
        super().__init__()
        self.motion = motion

    def forward(
        self, input_to_state: Tensor, skip: Tensor, hidden: Tensor, cell: Tensor, dt: Tensor
    ) -> tuple[Tensor, ...]:
        motion = self.motion
        elapsed = dt.view(-1, 1, 1, 1) * motion.dt_to_gates
        state = motion.recurrence(input_to_state + elapsed, ConvLSTMState(hidden, cell))
        return (*motion.answer(state.hidden, skip), *state)


def _corners(cells: Tensor, columns: int) -> Tensor:
    """(B, N) flat cells to (B, N, 2) column and row."""
    row = torch.div(cells, columns, rounding_mode="floor")
    return torch.stack([cells - row * columns, row], dim=-1)


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
