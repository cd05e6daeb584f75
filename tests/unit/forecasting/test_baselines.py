"""The baselines move what moves, the right way, and bear missing values."""

from __future__ import annotations

import numpy as np
import pytest

from convlstm_perception.forecasting import Advection, LastFrame
from convlstm_perception.forecasting.advection import advect, mean_flow
from convlstm_perception.types import Float32Array
from tests.support.fields import moving_blob


def _centre(field: Float32Array) -> tuple[float, float]:
    rows, columns = np.mgrid[: field.shape[0], : field.shape[1]]
    return (
        float((rows * field).sum() / field.sum()),
        float((columns * field).sum() / field.sum()),
    )


@pytest.mark.parametrize("velocity", [(1.5, -1.0), (-2.0, 0.0), (0.0, 2.0)])
def test_advection_moves_a_blob_the_way_it_moves(velocity: tuple[float, float]) -> None:
    fields = moving_blob(9, 64, 56, velocity, (32.0, 28.0))
    forecast = Advection().forecast(fields[None, :4, None], steps=5)
    assert forecast.shape == (1, 5, 1, 64, 56) and forecast.dtype == np.float32
    for step in range(5):
        assert _centre(forecast[0, step, 0]) == pytest.approx(_centre(fields[4 + step]), abs=0.8)
    persistence = LastFrame().forecast(fields[None, :4, None], steps=5)
    errors = [np.abs(one[0, :, 0] - fields[4:]).mean() for one in (forecast, persistence)]
    assert errors[0] < 0.3 * errors[1]


def test_the_flow_is_in_pixels_a_frame_right_and_down() -> None:
    fields = moving_blob(4, 64, 64, (2.0, 1.0), (28.0, 28.0))
    flow = mean_flow(fields[:, None], pairs=3)
    assert flow[32, 31] == pytest.approx((1.0, 2.0), abs=0.25)


def test_a_field_is_carried_along_a_turning_flow() -> None:
    """A quarter of a turn about the centre, in many small steps."""
    rows, columns = np.mgrid[:41, :41].astype(np.float32) - 20.0
    angle = np.pi / 2 / 16
    flow = np.stack([-angle * rows, angle * columns], axis=-1).astype(np.float32)
    field = np.exp(-((rows + 10) ** 2 + columns**2) / 8).astype(np.float32)  # above the centre
    turned = advect(field[None], flow, 16)[-1, 0]
    assert np.unravel_index(turned.argmax(), turned.shape) == (20, 30)  # right of it
    assert turned.max() > 0.95


def test_every_channel_moves() -> None:
    fields = np.stack([moving_blob(8, 48, 48, (1.0, 1.0), (20.0, 20.0))] * 2, axis=1)
    fields[:, 1] *= -3.0
    forecast = Advection().forecast(fields[None, :4], steps=3)[0]
    np.testing.assert_allclose(forecast[:, 1], -3.0 * forecast[:, 0], atol=1e-3)


def test_missing_values_never_reach_a_forecast() -> None:
    fields = moving_blob(5, 32, 32, (1.0, 0.0), (12.0, 16.0))[None, :, None]
    fields[:, :, :, :, :4] = np.nan  # never known
    fields[:, -1, :, 20:22, 20:22] = np.nan  # known before
    fields[:, -2, :, 20:22, 20:22] = 5.0
    for one in (LastFrame(), Advection()):
        assert np.isfinite(one.forecast(fields, 3)).all()
    last = LastFrame().forecast(fields, 2)[0, 1, 0]
    assert (last[20:22, 20:22] == 5.0).all()
    np.testing.assert_array_equal(last[:, 0], last[:, 4])  # the nearest that was known
    assert np.isfinite(Advection().forecast(np.full_like(fields, np.nan), 2)).all()


@pytest.mark.parametrize("shape", [(1, 4, 1, 8, 8), (2, 1, 1, 32, 32)])
def test_without_a_flow_everything_stays(shape: tuple[int, ...]) -> None:
    """Fields too small for a pyramid, or a single frame."""
    fields = np.random.default_rng(0).random(shape).astype(np.float32)
    expected = LastFrame().forecast(fields, 2)
    np.testing.assert_allclose(Advection().forecast(fields, 2), expected, atol=1e-6)
