"""Rendered walking figures and places, in the form that the compositor takes photographs in."""

from __future__ import annotations

import cv2
import numpy as np

from convlstm_perception.data.scenery import paint_street
from convlstm_perception.data.stills import Cutout, Photograph
from convlstm_perception.data.walking_figure import (
    CLOTHES,
    SKIN,
    TROUSERS,
    Colour,
    Look,
    draw_figure,
)
from convlstm_perception.types import Image

_TALL = 240  # pixels; as tall as people in a training clip become
_OVERSAMPLING = 2
_BACKGROUND_SIZE = (640, 480)
_HEMS = (None, None, 0.44, 0.47, 0.40, 0.28)


def render_people(count: int, seed: int) -> list[Cutout]:
    """Walking figures of many looks; the same seed gives the same pictures.

    Args:
        count: how many.
        seed: of looks, strides and light.

    Returns:
        Cutouts about 240 pixels high; their boxes are filled to the edges.
    """
    return [_render_person(np.random.default_rng([seed, number])) for number in range(count)]


def render_backgrounds(count: int, seed: int) -> list[Photograph]:
    """Streets, squares and parks without people; the same seed gives the same pictures.

    Args:
        count: how many.
        seed: of everything in them.

    Returns:
        Images of 480x640 pixels without boxes.
    """
    nobody = np.zeros((0, 4), np.float32)
    return [
        Photograph(paint_street(*_BACKGROUND_SIZE, np.random.default_rng([seed, number])), nobody)
        for number in range(count)
    ]


def _render_person(random: np.random.Generator) -> Cutout:
    look = _random_look(random)
    # Mostly seen from the side: there the legs show most of the walk.
    facing = float(np.sign(random.uniform(-1, 1)) * random.uniform(0, 1) ** 0.5)
    swing = float(np.sin(random.uniform(0, 2 * np.pi)))
    tall = _TALL * _OVERSAMPLING
    canvases = []
    for ground in (0, 255):
        canvas = np.full((round(1.1 * tall), round(0.8 * tall), 3), ground, np.uint8)
        draw_figure(canvas, look, 0.4 * tall, 1.05 * tall, tall, facing, swing)
        canvas = cv2.resize(
            canvas,
            (canvas.shape[1] // _OVERSAMPLING, canvas.shape[0] // _OVERSAMPLING),
            interpolation=cv2.INTER_AREA,
        )
        canvases.append(canvas.astype(np.float32))
    on_black, on_white = canvases
    # What a white ground adds is what the figure lets through.
    alpha = 1.0 - (on_white - on_black).mean(axis=2) / 255.0
    solid = alpha > 0.5
    rows, columns = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
    area = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Cutout(_lit(on_black[area], alpha[area], random), alpha[area].astype(np.float32))


def _lit(on_black: np.ndarray, alpha: np.ndarray, random: np.random.Generator) -> Image:
    """The figure in light from one side, with folds in its clothes.

    Around the figure its colours go on, so that no dark rim shows where the compositor shrinks it.
    """
    rows, columns = alpha.shape
    reach = (31, 31)
    around = cv2.blur(on_black, reach) / np.maximum(cv2.blur(alpha, reach), 1e-2)[..., None]
    colour = on_black + (1.0 - alpha[..., None]) * around
    across = random.uniform(-0.3, 0.3) * np.linspace(-1, 1, columns)[None]
    down = random.uniform(0.0, 0.2) * np.linspace(1, -1, rows)[:, None]
    folds = cv2.resize(
        random.normal(0, random.uniform(0.01, 0.06), (40, 14)),
        (columns, rows),
        interpolation=cv2.INTER_CUBIC,
    )
    light = 1.0 + across + down + folds
    return np.clip(colour * light[..., None], 0, 255).astype(np.uint8)


def _random_look(random: np.random.Generator) -> Look:
    return Look(
        skin=_varied(random, SKIN),
        clothes=_varied(random, CLOTHES) if random.random() < 0.4 else _any_colour(random),
        trousers=_varied(random, TROUSERS) if random.random() < 0.7 else _any_colour(random),
        hair=_varied(random, ((40, 44, 52), (24, 24, 28), (70, 110, 150), (150, 150, 152))),
        hat=_any_colour(random) if random.random() < 0.25 else None,
        bag=_any_colour(random) if random.random() < 0.35 else None,
        hem=_HEMS[random.integers(len(_HEMS))],
        build=random.uniform(1.0, 1.35),
    )


def _varied(random: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    return _colour(np.array(colours[random.integers(len(colours))]) * random.normal(1.0, 0.15))


def _any_colour(random: np.random.Generator) -> Colour:
    return _colour(random.uniform(20, 210) + random.normal(0, 25, 3))


def _colour(values: np.ndarray) -> Colour:
    blue, green, red = (int(value) for value in np.clip(values, 0, 255))
    return blue, green, red
