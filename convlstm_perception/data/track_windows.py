"""Windows of box tracks, past and future, for training and judging a track decoder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.data.sequence import BoxTrack
from convlstm_perception.data.walks import WalkSampler
from convlstm_perception.stream.forecast import on_grid
from convlstm_perception.types import Float32Array

OBSERVED, PREDICTED, STRIDE, LEAST_FRAMES = 15, 45, 7, 61
# Cameras whose tracks are imitated: detections a second.
_RATES = (7.0, 10.0, 15.0, 30.0)
# A detector's errors.
_LASTING = 0.7  # the part that is the same in every frame of a track, relative to the rest
_HIDDEN_SHARE = 0.3  # of the tracks: people half hidden for a while
_NOISE_SHAPE = np.array([1.0, 1.0, 1.5, 2.0])  # centre x, centre y, width, height


@dataclass(frozen=True)
class TrackWindows:
    """N windows.

    Attributes:
        boxes: (N, S, 4) float32 past centre x, centre y, width, height in pixels, newest first.
        valid: (N, S) float32, 1 where a slot holds a box.
        image_size: (N, 2) float32 width and height of the image in pixels.
        future: (N, H, 4) float32 true boxes; NaN where unknown.
    """

    boxes: Float32Array
    valid: Float32Array
    image_size: Float32Array
    future: Float32Array

    def __len__(self) -> int:
        return len(self.boxes)


def protocol_windows(tracks: Iterable[BoxTrack], stride: int = STRIDE) -> TrackWindows:
    """The windows of the PIE, BiTraP and SGNet papers: 15 frames observed, 45 to predict.

    Tracks of at least 61 frames, a window every ``stride`` frames (Rasouli et al. 2019, "PIE: A
    Large-Scale Dataset and Models for Pedestrian Intention Estimation and Trajectory Prediction";
    Yao et al. 2021, "BiTraP"; Wang et al. 2022, "Stepwise Goal-Driven Networks").
    """
    whole = OBSERVED + PREDICTED
    windows, sizes = [], []
    for track in tracks:
        if len(track.boxes) < LEAST_FRAMES:
            continue
        for first in range(0, len(track.boxes) - whole + 1, stride):
            windows.append(track.boxes[first : first + whole])
            sizes.append((track.image_width, track.image_height))
    table = np.array(windows, np.float32).reshape(-1, whole, 4)
    past = np.ascontiguousarray(table[:, OBSERVED - 1 :: -1])
    return TrackWindows(
        past,
        np.ones(past.shape[:2], np.float32),
        np.array(sizes, np.float32).reshape(-1, 2),
        table[:, OBSERVED:],
    )


def camera_windows(
    random: np.random.Generator,
    walks: WalkSampler,
    count: int,
    *,
    slots: int,
    step: float,
    horizons: Sequence[float],
) -> TrackWindows:
    """Tracks as a detector would give them: noisy, with gaps, of any age, at any camera rate.

    Args:
        random: source of everything drawn.
        walks: of people; its ``past`` must cover the grid of ages.
        count: N.
        slots, step: the decoder's grid of ages in seconds.
        horizons: future times in seconds.
    """
    past = np.zeros((count, slots, 4), np.float32)
    valid = np.zeros((count, slots), np.float32)
    future = np.full((count, len(horizons), 4), np.nan, np.float32)
    for row in range(count):
        rate = _RATES[random.integers(len(_RATES))]
        seen = np.arange(0.0, slots * step + 1.0 / rate, 1.0 / rate)
        seen = seen + np.clip(random.normal(0, 0.1 / rate, len(seen)), -0.3 / rate, 0.3 / rate)
        seen[0] = 0.0
        ages = np.concatenate([-seen, horizons]).astype(np.float32)
        motion = walks.draw(random, ages)
        aspect = random.uniform(0.25, 0.6)
        height = np.exp(motion[:, 2])
        boxes = np.stack([motion[:, 0], motion[:, 1], aspect * height, height], axis=1)
        observed = boxes[: len(seen)] + _detection_noise(random, seen) * height[: len(seen), None]
        kept = np.isfinite(observed).all(axis=1)
        kept &= random.random(len(seen)) >= random.choice([0.0, 0.1, 0.3])
        if random.random() < 0.5:  # a young track
            kept &= seen <= random.uniform(0.0, slots * step)
        kept[0] = True
        past[row], valid[row] = on_grid(seen[kept], observed[kept], slots, step)
        future[row] = boxes[len(seen) :]
    scale = np.exp(random.uniform(np.log(20.0), np.log(400.0), (count, 1, 1))).astype(np.float32)
    return TrackWindows(
        past * scale, valid, np.full((count, 2), 1000.0, np.float32), future * scale
    )


def _detection_noise(random: np.random.Generator, ages: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 4) errors of a detector at increasing ages, in box heights.

    Some of it is new in every frame, some lasts for parts of a second, some as long as the track;
    somebody half hidden is seen worse for a while. Level, shape and memory as the shipped
    detector's on composited clips: there a third of the variance lasts, and a third is gone from
    one frame of 7 a second to the next.
    """
    count = len(ages)
    lifetime = np.exp(random.uniform(np.log(0.15), np.log(1.5)))  # seconds
    wandering = random.normal(0, 1, (count, 4))
    kept = np.exp(-np.diff(ages) / lifetime)
    for row in range(1, count):
        fresh = np.sqrt(1 - kept[row - 1] ** 2) * wandering[row]
        wandering[row] = kept[row - 1] * wandering[row - 1] + fresh
    white = random.uniform(0.0, 0.6)  # share of the variance
    noise = np.sqrt(1 - white) * wandering + np.sqrt(white) * random.normal(0, 1, (count, 4))
    noise += _LASTING * random.normal(0, 1, 4)
    if random.random() < _HIDDEN_SHARE:
        first = random.uniform(0.0, ages[-1])
        hidden = (ages >= first) & (ages <= first + random.uniform(0.2, 1.0))
        noise[hidden] *= random.uniform(1.5, 4.0)
    level = np.exp(random.uniform(np.log(0.008), np.log(0.08)))
    return np.asarray(noise * level * _NOISE_SHAPE, np.float64)
