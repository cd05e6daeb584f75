"""Images that show nothing are told apart from dark, bright and still ones."""

from __future__ import annotations

import numpy as np
import pytest

from convlstm_perception.stream import QualitySettings
from convlstm_perception.stream.image_quality import ImageQuality
from convlstm_perception.types import NANOSECONDS_PER_SECOND, Image


def noise(low: int, high: int, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(low, high, (96, 160, 3), np.uint8)


def judge(*images: Image, period: float = 0.1, **settings: float) -> list[str]:
    quality = ImageQuality(QualitySettings(**settings))
    return [
        quality.judge(image, round(number * period * NANOSECONDS_PER_SECOND))
        for number, image in enumerate(images)
    ]


def test_a_covered_lens_is_black_and_a_night_with_a_lamp_is_not() -> None:
    lamp = noise(0, 6)
    lamp[40:56, 60:76] = 200  # a sixtieth of the image
    black, night = judge(noise(0, 9), lamp)
    assert "black" in black and night == ""


def test_a_dazzled_sensor_is_saturated_and_snow_with_a_person_is_not() -> None:
    person = noise(250, 256)
    person[30:70, 60:76] = 40
    dazzled, snow = judge(noise(247, 256), person)
    assert "saturated" in dazzled and snow == ""


def test_images_are_frozen_once_they_were_the_same_for_long_enough() -> None:
    still, other = noise(20, 90), noise(20, 90, seed=1)
    said = judge(still, still, still, still, still, other, still, frozen_after=0.3)
    assert [bool(reason) for reason in said] == [False, False, False, True, True, False, False]
    assert "frozen: to the last bit the same for 0.4 s" in said[4]


def test_a_still_image_is_frozen_though_time_jumps_back() -> None:
    quality, still = ImageQuality(QualitySettings(frozen_after=0.3)), noise(20, 90)
    seconds = [3600.0, 3600.1, 0.0, 0.1, 0.2, 0.3]
    said = [quality.judge(still, round(s * NANOSECONDS_PER_SECOND)) for s in seconds]
    assert said[:-1] == [""] * 5 and "the same for 0.3 s" in said[-1]


def test_one_level_in_one_pixel_is_a_change() -> None:
    images = [noise(20, 90) for _ in range(8)]
    for number, image in enumerate(images):
        image[-1, -1, 0] = number
    assert judge(*images) == [""] * 8


@pytest.mark.parametrize(
    ("image", "off"),
    [
        (noise(0, 2), {"black_level": -1}),
        (noise(254, 256), {"saturated_level": 256}),
        (noise(9, 90), {"frozen_after": 0.0}),
    ],
)
def test_each_judgement_can_be_switched_off(image: Image, off: dict[str, float]) -> None:
    images = [image] * 9
    assert any(judge(*images)) and not any(judge(*images, **{"frozen_after": 0.0} | off))


def test_after_a_reset_or_another_size_nothing_is_known_of_before() -> None:
    quality, image = ImageQuality(QualitySettings(frozen_after=0.1)), noise(20, 90)
    assert quality.judge(image, 0) == ""
    assert quality.judge(image[:48], NANOSECONDS_PER_SECOND) == ""
    assert quality.judge(image, 2 * NANOSECONDS_PER_SECOND) == ""
    quality.reset()
    assert quality.judge(image, 3 * NANOSECONDS_PER_SECOND) == ""
    assert "frozen" in quality.judge(image, 4 * NANOSECONDS_PER_SECOND)
