"""The camera on the car: what the renderer's lens is set to, and what CameraInfo says of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEAR = 0.1  # metres in front of the camera from which on things are seen


@dataclass(frozen=True)
class StreetCamera:
    """A pinhole camera without distortion, looking ahead and a little down.

    Attributes:
        width, height: of the images in pixels.
        field_of_view: horizontal, in degrees, from the left edge of the image to the right.
        forward, up: of base_link's origin, in metres.
        pitch: in radians, positive looks down.
    """

    width: int = 640
    height: int = 384
    field_of_view: float = 60.0
    forward: float = 0.8
    up: float = 1.5
    pitch: float = math.radians(4.0)

    @property
    def focal_length(self) -> float:
        """In pixels, the same both ways."""
        return 0.5 * self.width / math.tan(0.5 * math.radians(self.field_of_view))

    @property
    def vertical_field_of_view(self) -> float:
        """In degrees, from the upper edge of the image to the lower."""
        return math.degrees(2.0 * math.atan(0.5 * self.height / self.focal_length))

    @property
    def intrinsics(self) -> NDArray[np.float64]:
        """(3, 3) K. Pixels count from the centre of the upper left one, so that the middle of an
        image is half a pixel before half of its size."""
        f, x, y = self.focal_length, 0.5 * (self.width - 1), 0.5 * (self.height - 1)
        return np.array([[f, 0.0, x], [0.0, f, y], [0.0, 0.0, 1.0]])

    def project(self, points: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Pixels of points.

        Args:
            points: (N, 3) in metres in the optical frame: x right, y down, z ahead (REP-103).

        Returns:
            (N, 2), also beyond the image's edges; None where one is not in front of the camera.
        """
        if len(points) == 0 or points[:, 2].min() < NEAR:
            return None
        pixels = points @ self.intrinsics.T
        return np.asarray(pixels[:, :2] / pixels[:, 2:], np.float64)

    def box(self, points: NDArray[np.float64]) -> tuple[float, float, float, float] | None:
        """Centre x, centre y, width, height around the pixels of points; None as for them."""
        pixels = self.project(points)
        if pixels is None:
            return None
        (left, top), (right, bottom) = pixels.min(axis=0), pixels.max(axis=0)
        return (
            float(left + right) / 2,
            float(top + bottom) / 2,
            float(right - left),
            float(bottom - top),
        )
