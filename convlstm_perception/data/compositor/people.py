"""People pasted into a clip: who, where, and how they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from convlstm_perception.data.stills import Cutout, Photograph
from convlstm_perception.data.walks import WalkSampler
from convlstm_perception.types import Float32Array, Image


@dataclass
class PastedPerson:
    """A cutout on its way.

    Attributes:
        cutout: how it looks.
        centre: (2,) of its box now, in pixels.
        height: of its box now, in pixels.
        motion: (slots + horizons + 2, 3) rows of :meth:`WalkSampler.draw`.
        gait: opening of the legs, frequency in Hz, phase.
    """

    cutout: Cutout
    centre: Float32Array
    height: float
    motion: Float32Array
    gait: tuple[float, float, float]

    @property
    def box(self) -> Float32Array:
        """(4,) centre x, centre y, width, height now, in pixels."""
        rows, columns = self.cutout.image.shape[:2]
        return np.array([*self.centre, self.height * columns / rows, self.height], np.float32)


class PeopleSampler:
    """Draws people, and things that are none.

    Args:
        cutouts: people to be pasted.
        empty: photographs without people, for distractors.
        walks: motions.
        height, width: size of the clip in pixels.
        person_heights: smallest and largest height of a person in pixels.
    """

    def __init__(
        self,
        cutouts: Sequence[Cutout],
        empty: Sequence[Photograph],
        walks: WalkSampler,
        height: int,
        width: int,
        person_heights: tuple[float, float],
    ) -> None:
        self._cutouts, self._empty, self._walks = cutouts, empty, walks
        self._height, self._width, self._person_heights = height, width, person_heights

    def draw(self, random: np.random.Generator, times: Float32Array) -> PastedPerson:
        """A person somewhere in the picture; ``times`` are seconds, 0 is now."""
        cutout = self._cutouts[random.integers(len(self._cutouts))]
        height = float(np.exp(random.uniform(*np.log(self._person_heights))))
        shrink = height * 1.1 / cutout.image.shape[0]
        image, alpha = cutout.image, cutout.alpha
        if shrink < 1:  # once, with a proper filter; each frame then only resamples a little
            size = (max(4, round(image.shape[1] * shrink)), max(8, round(image.shape[0] * shrink)))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
            alpha = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        if random.random() < 0.5:
            image, alpha = image[:, ::-1], alpha[:, ::-1]
        gain = random.uniform(0.5, 1.35) * random.normal(1.0, 0.05, 3)
        image = np.clip(image * gain + random.uniform(-20, 20), 0, 255).astype(np.uint8)
        centre = np.array(
            [random.uniform(0, self._width), random.uniform(0.05, 0.95) * self._height], np.float32
        )
        return PastedPerson(
            Cutout(image, np.ascontiguousarray(alpha)),
            centre,
            height,
            self._walks.draw(random, times),
            (random.uniform(0, 0.25), random.uniform(0.8, 1.2), random.uniform(0, 2 * np.pi)),
        )

    def draw_distractor(self, random: np.random.Generator, times: Float32Array) -> PastedPerson:
        """Something pasted that is no person, so that a pasted edge alone means nothing."""
        photograph = self._empty[random.integers(len(self._empty))]
        rows, columns = photograph.image.shape[:2]
        height = int(random.integers(40, min(rows, 240)))
        width = int(np.clip(height * random.uniform(0.25, 0.8), 8, columns - 1))
        top = int(random.integers(0, rows - height + 1))
        left = int(random.integers(0, columns - width + 1))
        if random.random() < 0.5:
            shape = self._cutouts[random.integers(len(self._cutouts))].alpha
            alpha = cv2.resize(shape, (width, height), interpolation=cv2.INTER_AREA)
        else:
            alpha = np.zeros((height, width), np.float32)
            cv2.ellipse(
                alpha, (width // 2, height // 2), (width // 2, height // 2), 0, 0, 360, (1.0,), -1
            )
        person = self.draw(random, times)
        patch = photograph.image[top : top + height, left : left + width]
        person.cutout = Cutout(patch, alpha)  # type: ignore[arg-type]
        return person


def paint(
    image: Image,
    owner: np.ndarray,
    index: int,
    person: PastedPerson,
    slot: int,
    age: float,
    shift: Float32Array,
) -> int:
    """Draw a person into a frame.

    Args:
        image: (H, W, 3) drawn into.
        owner: (H, W) int16, set to ``index`` where this person is on top.
        index: of the person, from 1.
        person: who.
        slot, age: of the frame, seconds before now.
        shift: (2,) of the camera in pixels.

    Returns:
        How many pixels the person would cover, hidden or not.
    """
    motion = np.nan_to_num(person.motion[slot])
    centre = person.centre + motion[:2] * person.height + shift
    height = person.height * float(np.exp(motion[2]))
    cut, alpha = person.cutout.image, person.cutout.alpha
    rows, columns = alpha.shape
    scale = height / rows
    opening, frequency, phase = person.gait
    spread = 1.0 + opening * np.sin(2 * np.pi * frequency * -age + phase)
    left, top = centre[0] - columns * scale / 2, centre[1] - height / 2
    x0, y0 = int(np.floor(left)) - 1, int(np.floor(top)) - 1
    x1, y1 = int(np.ceil(left + columns * scale)) + 2, int(np.ceil(top + height)) + 2
    inside = (max(x0, 0), max(y0, 0), min(x1, image.shape[1]), min(y1, image.shape[0]))
    area_whole = int(alpha.sum() * scale * scale)
    if inside[2] <= inside[0] or inside[3] <= inside[1]:
        return area_whole
    grid_x = (np.arange(inside[0], inside[2]) + 0.5 - left) / scale - 0.5
    grid_y = (np.arange(inside[1], inside[3]) + 0.5 - top) / scale - 0.5
    # Legs open and close about the middle line, from the hip down.
    depth = np.clip(grid_y / rows - 0.5, 0, None)[:, None] * 2
    middle = (columns - 1) / 2
    map_x = middle + (grid_x[None] - middle) / (1 + (spread - 1) * depth)
    map_y = np.broadcast_to(grid_y[:, None], map_x.shape)
    map_x, map_y = map_x.astype(np.float32), map_y.astype(np.float32)
    colour = cv2.remap(cut, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.remap(alpha, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    area = np.s_[inside[1] : inside[3], inside[0] : inside[2]]
    weight = cover[..., None]
    image[area] = (colour * weight + image[area] * (1 - weight)).astype(np.uint8)
    owner[area][cover > 0.5] = index
    return area_whole
