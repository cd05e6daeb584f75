"""A generated moving scene: simple walking figures with known boxes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from convlstm_perception.errors import SourceError
from convlstm_perception.types import Float32Array, Image

_SKIN = ((142, 172, 214), (96, 128, 178), (62, 84, 120))
_CLOTHES = (
    (60, 50, 44),
    (70, 60, 150),
    (132, 92, 52),
    (80, 120, 84),
    (190, 186, 180),
    (40, 40, 96),
)
_TROUSERS = ((96, 66, 44), (44, 40, 40), (90, 96, 104))
_HAIR = (40, 44, 52)
_SHARPNESS = 4  # binary digits of sub-pixel precision in OpenCV's drawing calls


@dataclass(frozen=True, slots=True)
class _Walker:
    """One figure: a path on the ground in scene units and how it looks."""

    start: tuple[float, float]
    velocity: tuple[float, float]
    stride_phase: float
    stride_rate: float
    skin: tuple[int, int, int]
    clothes: tuple[int, int, int]
    trousers: tuple[int, int, int]


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
        self._background = _background(width, height, random)

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
            _draw_walker(canvas, walker, x, foot, tall, facing, time)
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
        skin=_SKIN[random.integers(len(_SKIN))],
        clothes=_CLOTHES[random.integers(len(_CLOTHES))],
        trousers=_TROUSERS[random.integers(len(_TROUSERS))],
    )


def _bounce(value: float) -> float:
    """Fold a coordinate into [0, 1] as a ball between two walls."""
    folded = value % 2.0
    return folded if folded <= 1.0 else 2.0 - folded


def _background(width: int, height: int, random: np.random.Generator) -> Image:
    """A paved square with joints in perspective, a lawn and grain."""
    canvas = np.empty((height, width, 3), np.float32)
    canvas[:] = (150.0, 154.0, 156.0)
    horizon = int(0.26 * height)
    canvas[:horizon] = (92.0, 118.0, 104.0)
    for row in np.linspace(0.0, 1.0, 14) ** 1.8:
        y = int(horizon + row * (height - horizon))
        cv2.line(canvas, (0, y), (width, y), (128.0, 132.0, 134.0), 1, cv2.LINE_AA)
    for column in np.linspace(-1.5, 2.5, 25):
        top = (int(width * (0.5 + 0.55 * (column - 0.5))), horizon)
        bottom = (int(width * (0.5 + 1.5 * (column - 0.5))), height)
        cv2.line(canvas, top, bottom, (128.0, 132.0, 134.0), 1, cv2.LINE_AA)
    for cells, strength in ((6, 14.0), (24, 8.0), (96, 5.0)):
        grain = random.normal(0.0, strength, (cells, cells, 1)).astype(np.float32)
        canvas += cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
    canvas += random.normal(0.0, 3.0, (height, width, 1)).astype(np.float32)
    return np.clip(canvas, 0.0, 255.0).astype(np.uint8)


def _draw_walker(
    canvas: Image,
    walker: _Walker,
    x: float,
    foot: float,
    tall: float,
    side: float,
    time: float,
) -> None:
    swing = math.sin(walker.stride_phase + walker.stride_rate * time)
    hip, shoulder, head = foot - 0.48 * tall, foot - 0.80 * tall, foot - 0.91 * tall
    leg, arm = max(2, round(0.085 * tall)), max(2, round(0.06 * tall))
    _fill_ellipse(canvas, x, foot, 0.20 * tall, 0.035 * tall, (104, 108, 110))
    for sign, shade in ((-1.0, 0.75), (1.0, 1.0)):
        colour = _shaded(walker.trousers, shade)
        knee = (x + side * 0.07 * tall * sign * swing + 0.01 * tall, foot - 0.25 * tall)
        ankle_x = x + side * (0.16 * sign * swing - 0.03 * abs(swing)) * tall
        _stroke(canvas, [(x, hip), knee, (ankle_x, foot - 0.03 * tall)], colour, leg)
        shoe = (ankle_x + side * 0.05 * tall, foot - 0.015 * tall)
        _stroke(canvas, [(ankle_x, foot - 0.02 * tall), shoe], (34, 32, 32), max(2, leg // 2))
    sleeve = _shaded(walker.clothes, 0.8)
    for sign in (-1.0, 1.0):
        hand = (x - side * 0.14 * sign * swing * tall, foot - 0.47 * tall)
        elbow = (x - side * 0.05 * sign * swing * tall - 0.02 * tall, foot - 0.63 * tall)
        _stroke(canvas, [(x, shoulder + 0.02 * tall), elbow, hand], sleeve, arm)
        _fill_ellipse(canvas, hand[0], hand[1], 0.022 * tall, 0.026 * tall, walker.skin)
    middle = 0.5 * (hip + shoulder)
    _fill_ellipse(canvas, x, middle, 0.105 * tall, 0.20 * tall, walker.clothes)
    _fill_ellipse(canvas, x + side * 0.01 * tall, head, 0.062 * tall, 0.085 * tall, walker.skin)
    _fill_ellipse(
        canvas,
        x - side * 0.01 * tall,
        head - 0.035 * tall,
        0.064 * tall,
        0.055 * tall,
        (40, 44, 52),
    )


def _shaded(colour: tuple[int, int, int], shade: float) -> tuple[int, int, int]:
    blue, green, red = (int(shade * channel) for channel in colour)
    return blue, green, red


def _stroke(
    canvas: Image,
    points: list[tuple[float, float]],
    colour: tuple[int, int, int],
    thickness: int,
) -> None:
    fixed = np.round(np.array(points) * (1 << _SHARPNESS)).astype(np.int32)
    cv2.polylines(canvas, [fixed], False, colour, thickness, cv2.LINE_AA, _SHARPNESS)


def _fill_ellipse(
    canvas: Image,
    x: float,
    y: float,
    half_width: float,
    half_height: float,
    colour: tuple[int, int, int],
) -> None:
    one = 1 << _SHARPNESS
    centre = (round(x * one), round(y * one))
    axes = (max(one, round(half_width * one)), max(one, round(half_height * one)))
    cv2.ellipse(canvas, centre, axes, 0.0, 0.0, 360.0, colour, -1, cv2.LINE_AA, _SHARPNESS)
