"""A track's constant velocity, and how two predictions of one track are joined.

The network says where a pedestrian will be, from what it sees; a forecaster says it from the
track's past boxes. Both are estimates with a variance, so they are joined by inverse variance: the
surer one leads.
"""

from __future__ import annotations

import numpy as np

from convlstm_perception.types import Float32Array

# Standard deviations for (centre x, centre y, width, height), in box heights.
_DETECTION_NOISE = np.array([0.03, 0.03, 0.04, 0.04])
_SPEED = np.array([0.8, 0.8, 0.2, 0.2])  # per second, before anything is known: a brisk walk
# How far people get from constant velocity in t seconds, per t^1.5 (a velocity that wanders): fits
# the median error of this estimator on JAAD's training tracks at 1, 2 and 3 s, moving cameras.
_WANDERING = np.array([0.30, 0.09, 0.067, 0.067])


def constant_velocity(
    ages: Float32Array, boxes: Float32Array, times: Float32Array
) -> tuple[Float32Array, Float32Array]:
    """Straight on from the newest box, at the velocity of the past ones.

    The velocity is the least-squares slope under a zero-mean prior, so one box alone is a
    standing pedestrian of uncertain speed, and no case is special.

    Args:
        ages: (n,) seconds before now, the newest first and 0.
        boxes: (n, 4) in pixels.
        times: (H,) seconds from now.

    Returns:
        (H, 4) boxes and (H, 4) variances in pixels squared.
    """
    height = max(float(boxes[0, 3]), 1.0)
    noise, speed = (_DETECTION_NOISE * height) ** 2, (_SPEED * height) ** 2
    moments = -(ages - ages.mean())
    information = float(moments @ moments) + noise / speed
    velocity = moments @ (boxes - boxes.mean(axis=0)) / information
    ahead = times[:, None].astype(np.float64)
    variances = noise + noise / information * ahead**2
    variances = variances + (_WANDERING * height) ** 2 * ahead**3
    predicted = boxes[0] + velocity * ahead
    return predicted.astype(np.float32), variances.astype(np.float32)


def fuse(
    first: Float32Array,
    first_variance: Float32Array,
    second: Float32Array,
    second_variance: Float32Array,
) -> tuple[Float32Array, Float32Array]:
    """The mean of two estimates weighted by inverse variance, and its variance."""
    total = first_variance + second_variance
    mean = (first * second_variance + second * first_variance) / total
    return mean.astype(np.float32), (first_variance * second_variance / total).astype(np.float32)
