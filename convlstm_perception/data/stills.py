"""Still photographs of people: whole images with boxes, and people cut out by their masks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from convlstm_perception.data.readers.box_table import read_box_table
from convlstm_perception.errors import SourceError
from convlstm_perception.types import Float32Array, Image

_SMALLEST_CUTOUT = 60  # pixels; smaller people have too little detail to be drawn again
_MASK_MARGIN = 2


@dataclass(frozen=True)
class Photograph:
    """An image and every person in it.

    Attributes:
        image: (H, W, 3) uint8, blue, green, red.
        boxes: (N, 4) float32 corners x1, y1, x2, y2 in pixels; empty for a background.
    """

    image: Image
    boxes: Float32Array


@dataclass(frozen=True)
class Cutout:
    """A person, tightly cropped.

    Attributes:
        image: (h, w, 3) uint8, blue, green, red.
        alpha: (h, w) float32 in [0, 1]; 1 where the person is.
    """

    image: Image
    alpha: Float32Array


def read_image(path: Path) -> Image:
    """Read a colour image.

    Raises:
        SourceError: when the file is missing or not an image.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SourceError(f"{path}: missing or not an image that OpenCV reads")
    return image  # type: ignore[return-value]


def read_penn_fudan(folder: Path) -> tuple[list[Photograph], list[Cutout]]:
    """Read the Penn-Fudan database (Wang et al. 2007): ``images``, ``masks``, ``boxes.csv``."""
    boxes = _read_boxes(folder / "boxes.csv", split=None)
    photographs, cutouts = [], []
    for path in sorted((folder / "images").glob("*.jpg")):
        image = read_image(path)
        photographs.append(Photograph(image, boxes[path.name]))
        mask = cv2.imread(str(folder / "masks" / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE)
        if mask is None:
            raise SourceError(f"{folder / 'masks' / path.stem}.png: missing mask of {path.name}")
        for person in range(1, int(mask.max()) + 1):
            cutouts.extend(_cut(image, (mask == person).astype(np.uint8)))
    return photographs, cutouts


def read_coco_persons(folder: Path, split: str) -> tuple[list[Photograph], list[Cutout]]:
    """Read COCO images with boxes of class person and outlines (``polygons``, normalised).

    Only people whose outline is whole (not cut by the image's edge) become cutouts.
    """
    boxes = _read_boxes(folder / "boxes.csv", split)
    photographs, cutouts = [], []
    for path in sorted((folder / "images" / split).glob("*.jpg")):
        image = read_image(path)
        photographs.append(Photograph(image, boxes[path.name]))
        outlines = folder / "polygons" / split / f"{path.stem}.txt"
        if not outlines.exists():
            continue
        size = np.array([image.shape[1], image.shape[0]], np.float32)
        for line in outlines.read_text().splitlines():
            points = np.array(line.split(), np.float32).reshape(-1, 2)
            if len(points) < 3 or points.min() < 0.01 or points.max() > 0.99:
                continue
            mask = np.zeros(image.shape[:2], np.uint8)
            cv2.fillPoly(mask, [np.round(points * size).astype(np.int32)], 1)
            cutouts.extend(_cut(image, mask, upright_only=True))
    return photographs, cutouts


def _read_boxes(path: Path, split: str | None) -> defaultdict[str, Float32Array]:
    """Corners of the boxes of each image; none for an image without a line."""
    boxes: defaultdict[str, Float32Array] = defaultdict(lambda: np.zeros((0, 4), np.float32))
    for name, rows in read_box_table(path, split).items():
        boxes[name] = np.array([corners for _, corners in rows], np.float32)
    return boxes


def _cut(image: Image, mask: Image, upright_only: bool = False) -> list[Cutout]:
    """The person under a 0/1 mask, or nothing when it is too small or not upright."""
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    if not len(columns):
        return []
    width, height = columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1
    if height < _SMALLEST_CUTOUT or (upright_only and not 1.6 < height / width < 4.5):
        return []
    area = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    # Masks run a little outside the person: without this the old background is a giveaway halo.
    eroded = cv2.erode(mask[area], np.ones((_MASK_MARGIN, _MASK_MARGIN), np.uint8))
    alpha = cv2.GaussianBlur(eroded.astype(np.float32), (3, 3), 0)
    return [Cutout(image[area].copy(), alpha)]  # type: ignore[arg-type]
