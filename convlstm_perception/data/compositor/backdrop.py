"""What is behind the people: a crop of a photograph, moved by the camera's own motion."""

from __future__ import annotations

import cv2
import numpy as np

from convlstm_perception.data.stills import Photograph
from convlstm_perception.types import Float32Array, Image


def crop(
    random: np.random.Generator, photograph: Photograph, height: int, width: int
) -> tuple[Image, Float32Array]:
    """A random crop of a photograph at the clip's size, mirrored half of the time."""
    image, boxes = photograph.image, photograph.boxes
    rows, columns = image.shape[:2]
    cover = max(height / rows, width / columns)
    least = 0.5 * cover if len(boxes) else cover
    scale = float(np.exp(random.uniform(np.log(least), np.log(1.8 * cover))))
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    area = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = cv2.resize(image, size, interpolation=area)  # type: ignore[assignment]
    boxes = boxes * np.array([size[0] / columns, size[1] / rows] * 2, np.float32)
    left = round(random.uniform(0, 1) * (size[0] - width))
    top = round(random.uniform(0, 1) * (size[1] - height))
    move = np.float32([[1, 0, -left], [0, 1, -top]])  # type: ignore[arg-type]
    # A photograph smaller than the clip is continued by mirroring, but then its people are
    # mirrored too, and unlabelled: continue with grey instead.
    border = cv2.BORDER_CONSTANT if len(boxes) else cv2.BORDER_REFLECT_101
    image = cv2.warpAffine(  # type: ignore[assignment]
        image,
        move,
        (width, height),
        borderMode=border,
        borderValue=(114, 114, 114),
    )
    boxes = boxes - np.array([left, top, left, top], np.float32)
    if random.random() < 0.5:
        image = np.ascontiguousarray(image[:, ::-1])
        boxes = (
            (width - 1)
            - boxes[:, [2, 1, 0, 3]] * np.array([1, -1, 1, -1])
            - np.array([0, width - 1, 0, width - 1])
        )
    return image, boxes.astype(np.float32)


def draw_camera_shifts(
    random: np.random.Generator, ages: Float32Array, still_share: float
) -> Float32Array:
    """(T, 2) shift of the whole picture in pixels at each slot, relative to the newest.

    It is zero for a ``still_share`` of the draws.
    """
    if random.random() < still_share:
        return np.zeros((len(ages), 2), np.float32)
    velocity = random.normal(0, 1, 2) * np.array([30.0, 5.0]) * (random.random() < 0.6)
    shake = random.normal(0, random.uniform(0, 1.0), (len(ages), 2))
    return (-ages[:, None] * velocity + shake - shake[0]).astype(np.float32)


def shifted(image: Image, shift: Float32Array) -> Image:
    """A copy of an image moved by (2,) pixels, continued by mirroring at its border."""
    if not shift.any():
        return image.copy()
    move = np.float32([[1, 0, shift[0]], [0, 1, shift[1]]])  # type: ignore[arg-type]
    return cv2.warpAffine(  # type: ignore[return-value]
        image, move, image.shape[1::-1], borderMode=cv2.BORDER_REFLECT_101
    )
