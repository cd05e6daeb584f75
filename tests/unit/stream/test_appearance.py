"""Descriptors of clothes: what they tell apart, what they overlook, where there is no image."""

from __future__ import annotations

import numpy as np
import pytest

from convlstm_perception.stream.appearance import DESCRIPTOR_SIZE, describe
from convlstm_perception.types import Image

RED, BLUE, GREY = (40, 40, 200), (200, 60, 40), (120, 120, 120)


def street(*people: tuple[float, tuple[int, int, int], tuple[int, int, int]]) -> Image:
    """A noisy grey street with people 40 wide and 100 high at x, coloured above and below."""
    noise = np.random.default_rng(1).normal(0, 6, (200, 400, 3))
    image = np.full((200, 400, 3), 150.0)
    for x, torso, legs in people:
        columns = slice(round(x) - 20, round(x) + 20)
        image[50:100, columns], image[100:150, columns] = torso, legs
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def boxes(*centres: float) -> np.ndarray:
    return np.array([[x, 100, 40, 100] for x in centres], np.float32).reshape(-1, 4)


def test_descriptors_have_length_one() -> None:
    image = street((100, RED, BLUE))
    found = describe(image, boxes(100, 390, 1000))  # one inside, one at the edge, one outside
    assert found.shape == (3, DESCRIPTOR_SIZE) and found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, rtol=1e-5)
    assert describe(image, boxes()).shape == (0, DESCRIPTOR_SIZE)


def test_the_same_clothes_are_alike_and_others_are_not() -> None:
    found = describe(
        street((60, RED, BLUE), (160, RED, BLUE), (260, BLUE, RED), (350, GREY, GREY)),
        boxes(60, 160, 260, 350),
    )
    likeness = found @ found.T
    assert likeness[0, 1] > 0.97
    assert likeness[0, 2] < 0.75  # the same colours the other way round
    assert likeness[0, 3] < 0.75


@pytest.mark.parametrize("shift", [-8, 8])
def test_a_box_somewhat_beside_the_person_still_fits(shift: float) -> None:
    image = street((100, RED, BLUE), (300, BLUE, RED))
    right, beside, other = describe(image, boxes(100, 100 + shift, 300))
    assert right @ beside > 0.95 > right @ other


def test_exposure_changes_less_than_clothes_do() -> None:
    image = street((100, RED, BLUE), (300, GREY, GREY))
    darker = (0.9 * image).astype(np.uint8)
    seen, other = describe(image, boxes(100, 300))
    later = describe(darker, boxes(100))[0]
    assert seen @ later > 0.85 > other @ later
