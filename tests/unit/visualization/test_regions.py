"""The ellipses that hold nine in ten."""

from __future__ import annotations

import math

import numpy as np
import pytest

from convlstm_perception.visualization.regions import ellipse


@pytest.mark.parametrize("turn", [0.0, 0.3, 1.2, -0.7])
def test_an_ellipse_turns_with_its_covariance(turn: float) -> None:
    cosine, sine = math.cos(turn), math.sin(turn)
    rotation = np.array([[cosine, -sine], [sine, cosine]])
    covariance = rotation @ np.diag([0.5, 0.1]) @ rotation.T
    longer, shorter, yaw = ellipse(covariance)
    assert yaw == pytest.approx(turn)
    assert (longer, shorter) == pytest.approx([math.sqrt(4.60517 * v) for v in (0.5, 0.1)])
    samples = np.random.default_rng(0).multivariate_normal([0, 0], covariance, 20_000) @ rotation
    inside = (samples[:, 0] / longer) ** 2 + (samples[:, 1] / shorter) ** 2 < 1
    assert inside.mean() == pytest.approx(0.9, abs=0.01)
