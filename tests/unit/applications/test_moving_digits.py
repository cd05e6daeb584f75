"""Bouncing digits: they stay whole, move as told, and follow from their seed."""

import numpy as np
import pytest

from convlstm_perception.applications.drawn_digits import draw_digits
from convlstm_perception.applications.moving_digits import (
    SPEED,
    MovingDigits,
    moving_digits,
)


def one_dot(size: int = 28) -> np.ndarray:
    """A "digit" of one bright pixel in its upper left corner."""
    digits = np.zeros((1, size, size), np.uint8)
    digits[0, 0, 0] = 255
    return digits


def places(frames: np.ndarray) -> np.ndarray:
    """(T, 2) row and column of the only bright pixel of each frame."""
    return np.array([np.argwhere(frame[0])[0] for frame in frames])


def test_every_frame_holds_the_whole_digits() -> None:
    digits = draw_digits(5, seed=1).images
    energies = digits.astype(np.float64).sum(axis=(1, 2)) / 255.0
    for sequence in moving_digits(digits, 20, seed=4, count=1):
        frames = sequence.read(0, 20)
        assert frames.shape == (20, 1, 64, 64) and frames.min() >= 0.0 and frames.max() <= 1.0
        sums = frames.sum(axis=(1, 2, 3), dtype=np.float64)
        assert np.allclose(sums, sums[0])  # nothing is cut off at an edge
        assert np.abs(energies - sums[0]).min() < 1e-2


def test_two_digits_overlap_by_the_brighter_one() -> None:
    digits = draw_digits(5, seed=1).images
    for sequence in moving_digits(digits, 10, seed=2):
        frames = sequence.read(0, 20)
        assert frames.max() <= 1.0
        single = digits.astype(np.float64).sum(axis=(1, 2)).max() / 255.0
        assert frames.sum(axis=(1, 2, 3)).max() <= 2.0 * single + 1e-3


def test_digits_move_at_the_speed_of_the_paper_and_bounce_inside() -> None:
    turned = 0
    for number in range(50):
        sequence = MovingDigits(one_dot(), number, seed=3, frames=60, count=1)
        steps = np.diff(places(sequence.read(0, 60)), axis=0)
        # Straight on between the walls: away from turns the step is the speed, but for rounding.
        longest = np.hypot(*np.abs(steps).max(axis=0))
        assert SPEED[0] - 1.5 <= longest <= SPEED[1] + 1.5
        for axis in (0, 1):
            moved = steps[:, axis][steps[:, axis] != 0]
            turned += int((np.diff(np.sign(moved)) != 0).sum())
    assert turned > 100
    everywhere = np.concatenate(
        [places(MovingDigits(one_dot(), n, 3, count=1).read(0, 20)) for n in range(200)]
    )
    assert everywhere.min() == 0 and everywhere.max() == 64 - 28


def test_the_same_seed_gives_the_same_frames_and_others_do_not() -> None:
    digits = draw_digits(5, seed=1).images
    first, again = (MovingDigits(digits, 7, seed=1).read(0, 20) for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, MovingDigits(digits, 7, seed=2).read(0, 20))
    assert not np.array_equal(first, MovingDigits(digits, 8, seed=1).read(0, 20))


def test_a_part_is_read_as_of_the_whole() -> None:
    sequence = MovingDigits(draw_digits(5, seed=1).images, 0, seed=1)
    rows, columns = slice(10, 40), slice(3, 64)
    assert np.array_equal(
        sequence.read(4, 9, rows, columns), sequence.read(0, 20)[4:9, :, rows, columns]
    )


@pytest.mark.parametrize("seed", [0, 1])
def test_drawn_digits_are_centred_and_reproducible(seed: int) -> None:
    digits = draw_digits(30, seed).images
    assert np.array_equal(digits, draw_digits(30, seed).images)
    assert (digits.max(axis=(1, 2)) > 200).all()
    border = np.concatenate([digits[:, 0], digits[:, -1], digits[:, :, 0], digits[:, :, -1]], 1)
    assert (border > 100).mean() < 0.01
