"""Batches of clips as tensors, and the heatmap that the network should answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from convlstm_perception.data.compositor import Clip, ClipCompositor
from convlstm_perception.data.jaad import read_jaad_tracks
from convlstm_perception.data.stills import read_coco_persons, read_penn_fudan
from convlstm_perception.data.walks import WalkSampler
from convlstm_perception.model.network import CELL
from convlstm_perception.training.config import TrainingConfig

_SIGMA = 0.54 / 6  # of the box's sides (TTFNet, Liu et al. 2020, section 3.2)
_LEAST_SIGMA = 0.6  # cells


@dataclass
class Batch:
    """B clips; people are padded to the same N.

    Attributes:
        images: (T, B, H, W, 3) uint8, newest slot first.
        valid, dt: (B, T) float32 as the motion graph takes them.
        boxes: (B, N, 4) float32 in pixels; present: (B, N) bool, False on padding.
        motion: (B, N, H, 4), velocity: (B, N, 4) float32, NaN where unknown.
        heat: (B, 1, h, w) the heatmap asked for; weight: the same shape, 0 where not asked.
    """

    images: Tensor
    valid: Tensor
    dt: Tensor
    boxes: Tensor
    present: Tensor
    motion: Tensor
    velocity: Tensor
    heat: Tensor
    weight: Tensor


class ComposedClips(IterableDataset[Clip]):
    """An endless stream of composed clips; each worker draws its own seeds."""

    def __init__(self, compositor: ClipCompositor, seed: int) -> None:
        self._compositor, self._seed = compositor, seed

    def __iter__(self) -> Iterator[Clip]:
        worker = get_worker_info()
        random = np.random.default_rng([self._seed, worker.id if worker else 0])
        while True:
            yield self._compositor.draw(random)


def make_compositor(config: TrainingConfig, horizons: Sequence[float]) -> ClipCompositor:
    """Read the data sets named in a configuration.

    Raises:
        SourceError: when one is missing or damaged.
    """
    folders = {name: Path(folder).expanduser() for name, folder in config.data.items()}
    photographs, cutouts = read_penn_fudan(folders["penn_fudan"])
    more_photographs, more_cutouts = read_coco_persons(folders["coco_persons"], "train2017")
    tracks = read_jaad_tracks(folders["jaad"], "train") + read_jaad_tracks(folders["jaad"], "val")
    slots = config.slots if config.phase == "motion" else 1
    return ClipCompositor(
        photographs + more_photographs,
        cutouts + more_cutouts,
        WalkSampler(tracks, config.slots * config.step + 0.2, max(horizons)),
        height=config.height,
        width=config.width,
        slots=slots,
        step=config.step,
        horizons=horizons,
        person_heights=config.person_heights,
    )


def collate(clips: Sequence[Clip]) -> Batch:
    """Join clips of one size to a batch."""
    count = max(1, max(len(clip.boxes) for clip in clips))
    horizons = clips[0].motion.shape[1]
    boxes = np.zeros((len(clips), count, 4), np.float32)
    present = np.zeros((len(clips), count), bool)
    motion = np.full((len(clips), count, horizons, 4), np.nan, np.float32)
    velocity = np.full((len(clips), count, 4), np.nan, np.float32)
    height, width = clips[0].images.shape[1:3]
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
    return Batch(
        images=torch.from_numpy(np.stack([clip.images for clip in clips], axis=1)),
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
