"""A generated moving scene: simple walking figures with known boxes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import cv2
import numpy as np

from convlstm_perception.data.scenery import paint_square
from convlstm_perception.data.walking_figure import (
    CLOTHES,
    SKIN,
    TROUSERS,
    Look,
    draw_figure,
    draw_shadow,
)
from convlstm_perception.errors import SourceError
from convlstm_perception.types import Float32Array, Image

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True, slots=True)
class _Walker:
    """One figure: a path on the ground in scene units and how it looks."""

    start: tuple[float, float]
    velocity: tuple[float, float]
    stride_phase: float
    stride_rate: float
    look: Look


class SyntheticScene:
    """Figures walking about a square seen by a raised camera; a FrameSource.

    The same seed gives the same images. Figures nearer to the camera are larger and
    hide those behind them; each turns back at the borders of the square.

    Args:
        width: width of the images in pixels.
        height: height of the images in pixels.
        frame_rate: frames a second.
        frame_count: number of frames.
        walkers: number of figures.
        seed: of the background and of the figures' looks and paths.
    """

    def __init__(
        self,
        *,
        width: int = 768,
        height: int = 576,
        frame_rate: float = 7.0,
        frame_count: int = 315,
        walkers: int = 6,
        seed: int = 0,
    ) -> None:
        self.name = f"generated scene of {walkers} walking figures (seed {seed})"
        self.width = width
        self.height = height
        self.frame_rate: float | None = frame_rate
        self.frame_count: int | None = frame_count
        self._frame_period = 1.0 / frame_rate
        self._frames = frame_count
        random = np.random.default_rng(seed)
        self._walkers = tuple(_random_walker(random) for _ in range(walkers))
        self._background = paint_square(width, height, random)

    def __iter__(self) -> Iterator[Image]:
        for index in range(self._frames):
            yield self.image(index)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is held open."""

    def boxes(self, index: int) -> Float32Array:
        """The true boxes of a frame.

        Args:
            index: number of the frame, from 0.

        Returns:
            (walkers, 4) boxes (cx, cy, width, height) in pixels, hidden figures included.
        """
        rows = []
        for walker in self._walkers:
            x, foot, tall = self._place(walker, index * self._frame_period)
            rows.append((x, foot - 0.5 * tall, 0.4 * tall, tall))
        return np.array(rows, np.float32).reshape(-1, 4)

    def image(self, index: int) -> Image:
        """Draw one frame.

        Args:
            index: number of the frame, from 0.

        Returns:
            (height, width, 3) uint8, channels blue, green, red.
        """
        canvas = self._background.copy()
        time = index * self._frame_period
        places = [(self._place(walker, time), walker) for walker in self._walkers]
        for (x, foot, tall), walker in sorted(places, key=lambda place: place[0][1]):
            ahead = self._place(walker, time + 0.5 * self._frame_period)[0]
            facing = 1.0 if ahead >= x else -1.0
            swing = math.sin(walker.stride_phase + walker.stride_rate * time)
            draw_shadow(canvas, x, foot, tall)
            draw_figure(canvas, walker.look, x, foot, tall, facing, swing)
        return canvas

    def _place(self, walker: _Walker, time: float) -> tuple[float, float, float]:
        """Column, row of the feet and height of a figure, in pixels."""
        across = _bounce(walker.start[0] + walker.velocity[0] * time)
        depth = _bounce(walker.start[1] + walker.velocity[1] * time)
        foot = self.height * (0.34 + 0.58 * depth**1.3)
        tall = self.height * (0.12 + 0.15 * depth**1.3)
        spread = 0.62 + 0.30 * depth
        x = self.width * (0.5 + spread * (across - 0.5))
        return x, foot, tall


def write_video(scene: SyntheticScene, path: Path) -> None:
    """Write a scene as a Motion JPEG video that any OpenCV plays.

    Args:
        scene: what to draw.
        path: an ``.avi`` file; its folder is made when missing.

    Raises:
        SourceError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished.avi")
    code = cv2.VideoWriter.fourcc(*"MJPG")
    rate = scene.frame_rate or 10.0
    writer = cv2.VideoWriter(str(unfinished), code, rate, (scene.width, scene.height))
    if not writer.isOpened():
        raise SourceError(
            f"{path}: OpenCV cannot write this video. Check that the folder is writable."
        )
    for image in scene:
        writer.write(image)
    writer.release()
    unfinished.replace(path)


def _random_walker(random: np.random.Generator) -> _Walker:
    heading = random.uniform(0.0, 2.0 * math.pi)
    speed = random.uniform(0.05, 0.09)
    return _Walker(
        start=(random.uniform(0.0, 1.0), random.uniform(0.0, 1.0)),
        velocity=(speed * math.cos(heading), 0.7 * speed * math.sin(heading)),
        stride_phase=random.uniform(0.0, 2.0 * math.pi),
        stride_rate=random.uniform(5.2, 6.4),
        look=Look(
            skin=SKIN[random.integers(len(SKIN))],
            clothes=CLOTHES[random.integers(len(CLOTHES))],
            trousers=TROUSERS[random.integers(len(TROUSERS))],
        ),
    )


def _bounce(value: float) -> float:
    """Fold a coordinate into [0, 1] as a ball between two walls."""
    folded = value % 2.0
    return folded if folded <= 1.0 else 2.0 - folded
