"""Smooth lines and ellipses, opaque or blended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from convlstm_perception.types import Image
from convlstm_perception.visualization.colours import Colour

if TYPE_CHECKING:
    from typing_extensions import Self

Points = NDArray[np.float64]

_FRACTION_BITS = 4  # binary digits of sub-pixel precision in OpenCV's drawing calls
_ONE = 1 << _FRACTION_BITS


def draw_line(
    canvas: NDArray[np.uint8], start: Points, end: Points, colour: Colour, width: int
) -> None:
    """Draw an opaque anti-aliased line.

    Args:
        canvas: (rows, columns) or (rows, columns, 3) uint8, changed in place.
        start: (2,) column and row of one end, fractions of pixels count.
        end: (2,) column and row of the other end.
        colour: blue, green, red.
        width: width of the line in pixels.
    """
    ends = _fixed_point(start), _fixed_point(end)
    cv2.line(canvas, *ends, colour, width, cv2.LINE_AA, _FRACTION_BITS)


@dataclass(frozen=True, slots=True)
class Patch:
    """A part of an image with a layer of shapes to be blended over it once.

    Of shapes that overlap the last one counts, with its own opacity.

    Attributes:
        target: (rows, columns, 3) view of the image.
        layer: colours to blend, same shape.
        opacity: (rows, columns) uint8, 255 = the layer hides the image.
        origin: (2,) column and row of the patch in the image.
    """

    target: Image
    layer: Image
    opacity: NDArray[np.uint8]
    origin: Points

    @classmethod
    def around(cls, canvas: Image, points: Points, spread: Points, margin: float) -> Self | None:
        """The part of an image that holds points with their spread.

        Args:
            canvas: (height, width, 3) uint8; ``blend`` changes it.
            points: (N, 2) columns and rows.
            spread: (N, 2) half sizes around the points.
            margin: pixels added on every side.

        Returns:
            The patch, or None when it lies outside the image.
        """
        height, width = canvas.shape[:2]
        left, top = np.floor((points - spread).min(axis=0) - margin).astype(int)
        right, bottom = np.ceil((points + spread).max(axis=0) + margin).astype(int)
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
        if left >= right or top >= bottom:
            return None
        target = canvas[top:bottom, left:right]
        opacity = np.zeros(target.shape[:2], np.uint8)
        return cls(target, target.copy(), opacity, np.array([left, top], np.float64))

    def line(self, start: Points, end: Points, colour: Colour, opacity: float, width: int) -> None:
        """Add a line between two points of the image."""
        start, end = start - self.origin, end - self.origin
        draw_line(self.layer, start, end, colour, width + 1)
        draw_line(self.opacity, start, end, _grey(opacity), width)

    def ellipse(
        self, centre: Points, axes: Points, colour: Colour, opacity: float, width: int = -1
    ) -> None:
        """Add an upright ellipse with half axes ``axes``; width -1 fills it."""
        centre = centre - self.origin
        # The colour reaches a little farther than the opacity, else the smoothed rim
        # would blend the image's own colour in twice.
        _draw_ellipse(self.layer, centre, axes + 1.0, colour, -1 if width < 0 else width + 2)
        _draw_ellipse(self.opacity, centre, axes, _grey(opacity), width)

    def blend(self) -> None:
        """Blend the layer over the image."""
        share = self.opacity.astype(np.float32)[..., None] * np.float32(1.0 / 255.0)
        below = self.target.astype(np.float32)
        self.target[:] = np.round(below + share * (self.layer - below)).astype(np.uint8)


def _draw_ellipse(
    canvas: NDArray[np.uint8], centre: Points, axes: Points, colour: Colour, width: int
) -> None:
    place = _fixed_point(centre), _fixed_point(axes)
    smooth = cv2.LINE_AA, _FRACTION_BITS
    cv2.ellipse(canvas, *place, 0.0, 0.0, 360.0, colour, width, *smooth)


def _grey(opacity: float) -> Colour:
    value = int(255 * opacity)
    return value, value, value


def _fixed_point(point: Points) -> tuple[int, int]:
    return round(float(point[0]) * _ONE), round(float(point[1]) * _ONE)
