"""Digits drawn with OpenCV's stroke fonts, for machines without pictures of handwritten ones."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from convlstm_perception.applications.handwritten_digits import SIDE, DigitImages

_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)


def draw_digits(count: int, seed: int) -> DigitImages:
    """Digits of several fonts, sizes, slants and strokes; the same seed gives the same ones.

    Args:
        count: how many.
        seed: of everything.
    """
    random = np.random.default_rng(seed)
    images = np.stack([_draw(random) for _ in range(count)])
    return DigitImages(images, f"digits drawn with OpenCV's fonts, seed {seed} (not MNIST)")


def _draw(random: np.random.Generator) -> npt.NDArray[np.uint8]:
    text = str(random.integers(10))
    font = _FONTS[random.integers(len(_FONTS))]
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    scale, stroke = random.uniform(0.65, 0.85), int(random.integers(2, 4))
    (width, height), _ = cv2.getTextSize(text, font, scale, stroke)
    corner = ((SIDE - width) // 2, (SIDE + height) // 2)
    cv2.putText(canvas, text, corner, font, scale, 255, stroke, cv2.LINE_AA)
    slant, turn = random.uniform(-0.35, 0.35), random.uniform(-0.15, 0.15)
    middle = SIDE / 2.0
    shear = np.array([[1.0, slant, -slant * middle], [turn, 1.0, -turn * middle]], np.float32)
    return np.asarray(cv2.warpAffine(canvas, shear, (SIDE, SIDE)), np.uint8)
