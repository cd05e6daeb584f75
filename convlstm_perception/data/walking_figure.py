"""Draws a walking figure: the one routine of generated scenes and of rendered cutouts."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from convlstm_perception.types import Image

Colour = tuple[int, int, int]

SKIN: tuple[Colour, ...] = ((142, 172, 214), (96, 128, 178), (62, 84, 120))
CLOTHES: tuple[Colour, ...] = (
    (60, 50, 44),
    (70, 60, 150),
    (132, 92, 52),
    (80, 120, 84),
    (190, 186, 180),
    (40, 40, 96),
)
TROUSERS: tuple[Colour, ...] = ((96, 66, 44), (44, 40, 40), (90, 96, 104))

_SHOE: Colour = (34, 32, 32)
_SHADOW: Colour = (104, 108, 110)
_SHARPNESS = 4  # binary digits of sub-pixel precision in OpenCV's drawing calls


@dataclass(frozen=True, slots=True)
class Look:
    """How a figure looks; colours are blue, green, red.

    Attributes:
        skin, clothes, trousers, hair: colours.
        hat: colour of a hat, or None for a bare head.
        bag: colour of a bag carried on the side that the figure faces away from, or None.
        hem: height above the feet, as a share of the figure's, where a jacket or coat ends; None
            for a pullover.
        build: width of the trunk relative to a slim figure's.
    """

    skin: Colour
    clothes: Colour
    trousers: Colour
    hair: Colour = (40, 44, 52)
    hat: Colour | None = None
    bag: Colour | None = None
    hem: float | None = None
    build: float = 1.0


def draw_shadow(canvas: Image, x: float, foot: float, tall: float) -> None:
    """Draw the shadow at the feet of a figure; arguments as in :func:`draw_figure`."""
    _fill_ellipse(canvas, x, foot, 0.20 * tall, 0.035 * tall, _SHADOW)


def draw_figure(
    canvas: Image, look: Look, x: float, foot: float, tall: float, facing: float, swing: float
) -> None:
    """Draw a figure, without its shadow.

    Args:
        canvas: (rows, columns, 3) uint8, changed in place.
        look: of the figure.
        x: column of its middle in pixels.
        foot: row of its feet in pixels.
        tall: height in pixels.
        facing: from -1, walking to the left, to 1, walking to the right; 0 is towards or away
            from the camera.
        swing: opening of the legs and arms, from -1 to 1.
    """
    hip, shoulder, head = foot - 0.48 * tall, foot - 0.80 * tall, foot - 0.91 * tall
    leg, arm = max(2, round(0.085 * tall)), max(2, round(0.06 * tall))
    frontal = (1.0 - abs(facing)) * tall
    for sign, shade in ((-1.0, 0.75), (1.0, 1.0)):
        colour = _shaded(look.trousers, shade)
        beside = x + 0.045 * sign * frontal
        knee = (beside + facing * 0.07 * tall * sign * swing + 0.01 * tall, foot - 0.25 * tall)
        ankle_x = beside + facing * (0.16 * sign * swing - 0.03 * abs(swing)) * tall
        # Seen from the front the stride shows only as one foot higher than the other.
        lift = 0.03 * frontal * max(0.0, sign * swing)
        ankle = (ankle_x, foot - 0.03 * tall - lift)
        _stroke(canvas, [(0.5 * (x + beside), hip), knee, ankle], colour, leg)
        shoe = (ankle_x + facing * 0.05 * tall, foot - 0.015 * tall - lift)
        _stroke(canvas, [(ankle_x, foot - 0.02 * tall - lift), shoe], _SHOE, max(2, leg // 2))
    sleeve = _shaded(look.clothes, 0.8)
    for sign in (-1.0, 1.0):
        beside = x + 0.10 * look.build * sign * frontal
        hand = (beside - facing * 0.14 * sign * swing * tall, foot - 0.47 * tall)
        elbow = (beside - facing * 0.05 * sign * swing * tall - 0.02 * tall, foot - 0.63 * tall)
        joint = (x + 0.08 * look.build * sign * frontal, shoulder + 0.02 * tall)
        _stroke(canvas, [joint, elbow, hand], sleeve, arm)
        _fill_ellipse(canvas, hand[0], hand[1], 0.022 * tall, 0.026 * tall, look.skin)
    middle = 0.5 * (hip + shoulder)
    if look.hem is None:
        _fill_ellipse(canvas, x, middle, 0.105 * look.build * tall, 0.20 * tall, look.clothes)
    else:
        _draw_jacket(canvas, look, look.hem, x, foot, tall)
    if look.bag is not None:
        _draw_bag(canvas, look.bag, x, foot, tall, facing)
    _fill_ellipse(canvas, x + facing * 0.01 * tall, head, 0.062 * tall, 0.085 * tall, look.skin)
    top = x - facing * 0.01 * tall, head - 0.035 * tall
    _fill_ellipse(canvas, *top, 0.064 * tall, 0.055 * tall, look.hair)
    if look.hat is not None:
        _fill_ellipse(canvas, top[0], top[1] - 0.012 * tall, 0.068 * tall, 0.05 * tall, look.hat)
        brim = x + facing * 0.035 * tall, head - 0.028 * tall
        _fill_ellipse(canvas, *brim, 0.075 * tall, 0.012 * tall, _shaded(look.hat, 0.7))


def _draw_jacket(canvas: Image, look: Look, hem: float, x: float, foot: float, tall: float) -> None:
    """Shoulders, waist and a wider hem."""
    half = np.array([[0.035, 0.83], [0.075, 0.80], [0.095, 0.74], [0.088, 0.60], [0.105, hem]])
    half[:, 0] *= look.build
    outline = np.concatenate([half, half[::-1] * (-1.0, 1.0)])
    points = (np.array([x, foot]) + outline * (tall, -tall)) * (1 << _SHARPNESS)
    fixed = np.round(points).astype(np.int32)
    cv2.fillPoly(canvas, [fixed], look.clothes, cv2.LINE_AA, _SHARPNESS)
    opening = [(x, foot - 0.81 * tall), (x, foot - (hem + 0.01) * tall)]
    _stroke(canvas, opening, _shaded(look.clothes, 0.75), max(1, round(0.008 * tall)))


def _draw_bag(
    canvas: Image, colour: Colour, x: float, foot: float, tall: float, facing: float
) -> None:
    side = -1.0 if facing >= 0 else 1.0
    centre = x + side * 0.10 * tall, foot - 0.58 * tall
    strap = [(x - side * 0.05 * tall, foot - 0.79 * tall), centre]
    _stroke(canvas, strap, _shaded(colour, 0.6), max(1, round(0.015 * tall)))
    _fill_ellipse(canvas, *centre, 0.055 * tall, 0.085 * tall, colour)


def _shaded(colour: Colour, shade: float) -> Colour:
    blue, green, red = (int(shade * channel) for channel in colour)
    return blue, green, red


def _stroke(
    canvas: Image, points: list[tuple[float, float]], colour: Colour, thickness: int
) -> None:
    fixed = np.round(np.array(points) * (1 << _SHARPNESS)).astype(np.int32)
    cv2.polylines(canvas, [fixed], False, colour, thickness, cv2.LINE_AA, _SHARPNESS)


def _fill_ellipse(
    canvas: Image, x: float, y: float, half_width: float, half_height: float, colour: Colour
) -> None:
    one = 1 << _SHARPNESS
    centre = (round(x * one), round(y * one))
    axes = (max(one, round(half_width * one)), max(one, round(half_height * one)))
    cv2.ellipse(canvas, centre, axes, 0.0, 0.0, 360.0, colour, -1, cv2.LINE_AA, _SHARPNESS)
