"""What the network should answer for a batch of clips, as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from convlstm_perception.data.compositor import ClipLabels
from convlstm_perception.model.network import CELL

_SIGMA = 0.54 / 6  # of the box's sides (TTFNet, Liu et al. 2020, section 3.2)
_LEAST_SIGMA = 0.6  # cells


@dataclass
class Targets:
    """B clips; people are padded to the same N.

    Attributes:
        valid, dt: (B, T) float32 as the motion graph takes them.
        boxes: (B, N, 4) float32 in pixels; present: (B, N) bool, False on padding.
        motion: (B, N, H, 4), velocity: (B, N, 4) float32, NaN where unknown.
        heat: (B, 1, h, w) the heatmap asked for; weight: the same shape, 0 where not asked.
    """

    valid: Tensor
    dt: Tensor
    boxes: Tensor
    present: Tensor
    motion: Tensor
    velocity: Tensor
    heat: Tensor
    weight: Tensor


def make_targets(clips: Sequence[ClipLabels], height: int, width: int) -> Targets:
    """Join the labels of clips of ``height`` x ``width`` pixels."""
    count = max(1, max(len(clip.boxes) for clip in clips))
    horizons = clips[0].motion.shape[1]
    boxes = np.zeros((len(clips), count, 4), np.float32)
    present = np.zeros((len(clips), count), bool)
    motion = np.full((len(clips), count, horizons, 4), np.nan, np.float32)
    velocity = np.full((len(clips), count, 4), np.nan, np.float32)
    heat = np.zeros((len(clips), 1, height // CELL, width // CELL), np.float32)
    weight = np.ones_like(heat)
    for row, clip in enumerate(clips):
        people = len(clip.boxes)
        boxes[row, :people], present[row, :people] = clip.boxes, True
        motion[row, :people], velocity[row, :people] = clip.motion, clip.velocity
        _draw_heat(heat[row, 0], clip.boxes)
        for x, y, w, h in clip.ignored / CELL:
            area = np.s_[
                max(int(y - h / 2), 0) : max(int(np.ceil(y + h / 2)), 0),
                max(int(x - w / 2), 0) : max(int(np.ceil(x + w / 2)), 0),
            ]
            weight[row, 0][area] = 0.0
    weight[heat > 0.3] = 1.0
    return Targets(
        valid=torch.from_numpy(np.stack([clip.valid for clip in clips])),
        dt=torch.from_numpy(np.stack([clip.dt for clip in clips])),
        boxes=torch.from_numpy(boxes),
        present=torch.from_numpy(present),
        motion=torch.from_numpy(motion),
        velocity=torch.from_numpy(velocity),
        heat=torch.from_numpy(heat),
        weight=torch.from_numpy(weight),
    )


def _draw_heat(heat: np.ndarray, boxes: np.ndarray) -> None:
    """A peak of exactly 1 at each centre's cell, falling as a Gaussian shaped like the box."""
    rows, columns = np.arange(heat.shape[0])[:, None], np.arange(heat.shape[1])
    for x, y, w, h in boxes / CELL:
        row, column = min(int(y), len(rows) - 1), min(int(x), len(columns) - 1)
        spread_x, spread_y = max(w * _SIGMA, _LEAST_SIGMA), max(h * _SIGMA, _LEAST_SIGMA)
        distance = ((columns - column) / spread_x) ** 2 + ((rows - row) / spread_y) ** 2
        np.maximum(heat, np.exp(-distance / 2), out=heat)
