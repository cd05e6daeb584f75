"""Real motion made visible: people cut out of photographs, drawn into the boxes of real tracks.

Box tables such as JAAD's and KITTI's come without their videos here. A composited sequence gives
every track of a recording a cutout and every recording a photograph, so that detector, tracker and
forecast can be judged together on motion that really happened, ego-motion included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import cv2
import numpy as np

from convlstm_perception.data.sequence import AnnotatedSequence, FrameTruth
from convlstm_perception.data.stills import Cutout, Photograph
from convlstm_perception.data.video import ClosingSource
from convlstm_perception.types import Float32Array, Image

_SMALLEST = 4.0  # pixels; nothing of a smaller person would show


class CompositedImages(ClosingSource):
    """The pictures of a composited sequence; a FrameSource. The same seed gives the same pictures.

    Args:
        name: of the sequence.
        truths: people of each frame, in pixels of the pictures.
        width, height: of the pictures in pixels.
        frame_rate: frames a second.
        cutouts: people to choose from; a person looks the same in all frames.
        background: photograph without people.
        seed: of the choice.
    """

    def __init__(
        self,
        name: str,
        truths: Mapping[int, FrameTruth],
        width: int,
        height: int,
        frame_rate: float,
        cutouts: Sequence[Cutout],
        background: Photograph,
        seed: int,
    ) -> None:
        self.name, self.width, self.height = name, width, height
        self.frame_rate: float | None = frame_rate
        self.frame_count: int | None = max(truths, default=-1) + 1
        self._truths, self._cutouts, self._seed = truths, cutouts, seed
        self._background = _covering(background.image, height, width)

    def __iter__(self) -> Iterator[Image]:
        for number in range(self.frame_count or 0):
            image = self._background.copy()
            truth = self._truths.get(number)
            if truth is not None:
                # Whoever stands lower in the picture is nearer.
                order = np.argsort(truth.boxes[:, 1] + truth.boxes[:, 3] / 2, kind="stable")
                for row in order:
                    _draw(image, self._look(int(truth.ids[row])), truth.boxes[row])
            yield image

    def close(self) -> None:
        """Nothing stays open."""

    def _look(self, identity: int) -> Cutout:
        random = np.random.default_rng([self._seed, identity])
        cutout = self._cutouts[random.integers(len(self._cutouts))]
        if random.random() < 0.5:
            return cutout
        return Cutout(cutout.image[:, ::-1], cutout.alpha[:, ::-1])


def composite(
    sequence: AnnotatedSequence,
    cutouts: Sequence[Cutout],
    backgrounds: Sequence[Photograph],
    *,
    width: int,
    every: int,
    longest: float,
    seed: int,
) -> AnnotatedSequence:
    """A recording of boxes as one with pictures.

    Args:
        sequence: boxes with ids.
        cutouts, backgrounds: what to draw with.
        width: of the pictures in pixels; boxes are scaled with them.
        every: take each n-th frame.
        longest: seconds to take, from the first frame with a person.
        seed: of everything random.
    """
    assert sequence.frame_rate is not None
    scale = width / sequence.width
    height = round(sequence.height * scale)
    rate = sequence.frame_rate / every
    first = min((number for number, truth in sequence.truths.items() if len(truth.ids)), default=0)
    truths: dict[int, FrameTruth] = {}
    for index in range(round(longest * rate)):
        truth = sequence.truths.get(first + index * every)
        if truth is None:
            break
        boxes = truth.boxes * np.float32(scale)
        kept = (boxes[:, 2:] >= _SMALLEST).all(axis=1)
        truths[index] = FrameTruth(truth.ids[kept], boxes[kept], truth.ignored * np.float32(scale))
    random = np.random.default_rng(seed)
    background = backgrounds[random.integers(len(backgrounds))]
    images = CompositedImages(sequence.name, truths, width, height, rate, cutouts, background, seed)
    return AnnotatedSequence(sequence.name, rate, width, height, truths, images)


def _covering(image: Image, height: int, width: int) -> Image:
    """The middle of an image, scaled so that it fills ``height`` x ``width``."""
    scale = max(height / image.shape[0], width / image.shape[1])
    size = max(width, round(image.shape[1] * scale)), max(height, round(image.shape[0] * scale))
    scaled = cv2.resize(
        image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    top, left = (size[1] - height) // 2, (size[0] - width) // 2
    return np.ascontiguousarray(scaled[top : top + height, left : left + width])


def _draw(image: Image, cutout: Cutout, box: Float32Array) -> None:
    """Draw a cutout so that it fills a box, where that is inside the image."""
    rows, columns = cutout.alpha.shape
    x, y, width, height = (float(value) for value in box)
    left, top = x - width / 2, y - height / 2
    x0, y0 = max(int(np.floor(left)), 0), max(int(np.floor(top)), 0)
    x1 = min(int(np.ceil(left + width)), image.shape[1])
    y1 = min(int(np.ceil(top + height)), image.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    if height < rows:  # a proper filter first: sampling alone would sparkle
        size = max(1, round(width)), max(1, round(height))
        picture = cv2.resize(cutout.image, size, interpolation=cv2.INTER_AREA)
        alpha = cv2.resize(cutout.alpha, size, interpolation=cv2.INTER_AREA)
    else:
        picture, alpha = cutout.image, np.ascontiguousarray(cutout.alpha)
    rows, columns = alpha.shape
    map_x = ((np.arange(x0, x1) + 0.5 - left) * columns / width - 0.5).astype(np.float32)
    map_y = ((np.arange(y0, y1) + 0.5 - top) * rows / height - 0.5).astype(np.float32)
    grid_x, grid_y = np.meshgrid(map_x, map_y)
    picture = np.ascontiguousarray(picture)
    colour = cv2.remap(picture, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.remap(alpha, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    area = np.s_[y0:y1, x0:x1]
    weight = cover[..., None]
    image[area] = (colour * weight + image[area] * (1 - weight)).astype(np.uint8)
