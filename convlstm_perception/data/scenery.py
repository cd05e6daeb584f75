"""Paints places without people: a paved square, and streets of many looks."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from convlstm_perception.types import Float32Array, Image

_OVERSAMPLING = 2  # streets are painted larger and shrunk, which smooths their edges
_JOINT = (128.0, 132.0, 134.0)

Colour = tuple[float, float, float]


def paint_square(width: int, height: int, random: np.random.Generator) -> Image:
    """A paved square with joints in perspective, a lawn and grain.

    Args:
        width: of the image in pixels.
        height: of the image in pixels.
        random: of the grain.

    Returns:
        (height, width, 3) uint8, blue, green, red.
    """
    canvas = np.empty((height, width, 3), np.float32)
    canvas[:] = (150.0, 154.0, 156.0)
    horizon = int(0.26 * height)
    canvas[:horizon] = (92.0, 118.0, 104.0)
    _paint_joints(canvas, horizon, _JOINT, 14, 25)
    return _grained(canvas, random, 1.0)


def paint_street(width: int, height: int, random: np.random.Generator) -> Image:
    """A street, square or park: ground in perspective, facades or trees, and things about.

    Args:
        width: of the image in pixels.
        height: of the image in pixels.
        random: of everything.

    Returns:
        (height, width, 3) uint8, blue, green, red.
    """
    canvas = np.empty((height * _OVERSAMPLING, width * _OVERSAMPLING, 3), np.float32)
    horizon = int(random.uniform(0.15, 0.55) * len(canvas))
    _paint_sky(canvas, horizon, random)
    behind: tuple[Callable[..., None], ...] = (_paint_facades, _paint_trees)
    behind[random.integers(len(behind))](canvas, horizon, random)
    _paint_ground(canvas, horizon, random)
    for _ in range(random.integers(0, 4)):
        _paint_shadow(canvas, horizon, random)
    things = (_paint_post, _paint_post, _paint_bin, _paint_bush, _paint_bush, _paint_car)
    feet = np.sort(random.uniform(horizon, len(canvas), int(random.integers(2, 10))))
    for foot in feet:  # far things first
        things[random.integers(len(things))](canvas, horizon, float(foot), random)
    shrunk = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    return _grained(shrunk, random, random.uniform(0.2, 0.6))


def _grained(canvas: Float32Array, random: np.random.Generator, stains: float) -> Image:
    """With stains of several sizes, as strong as ``stains``, and the noise of a camera."""
    height, width = canvas.shape[:2]
    for cells, strength in ((6, 14.0), (24, 8.0), (96, 5.0)):
        grain = random.normal(0.0, stains * strength, (cells, cells, 1)).astype(np.float32)
        canvas += cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
    canvas += random.normal(0.0, 3.0, (height, width, 1)).astype(np.float32)
    return np.clip(canvas, 0.0, 255.0).astype(np.uint8)


def _paint_joints(
    canvas: Float32Array, horizon: int, colour: Colour, rows: int, columns: int
) -> None:
    """Joints of paving slabs, which meet far beyond the horizon."""
    height, width = canvas.shape[:2]
    for row in np.linspace(0.0, 1.0, rows) ** 1.8:
        y = int(horizon + row * (height - horizon))
        cv2.line(canvas, (0, y), (width, y), colour, 1, cv2.LINE_AA)
    for column in np.linspace(-1.5, 2.5, columns):
        top = (int(width * (0.5 + 0.55 * (column - 0.5))), horizon)
        bottom = (int(width * (0.5 + 1.5 * (column - 0.5))), height)
        cv2.line(canvas, top, bottom, colour, 1, cv2.LINE_AA)


def _colour(random: np.random.Generator, low: float, high: float, chroma: float) -> Colour:
    """A random colour: a grey from ``low`` to ``high``, tinted."""
    values = random.uniform(low, high) + random.normal(0.0, chroma, 3)
    blue, green, red = (float(value) for value in np.clip(values, 0.0, 255.0))
    return blue, green, red


def _darker(colour: Colour, share: float) -> Colour:
    blue, green, red = colour
    return share * blue, share * green, share * red


def _green(random: np.random.Generator) -> Colour:
    light = random.uniform(0.5, 1.2)
    return 62.0 * light, random.uniform(95.0, 125.0) * light, 78.0 * light


def _paint_sky(canvas: Float32Array, horizon: int, random: np.random.Generator) -> None:
    above, below = np.array([_colour(random, 150, 220, 12), _colour(random, 190, 240, 6)])
    share = np.linspace(0.0, 1.0, max(horizon, 1), dtype=np.float32)[:, None, None]
    canvas[:horizon] = (above + share * (below - above))[:horizon]


def _paint_facades(canvas: Float32Array, horizon: int, random: np.random.Generator) -> None:
    """Houses side by side, with windows."""
    width, left = canvas.shape[1], 0
    while left < width:
        wide = int(random.uniform(0.12, 0.4) * width)
        top = int(horizon * random.uniform(-0.6, 0.5))
        wall, glass = _colour(random, 70, 200, 14), _colour(random, 40, 120, 8)
        cv2.rectangle(canvas, (left, top), (left + wide, horizon), wall, -1)
        storey = int(random.uniform(0.10, 0.2) * len(canvas))
        bay = int(random.uniform(0.5, 1.1) * storey)
        for y in range(top + storey // 4, horizon - storey // 2, storey):
            for x in range(left + bay // 4, left + wide - bay // 2, bay):
                corner = (x + bay // 2, y + int(0.6 * storey))
                cv2.rectangle(canvas, (x, y), corner, glass, -1)
                cv2.rectangle(canvas, (x, y), corner, _darker(wall, 1.15), 2)
        left += wide


def _paint_trees(canvas: Float32Array, horizon: int, random: np.random.Generator) -> None:
    """A row of trees, or a hedge."""
    width = canvas.shape[1]
    for _ in range(random.integers(4, 14)):
        x, size = random.uniform(0, width), random.uniform(0.15, 0.5) * max(horizon, 40)
        trunk = int(x), horizon
        crown = random.uniform(0.6, 1.4) * size
        cv2.line(canvas, trunk, (int(x), int(horizon - crown)), (52, 62, 74), int(size / 9) + 2)
        for _ in range(26):
            place = random.normal((x, horizon - crown), (0.45 * size, 0.35 * size))
            radius = int(random.uniform(0.12, 0.4) * size)
            cv2.circle(canvas, (int(place[0]), int(place[1])), radius, _green(random), -1)


def _paint_ground(canvas: Float32Array, horizon: int, random: np.random.Generator) -> None:
    """Paving, asphalt with markings, or a lawn, lighter towards the viewer."""
    height, width = canvas.shape[:2]
    kind = random.integers(3)
    colour = _green(random) if kind == 2 else _colour(random, 80, 190, 8)
    light = np.linspace(0.88, 1.05, height - horizon, dtype=np.float32)[:, None, None]
    canvas[horizon:] = np.array(colour, np.float32) * light
    if kind == 0:
        rows, columns = int(random.integers(8, 26)), int(random.integers(11, 42))
        _paint_joints(canvas, horizon, _darker(colour, 0.85), rows, columns)
    elif kind == 1:
        target = random.uniform(0, width), random.uniform(-1, 2) * width
        for share in np.arange(0.0, 1.0, 0.14) ** 1.6:
            ends = []
            for along in (share, share + 0.06):
                x = target[0] + along * (target[1] - target[0])
                ends.append((int(x), int(horizon + along * (height - horizon))))
            cv2.line(canvas, ends[0], ends[1], (205, 208, 210), 2 + int(16 * share))
    kerb = int(horizon + random.uniform(0.0, 0.25) * (height - horizon))
    if random.random() < 0.6:
        canvas[horizon:kerb] = _colour(random, 100, 190, 8)
        cv2.line(canvas, (0, kerb), (width, kerb), _colour(random, 70, 120, 4), 4)


def _paint_shadow(canvas: Float32Array, horizon: int, random: np.random.Generator) -> None:
    """The shadow of something outside the picture."""
    height, width = canvas.shape[:2]
    corners = random.uniform((-0.3 * width, horizon), (1.3 * width, height), (3, 2))
    mask = np.zeros((height, width), np.float32)
    cv2.fillPoly(mask, [corners.astype(np.int32)], (1.0,))
    mask[:horizon] = 0.0
    mask = cv2.blur(mask, (15, 15))
    canvas *= 1.0 - random.uniform(0.1, 0.35) * mask[..., None]


def _size(canvas: Float32Array, horizon: int, foot: float) -> float:
    """Height in pixels of something as tall as a person whose foot is at this row."""
    share = (foot - horizon) / max(len(canvas) - horizon, 1)
    return len(canvas) * (0.10 + 0.45 * share)


def _paint_post(
    canvas: Float32Array, horizon: int, foot: float, random: np.random.Generator
) -> None:
    """A lamp post, a sign or a bollard: upright and narrow as people are."""
    tall = _size(canvas, horizon, foot) * random.choice([0.5, 1.3, 2.2])
    x, thick = int(random.uniform(0, canvas.shape[1])), max(2, int(0.03 * tall))
    colour, top = _colour(random, 50, 170, 10), int(foot - tall)
    cv2.line(canvas, (x, int(foot)), (x, top), colour, thick)
    if random.random() < 0.5:
        sign = _colour(random, 60, 220, 45)
        cv2.circle(canvas, (x, top), max(3, int(0.09 * tall)), sign, -1)


def _paint_bin(
    canvas: Float32Array, horizon: int, foot: float, random: np.random.Generator
) -> None:
    """A bin or a cabinet."""
    tall = _size(canvas, horizon, foot) * random.uniform(0.4, 0.9)
    x, wide = random.uniform(0, canvas.shape[1]), tall * random.uniform(0.35, 1.2)
    colour = _colour(random, 40, 170, 15)
    low = int(x + wide / 2), int(foot)
    cv2.rectangle(canvas, (int(x - wide / 2), int(foot - tall)), low, colour, -1)
    lid = int(x - wide / 2), int(foot - tall)
    cv2.rectangle(canvas, lid, (low[0], int(foot - 0.85 * tall)), _darker(colour, 0.7), -1)


def _paint_car(
    canvas: Float32Array, horizon: int, foot: float, random: np.random.Generator
) -> None:
    """A parked car, seen from the side."""
    tall = 0.75 * _size(canvas, horizon, foot)
    x, half = random.uniform(0, canvas.shape[1]), 1.35 * tall
    colour = _colour(random, 30, 220, 18)
    roof = np.array([(-0.6, -0.5), (-0.4, -1.0), (0.35, -1.0), (0.65, -0.5)])
    points = (np.array([x, foot]) + roof * (half, tall)).astype(np.int32)
    cv2.fillPoly(canvas, [points], _darker(colour, 0.8))
    glass = (np.array([x, foot - 0.04 * tall]) + 0.85 * roof * (half, tall)).astype(np.int32)
    cv2.fillPoly(canvas, [glass], (74.0, 70.0, 64.0))
    body = (int(x - half), int(foot - 0.6 * tall)), (int(x + half), int(foot - 0.15 * tall))
    cv2.rectangle(canvas, *body, colour, -1)
    for side in (-0.6, 0.6):
        hub = int(x + side * half), int(foot - 0.17 * tall)
        cv2.circle(canvas, hub, int(0.2 * tall), (36.0, 34.0, 34.0), -1)
        cv2.circle(canvas, hub, int(0.1 * tall), (120.0, 120.0, 120.0), -1)


def _paint_bush(
    canvas: Float32Array, horizon: int, foot: float, random: np.random.Generator
) -> None:
    size, x = 0.5 * _size(canvas, horizon, foot), random.uniform(0, canvas.shape[1])
    for _ in range(18):
        place = random.normal((x, foot - 0.5 * size), (0.4 * size, 0.18 * size))
        radius = int(random.uniform(0.12, 0.35) * size)
        cv2.circle(canvas, (int(place[0]), int(place[1])), radius, _green(random), -1)
