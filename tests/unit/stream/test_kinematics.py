"""A track's constant velocity, and its fusion with the network's prediction."""

from __future__ import annotations

import numpy as np
import pytest

from convlstm_perception.stream.kinematics import constant_velocity, fuse

TIMES = np.array([0.5, 1.0, 3.0], np.float32)


def walk(count: int, velocity: float, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Ages and boxes of a 100 pixel high walker, ``count`` frames at 10 Hz up to now."""
    ages = np.arange(count, dtype=np.float32) / 10
    boxes = np.tile(np.array([[500.0, 300.0, 40.0, 100.0]], np.float32), (count, 1))
    boxes[:, 0] -= velocity * ages
    boxes[:, :2] += np.random.default_rng(0).normal(0, noise, (count, 2)).astype(np.float32)
    return ages, boxes


def test_a_steady_walk_goes_on() -> None:
    predicted, variances = constant_velocity(*walk(9, 60.0), TIMES)
    np.testing.assert_allclose(predicted[:, 0], 500 + 60 * TIMES, rtol=0.01)
    np.testing.assert_allclose(predicted[:, 1:], [[300, 40, 100]] * 3, rtol=1e-6)
    assert (np.diff(variances, axis=0) > 0).all()


def test_one_box_alone_stands_and_is_unsure() -> None:
    predicted, variances = constant_velocity(*walk(1, 60.0), TIMES)
    np.testing.assert_allclose(predicted, [[500, 300, 40, 100]] * 3)
    _, later = constant_velocity(*walk(9, 60.0), TIMES)
    assert (variances[:, :2] > 2 * later[:, :2]).all()


def test_noise_in_the_boxes_is_averaged() -> None:
    ages, boxes = walk(9, 60.0, noise=3.0)
    predicted, variances = constant_velocity(ages, boxes, TIMES)
    error = np.abs(predicted[:, 0] - boxes[0, 0] - 60 * TIMES)
    assert (error < 2.5 * np.sqrt(variances[:, 0])).all()
    last_two = (boxes[0, 0] - boxes[1, 0]) / 0.1
    assert error[1] < abs(last_two - 60)


def test_fusion_follows_the_surer() -> None:
    one, two = np.array([0.0], np.float32), np.array([10.0], np.float32)
    small, large = np.array([1.0], np.float32), np.array([9.0], np.float32)
    mean, variance = fuse(one, small, two, large)
    assert mean[0] == pytest.approx(1.0) and variance[0] == pytest.approx(0.9)
    assert fuse(one, large, two, small)[0][0] == pytest.approx(9.0)
