"""What a camera does to a scene: when it takes frames, and how it spoils them."""

from __future__ import annotations

import cv2
import numpy as np

from convlstm_perception.types import Float32Array, Image

_FRAME_RATES = (7.0, 10.0, 15.0, 25.0, 30.0)


def draw_times(
    random: np.random.Generator, slots: int, step: float
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """When the window's frames were taken: a camera of some rate, with jitter and drops.

    Returns:
        (T,) ages in seconds, ``valid`` and ``dt`` of :class:`ClipLabels`.
    """
    period = 1.0 / _FRAME_RATES[random.integers(len(_FRAME_RATES))]
    count = int(slots * step / period) + 2
    jitter = random.normal(0, 0.1 * period * (random.random() < 0.5), count)
    taken = np.arange(count) * period + np.clip(jitter, -0.4 * period, 0.4 * period)
    taken[0] = 0.0
    kept = random.random(count) >= (0.15 if random.random() < 0.3 else 0.0)
    kept[0] = True
    # A stream that has just begun has no old frames: every length from one frame to T.
    if random.random() < 0.3:
        kept &= taken < random.uniform(0, slots * step)
    taken = taken[kept]
    wanted = np.arange(slots) * step
    nearest = np.abs(taken[None] - wanted[:, None]).argmin(1)
    valid = np.abs(taken[nearest] - wanted) <= step / 2
    valid[1:] &= nearest[1:] != nearest[:-1]
    ages = np.where(valid, taken[nearest], wanted)
    dt = np.zeros(slots)
    shown = np.flatnonzero(valid)
    dt[shown[:-1]] = np.diff(ages[shown])
    return ages.astype(np.float32), valid.astype(np.float32), dt.astype(np.float32)


def degrade(random: np.random.Generator, images: list[Image], valid: Float32Array) -> list[Image]:
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
    taken = np.flatnonzero(valid)
    if len(taken) > 2 and random.random() < 0.1:
        place = int(random.integers(1, len(taken)))
        frozen = random.random() < 0.5
        source = degraded[taken[min(place + 1, len(taken) - 1)]]
        degraded[taken[place]] = source.copy() if frozen else np.zeros_like(source)
    return degraded
