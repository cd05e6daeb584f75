"""Fit a camera image into the network's input, and boxes back into the image."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from convlstm_perception.types import Float32Array, Image

_PADDING = 114


@dataclass(frozen=True)
class Letterbox:
    """A resize that keeps the aspect ratio, centred, with grey bands.

    It runs before the graph and not inside it: the graphs' resize has no anti-aliasing in
    TensorRT, and small people in a large image would flicker.
    """

    image_height: int
    image_width: int
    input_height: int
    input_width: int

    @property
    def scale(self) -> float:
        """Input pixels per image pixel."""
        return min(self.input_height / self.image_height, self.input_width / self.image_width)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the resized image inside the input."""
        return (
            max(1, round(self.image_height * self.scale)),
            max(1, round(self.image_width * self.scale)),
        )

    @property
    def corner(self) -> tuple[int, int]:
        """Row and column of the resized image's first pixel."""
        height, width = self.size
        return (self.input_height - height) // 2, (self.input_width - width) // 2

    def clear(self, canvas: Image) -> None:
        """Paint the bands; once is enough, as :meth:`apply` does not touch them."""
        canvas.fill(_PADDING)

    def apply(self, image: Image, canvas: Image) -> None:
        """Resize ``image`` into its place in ``canvas`` (input height, input width, 3)."""
        target = self.inside(canvas)
        filtering = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_LINEAR
        cv2.resize(image, target.shape[1::-1], dst=target, interpolation=filtering)

    def inside(self, canvas: Image) -> Image:
        """The part of a canvas that the image takes: a view without the bands."""
        (height, width), (row, column) = self.size, self.corner
        return canvas[row : row + height, column : column + width]

    def boxes_to_image(self, boxes: Float32Array) -> Float32Array:
        """(..., 4) boxes in input pixels to image pixels."""
        row, column = self.corner
        moved = boxes - np.array([column, row, 0, 0], np.float32)
        return (moved / np.float32(self.scale)).astype(np.float32)
