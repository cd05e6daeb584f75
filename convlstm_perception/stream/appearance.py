"""How people look, by the colours of their clothes: who is who when two of them have crossed.

The middle of a box is split into torso and legs; each is described by smoothed histograms of its
three CIELAB channels. Two descriptors are compared by the Bhattacharyya coefficient of their
histograms (Comaniciu et al. 2003), which is a scalar product once the square roots are taken.
"""

from __future__ import annotations

import cv2
import numpy as np

from convlstm_perception.types import Float32Array, Image

_BINS = 16
_CHANNELS = 3
_WIDTH = 0.5  # of the box, around its centre: beside it is background
_PARTS = ((0.12, 0.5), (0.5, 0.88))  # top and bottom of torso and legs, in box heights
DESCRIPTOR_SIZE = len(_PARTS) * _CHANNELS * _BINS

_FLOOR = 1e-3  # share of a pixel in every bin, so that no histogram is empty
# Clothes differ little in chroma: its bins are narrow, the outermost take what lies beyond.
_CHROMA_STEP = 4
_NEUTRAL = 128
_LEVELS = np.arange(256)
_CHROMA = np.clip((_LEVELS - _NEUTRAL) // _CHROMA_STEP + _BINS // 2, 0, _BINS - 1)
_TABLE = np.stack([_LEVELS * _BINS // 256, _BINS + _CHROMA, 2 * _BINS + _CHROMA], axis=-1).astype(
    np.uint8
)[None]


def describe(image: Image, boxes: Float32Array) -> Float32Array:
    """Descriptors of the people in boxes.

    Args:
        image: (height, width, 3) uint8, BGR.
        boxes: (N, 4) centre x, centre y, width, height in pixels; parts outside the image are
            left out.

    Returns:
        (N, DESCRIPTOR_SIZE) float32 of length 1: their scalar product is 1 for equal histograms
        and 0 for histograms that share no bin.
    """
    counts = np.full((len(boxes), len(_PARTS), _CHANNELS, _BINS), _FLOOR, np.float32)
    height, width = image.shape[:2]
    for row, (x, y, w, h) in enumerate(boxes):
        columns = slice(*_inside(x - _WIDTH * w / 2, x + _WIDTH * w / 2, width))
        for part, (top, bottom) in enumerate(_PARTS):
            rows = slice(*_inside(y + (top - 0.5) * h, y + (bottom - 0.5) * h, height))
            crop = image[rows, columns]
            if crop.size:
                bins = cv2.LUT(cv2.cvtColor(crop, cv2.COLOR_BGR2LAB), _TABLE)
                found = np.bincount(bins.ravel(), minlength=_CHANNELS * _BINS)
                counts[row, part] += found.reshape(_CHANNELS, _BINS)
    smooth = 0.5 * counts
    smooth[..., 1:] += 0.25 * counts[..., :-1]
    smooth[..., :-1] += 0.25 * counts[..., 1:]
    smooth /= len(_PARTS) * _CHANNELS * smooth.sum(axis=-1, keepdims=True)
    return np.sqrt(smooth).reshape(len(boxes), DESCRIPTOR_SIZE)


def _inside(low: float, high: float, size: int) -> tuple[int, int]:
    """First and last pixel plus one of an interval, cut at the image's edge."""
    return int(np.clip(low, 0, size)), int(np.clip(np.ceil(high), 0, size))
