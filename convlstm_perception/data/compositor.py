"""Training clips composed from photographs: real people walk over real backgrounds.

Every clip is drawn from a seed: the same seed gives the same clip, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from convlstm_perception.data.stills import Cutout, Photograph
from convlstm_perception.data.walks import WalkSampler
from convlstm_perception.types import BoolArray, Float32Array, Image

_LEAST_VISIBLE = 0.3  # share of a person that must show for it to be asked of the network
_FRAME_RATES = (7.0, 10.0, 15.0, 25.0, 30.0)


@dataclass(frozen=True)
class ClipLabels:
    """The truth about a window of frames and about the people in its newest one.

    Attributes:
        valid: (T,) float32, 1 where the slot holds a frame.
        dt: (T,) float32 seconds since the next older valid slot, as the motion graph takes it.
        boxes: (N, 4) float32 centre x, centre y, width, height of the people in the newest frame.
        ignored: (M, 4) float32 boxes of people too hidden to be asked for.
        motion: (N, H, 4) float32 displacement of the centre in box heights and change of log
            width and log height at each horizon; NaN where unknown.
        velocity: (N, 4) float32 the same per second, now; NaN where unknown.
    """

    valid: Float32Array
    dt: Float32Array
    boxes: Float32Array
    ignored: Float32Array
    motion: Float32Array
    velocity: Float32Array


@dataclass(frozen=True)
class Clip:
    """A window of frames: (T, H, W, 3) uint8 ``images``, blue, green, red, newest first."""

    images: Image
    labels: ClipLabels


@dataclass
class _Person:
    cutout: Cutout
    centre: Float32Array  # now, in pixels
    height: float
    motion: Float32Array  # (slots + horizons + 2, 3), WalkSampler's rows
    gait: tuple[float, float, float]  # opening of the legs, frequency in Hz, phase


class ClipCompositor:
    """Draws clips.

    Args:
        photographs: images with their people; those without any also serve as backgrounds.
        cutouts: people to be pasted.
        walks: motions for them.
        height, width: size of the clip in pixels.
        slots, step: the window's T and its time step in seconds.
        horizons: future times in seconds.
        person_heights: smallest and largest height of a pasted person in pixels.
        peopled_share: share of the clips on photographs that hold people already.
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
    ) -> None:
        self._peopled = [photograph for photograph in photographs if len(photograph.boxes)]
        self._empty = [photograph for photograph in photographs if not len(photograph.boxes)]
        self._cutouts, self._walks = cutouts, walks
        self._height, self._width, self._slots, self._step = height, width, slots, step
        self._horizons = np.array(horizons, np.float32)
        self._person_heights, self._peopled_share = person_heights, peopled_share

    def draw(self, random: np.random.Generator) -> Clip:
        """Draw one clip.

        People that a photograph holds already stand still in the picture, so they are asked for
        with motion only when the camera stands still too, else without.
        """
        ages, valid, dt = self._draw_times(random)
        pool = self._peopled if random.random() < self._peopled_share else self._empty
        photograph = pool[random.integers(len(pool))]
        camera = self._draw_camera(random, ages)
        backdrop, still_boxes = self._crop(random, photograph)
        crowd = int(random.integers(0, 4)) if len(still_boxes) else int(random.integers(1, 9))
        times = np.concatenate([-ages, self._horizons, [-0.2, 0.2]]).astype(np.float32)
        people = [self._draw_person(random, times) for _ in range(crowd)]
        people.sort(key=lambda person: float(person.centre[1]) + person.height / 2)
        distractors = [self._draw_distractor(random, times) for _ in range(random.integers(0, 6))]
        images, visible = [], np.ones(len(people), np.float32)
        hidden_stills = np.zeros(len(still_boxes), bool)
        for slot in range(self._slots):
            if not valid[slot]:
                images.append(np.zeros((self._height, self._width, 3), np.uint8))
                continue
            image = self._shift(backdrop, camera[slot])
            owner = np.zeros(image.shape[:2], np.int16)
            painted = [
                self._paint(image, owner, index, person, slot, float(ages[slot]), camera[slot])
                for index, person in enumerate([*distractors, *people], start=1)
            ]
            if slot == 0:
                counts = np.bincount(owner.ravel(), minlength=len(painted) + 1)[1:]
                shares = (counts / np.maximum(painted, 1)).astype(np.float32)
                visible = shares[len(distractors) :]
                hidden_stills = _covered_share(owner, still_boxes) > 1 - 2 * _LEAST_VISIBLE
            images.append(image)
        images = self._degrade(random, images, valid)
        labels = self._label(people, visible, still_boxes, hidden_stills, camera, valid, dt)
        return Clip(np.stack(images), labels)  # type: ignore[arg-type]

    def _draw_times(
        self, random: np.random.Generator
    ) -> tuple[Float32Array, Float32Array, Float32Array]:
        """When the window's frames were taken: a camera of some rate, with jitter and drops."""
        period = 1.0 / _FRAME_RATES[random.integers(len(_FRAME_RATES))]
        count = int(self._slots * self._step / period) + 2
        jitter = random.normal(0, 0.1 * period * (random.random() < 0.5), count)
        taken = np.arange(count) * period + np.clip(jitter, -0.4 * period, 0.4 * period)
        taken[0] = 0.0
        kept = random.random(count) >= (0.15 if random.random() < 0.3 else 0.0)
        kept[0] = True
        # A stream that has just begun has no old frames: every length from one frame to T.
        if random.random() < 0.3:
            kept &= taken < random.uniform(0, self._slots * self._step)
        taken = taken[kept]
        wanted = np.arange(self._slots) * self._step
        nearest = np.abs(taken[None] - wanted[:, None]).argmin(1)
        valid = np.abs(taken[nearest] - wanted) <= self._step / 2
        valid[1:] &= nearest[1:] != nearest[:-1]
        ages = np.where(valid, taken[nearest], wanted)
        dt = np.zeros(self._slots)
        slots = np.flatnonzero(valid)
        dt[slots[:-1]] = np.diff(ages[slots])
        return ages.astype(np.float32), valid.astype(np.float32), dt.astype(np.float32)

    def _draw_camera(self, random: np.random.Generator, ages: Float32Array) -> Float32Array:
        """(T, 2) shift of the whole picture in pixels at each slot, relative to the newest."""
        if random.random() < 0.5:
            return np.zeros((self._slots, 2), np.float32)
        velocity = random.normal(0, 1, 2) * np.array([30.0, 5.0]) * (random.random() < 0.6)
        shake = random.normal(0, random.uniform(0, 1.0), (self._slots, 2))
        return (-ages[:, None] * velocity + shake - shake[0]).astype(np.float32)

    def _crop(
        self, random: np.random.Generator, photograph: Photograph
    ) -> tuple[Image, Float32Array]:
        """A random crop of a photograph at the clip's size, mirrored half of the time."""
        image, boxes = photograph.image, photograph.boxes
        rows, columns = image.shape[:2]
        cover = max(self._height / rows, self._width / columns)
        least = 0.5 * cover if len(boxes) else cover
        scale = float(np.exp(random.uniform(np.log(least), np.log(1.8 * cover))))
        size = max(1, round(columns * scale)), max(1, round(rows * scale))
        area = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        image = cv2.resize(image, size, interpolation=area)  # type: ignore[assignment]
        boxes = boxes * np.array([size[0] / columns, size[1] / rows] * 2, np.float32)
        left = round(random.uniform(0, 1) * (size[0] - self._width))
        top = round(random.uniform(0, 1) * (size[1] - self._height))
        move = np.float32([[1, 0, -left], [0, 1, -top]])  # type: ignore[arg-type]
        # A photograph smaller than the clip is continued by mirroring, but then its people are
        # mirrored too, and unlabelled: continue with grey instead.
        border = cv2.BORDER_CONSTANT if len(boxes) else cv2.BORDER_REFLECT_101
        image = cv2.warpAffine(  # type: ignore[assignment]
            image,
            move,
            (self._width, self._height),
            borderMode=border,
            borderValue=(114, 114, 114),
        )
        boxes = boxes - np.array([left, top, left, top], np.float32)
        if random.random() < 0.5:
            image = np.ascontiguousarray(image[:, ::-1])
            boxes = (
                (self._width - 1)
                - boxes[:, [2, 1, 0, 3]] * np.array([1, -1, 1, -1])
                - np.array([0, self._width - 1, 0, self._width - 1])
            )
        return image, boxes.astype(np.float32)

    def _draw_person(self, random: np.random.Generator, times: Float32Array) -> _Person:
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
        return _Person(
            Cutout(image, np.ascontiguousarray(alpha)),
            centre,
            height,
            self._walks.draw(random, times),
            (random.uniform(0, 0.25), random.uniform(0.8, 1.2), random.uniform(0, 2 * np.pi)),
        )

    def _draw_distractor(self, random: np.random.Generator, times: Float32Array) -> _Person:
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
        person = self._draw_person(random, times)
        patch = photograph.image[top : top + height, left : left + width]
        person.cutout = Cutout(patch, alpha)  # type: ignore[arg-type]
        return person

    def _box_now(self, person: _Person) -> Float32Array:
        rows, columns = person.cutout.image.shape[:2]
        return np.array([*person.centre, person.height * columns / rows, person.height], np.float32)

    def _paint(
        self,
        image: Image,
        owner: np.ndarray,
        index: int,
        person: _Person,
        slot: int,
        age: float,
        camera: Float32Array,
    ) -> int:
        """Draw a person into a frame; returns how many pixels it would cover, hidden or not."""
        motion = np.nan_to_num(person.motion[slot])
        centre = person.centre + motion[:2] * person.height + camera
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

    def _shift(self, image: Image, shift: Float32Array) -> Image:
        if not shift.any():
            return image.copy()
        move = np.float32([[1, 0, shift[0]], [0, 1, shift[1]]])  # type: ignore[arg-type]
        return cv2.warpAffine(  # type: ignore[return-value]
            image, move, (self._width, self._height), borderMode=cv2.BORDER_REFLECT_101
        )

    def _degrade(
        self, random: np.random.Generator, images: list[Image], valid: Float32Array
    ) -> list[Image]:
        """What lens, sensor and codec do; and faults: a frozen or a black frame."""
        blur = random.uniform(0.4, 1.4) if random.random() < 0.4 else 0.0
        gain, offset = random.uniform(0.6, 1.3), random.uniform(-25, 25)
        noise = random.uniform(1, 10) if random.random() < 0.5 else 0.0
        quality = int(random.integers(25, 95)) if random.random() < 0.5 else 0
        grey = random.random() < 0.1
        tint = random.normal(1.0, 0.06, 3)
        table = np.clip(np.arange(256)[:, None] * gain * tint + offset, 0, 255).astype(np.uint8)
        degraded = []
        for slot, image in enumerate(images):
            if valid[slot]:
                image = cv2.LUT(image, table.reshape(1, 256, 3))  # type: ignore[assignment]
                if grey:
                    image = cv2.cvtColor(  # type: ignore[assignment]
                        cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR
                    )
                if blur:
                    image = cv2.GaussianBlur(image, (0, 0), blur)  # type: ignore[assignment]
                if noise:
                    grain = np.empty(image.shape, np.int16)
                    cv2.setRNGSeed(int(random.integers(2**31)))
                    cv2.randn(grain, (0, 0, 0), (noise, noise, noise))
                    image = np.clip(image + grain, 0, 255).astype(np.uint8)
                if quality:
                    packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
                    image = cv2.imdecode(packed, cv2.IMREAD_COLOR)  # type: ignore[assignment]
            degraded.append(image)
        if len(images) > 2 and random.random() < 0.1:
            fault = int(random.integers(1, len(images)))
            frozen = random.random() < 0.5
            source = degraded[min(fault + 1, len(images) - 1)]
            degraded[fault] = source.copy() if frozen else np.zeros_like(source)
        return degraded

    def _label(
        self,
        people: list[_Person],
        visible: Float32Array,
        still_boxes: Float32Array,
        hidden_stills: BoolArray,
        camera: Float32Array,
        valid: Float32Array,
        dt: Float32Array,
    ) -> ClipLabels:
        horizons = len(self._horizons)
        moving = bool(camera.any())
        boxes, motions, velocities, shown = [], [], [], []
        for person, share in zip(people, visible, strict=True):
            boxes.append(self._box_now(person))
            path = person.motion[self._slots :]
            growth = path[:, 2:].repeat(2, axis=1)
            steps = np.concatenate([path[:, :2], growth], axis=1)
            # The camera's own future is not known: only its present motion is in the labels.
            motions.append(np.full((horizons, 4), np.nan) if moving else steps[:horizons])
            velocity = (steps[-1] - steps[-2]) / 0.4
            velocities.append(np.full(4, np.nan) if moving else velocity)
            shown.append(share > _LEAST_VISIBLE)
        size = still_boxes[:, 2:] - still_boxes[:, :2]
        for corners, extent, hidden in zip(still_boxes, size, hidden_stills, strict=True):
            boxes.append(np.concatenate([corners[:2] + extent / 2, extent]))
            still = np.full((horizons, 4), np.nan if moving else 0.0)
            motions.append(still)
            velocities.append(np.full(4, np.nan if moving else 0.0))
            shown.append(not hidden)
        table = np.array(boxes, np.float32).reshape(-1, 4)
        clipped, inside = _clip(table, self._width, self._height)
        keep = np.array(shown, bool).reshape(-1) & (inside > _LEAST_VISIBLE)
        keep &= (clipped[:, 3] >= 12) & (clipped[:, 2] >= 4)
        partly = (~keep) & (inside > 0.02)
        motion = np.array(motions, np.float32).reshape(-1, horizons, 4)
        velocity_table = np.array(velocities, np.float32).reshape(-1, 4)
        # A box cut by the frame is not where its person is: its motion is not asked for.
        cut = inside < 0.95
        motion[cut], velocity_table[cut] = np.nan, np.nan
        return ClipLabels(
            valid,
            dt,
            clipped[keep],
            clipped[partly],
            motion[keep],
            velocity_table[keep],
        )


def _covered_share(owner: np.ndarray, corners: Float32Array) -> Float32Array:
    """Share of each box (x1, y1, x2, y2) that pasted people cover."""
    shares = []
    for x1, y1, x2, y2 in np.maximum(corners, 0).astype(int):
        region = owner[y1:y2, x1:x2]
        shares.append(float((region > 0).mean()) if region.size else 1.0)
    return np.array(shares, np.float32)


def _clip(boxes: Float32Array, width: int, height: int) -> tuple[Float32Array, Float32Array]:
    """Boxes clipped to the image, and the share of each that was inside."""
    low = np.maximum(boxes[:, :2] - boxes[:, 2:] / 2, 0)
    high = np.minimum(boxes[:, :2] + boxes[:, 2:] / 2, np.array([width, height]))
    size = np.maximum(high - low, 0)
    inside = size.prod(1) / np.maximum(boxes[:, 2:].prod(1), 1e-6)
    return np.concatenate([low + size / 2, size], 1).astype(np.float32), inside
