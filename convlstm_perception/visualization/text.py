"""Smooth small text on images."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from convlstm_perception.types import Float32Array, Image
from convlstm_perception.visualization.colours import Colour

_FONT = cv2.FONT_HERSHEY_DUPLEX
_OVERSAMPLING = 4
_FONT_HEIGHT = 21.0  # pixels of a capital letter at font scale 1


@lru_cache(maxsize=512)
def text_mask(text: str, height: int) -> Float32Array:
    """Coverage of a line of text, drawn large and shrunk, which smooths its strokes.

    Args:
        text: one line of ASCII.
        height: height of its capital letters in pixels.

    Returns:
        (rows, columns, 1) float32 in [0, 1]; rows is about 1.5 times the height.
    """
    scale = height * _OVERSAMPLING / _FONT_HEIGHT
    stroke = max(1, round(height * _OVERSAMPLING / 9.0))
    (width, tall), _ = cv2.getTextSize(text, _FONT, scale, stroke)
    rows = _OVERSAMPLING * round(1.5 * height)
    columns = _OVERSAMPLING * -(-(width + stroke) // _OVERSAMPLING)
    large = np.zeros((rows, max(columns, _OVERSAMPLING)), np.uint8)
    baseline = (rows + tall) // 2
    cv2.putText(large, text, (stroke // 2, baseline), _FONT, scale, (255,), stroke, cv2.LINE_AA)
    size = (large.shape[1] // _OVERSAMPLING, rows // _OVERSAMPLING)
    small = cv2.resize(large, size, interpolation=cv2.INTER_AREA)
    mask: Float32Array = small.astype(np.float32)[..., None] / 255.0
    mask.setflags(write=False)
    return mask


def draw_text(canvas: Image, text: str, left: int, top: int, height: int, colour: Colour) -> None:
    """Draw a line of text; what lies outside the image is cut off.

    Args:
        canvas: (rows, columns, 3) uint8, changed in place.
        text: one line of ASCII.
        left: column of the text's left edge.
        top: row of the text's top edge, a quarter of the height above its capitals.
        height: height of the capital letters in pixels.
        colour: blue, green, red.
    """
    mask = text_mask(text, height)
    rows = slice(max(top, 0), min(top + mask.shape[0], canvas.shape[0]))
    columns = slice(max(left, 0), min(left + mask.shape[1], canvas.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    part = mask[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    patch = canvas[rows, columns]
    blended = patch + part * (np.array(colour, np.float32) - patch)
    canvas[rows, columns] = np.round(blended).astype(np.uint8)
