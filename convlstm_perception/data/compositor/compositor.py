"""Draws clips.

Every clip is drawn from a seed: the same seed gives the same clip, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convlstm_perception.data.compositor.backdrop import crop, draw_camera_shifts, shifted
from convlstm_perception.data.compositor.clip import Clip
from convlstm_perception.data.compositor.labels import LEAST_VISIBLE, covered_share, make_labels
from convlstm_perception.data.compositor.people import PeopleSampler, paint
from convlstm_perception.data.compositor.sensor import degrade, draw_times
from convlstm_perception.data.stills import Cutout, Photograph
from convlstm_perception.data.walks import WalkSampler


class ClipCompositor:
    """Draws clips.

    Args:
        photographs: images with their people; those without any also serve as backgrounds, and
            there must be one.
        cutouts: people to be pasted.
        walks: motions for them.
        height, width: size of the clip in pixels.
        slots, step: the window's T and its time step in seconds.
        horizons: future times in seconds.
        person_heights: smallest and largest height of a pasted person in pixels.
        peopled_share: share of the clips on photographs that hold people already, where there
            are such photographs.
        crowd: fewest and most people pasted into a photograph without any; into one that holds
            people, at most half as many.
        still_camera_share: share of the clips whose camera stands still. Only there is it known
            how people will move in the picture.
    """

    def __init__(
        self,
        photographs: Sequence[Photograph],
        cutouts: Sequence[Cutout],
        walks: WalkSampler,
        *,
        height: int,
        width: int,
        slots: int,
        step: float,
        horizons: Sequence[float],
        person_heights: tuple[float, float] = (20.0, 230.0),
        peopled_share: float = 0.4,
        crowd: tuple[int, int] = (1, 8),
        still_camera_share: float = 0.5,
    ) -> None:
        self._peopled = [photograph for photograph in photographs if len(photograph.boxes)]
        self._empty = [photograph for photograph in photographs if not len(photograph.boxes)]
        self._height, self._width, self._slots, self._step = height, width, slots, step
        self._horizons = np.array(horizons, np.float32)
        self._crowd, self._still_camera_share = crowd, still_camera_share
        self._peopled_share = peopled_share if self._peopled else 0.0
        self._people = PeopleSampler(cutouts, self._empty, walks, height, width, person_heights)

    def draw(self, random: np.random.Generator) -> Clip:
        """Draw one clip.

        People that a photograph holds already stand still in the picture, so they are asked for
        with motion only when the camera stands still too, else without.
        """
        ages, valid, dt = draw_times(random, self._slots, self._step)
        pool = self._peopled if random.random() < self._peopled_share else self._empty
        photograph = pool[random.integers(len(pool))]
        camera = draw_camera_shifts(random, ages, self._still_camera_share)
        backdrop, still_boxes = crop(random, photograph, self._height, self._width)
        fewest, most = (0, self._crowd[1] // 2) if len(still_boxes) else self._crowd
        crowd = int(random.integers(fewest, most + 1))
        times = np.concatenate([-ages, self._horizons, [-0.2, 0.2]]).astype(np.float32)
        people = [self._people.draw(random, times) for _ in range(crowd)]
        people.sort(key=lambda person: float(person.centre[1]) + person.height / 2)
        distractors = [
            self._people.draw_distractor(random, times) for _ in range(random.integers(0, 6))
        ]
        images, visible = [], np.ones(len(people), np.float32)
        hidden_stills = np.zeros(len(still_boxes), bool)
        for slot in range(self._slots):
            if not valid[slot]:
                images.append(np.zeros((self._height, self._width, 3), np.uint8))
                continue
            image = shifted(backdrop, camera[slot])
            owner = np.zeros(image.shape[:2], np.int16)
            painted = [
                paint(image, owner, index, person, slot, float(ages[slot]), camera[slot])
                for index, person in enumerate([*distractors, *people], start=1)
            ]
            if slot == 0:
                counts = np.bincount(owner.ravel(), minlength=len(painted) + 1)[1:]
                shares = (counts / np.maximum(painted, 1)).astype(np.float32)
                visible = shares[len(distractors) :]
                hidden_stills = covered_share(owner, still_boxes) > 1 - 2 * LEAST_VISIBLE
            images.append(image)
        images = degrade(random, images, valid)
        labels = make_labels(
            people,
            visible,
            still_boxes,
            hidden_stills,
            camera,
            valid,
            dt,
            horizons=len(self._horizons),
            height=self._height,
            width=self._width,
        )
        return Clip(np.stack(images), labels)  # type: ignore[arg-type]
