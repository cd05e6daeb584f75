"""Forecasts of tracks: the grid of ages, and a real exported decoder behind the forecaster."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convlstm_perception.stream.forecast import (
    ConstantVelocityForecaster,
    DecoderForecaster,
    TrackPast,
    on_grid,
)


def past(count: int, rate: float, velocity: float = 30.0) -> TrackPast:
    """A 100 pixel high walker seen ``count`` times at ``rate`` Hz."""
    ages = np.arange(count, dtype=np.float32) / rate
    boxes = np.tile(np.array([[200.0, 150.0, 40.0, 100.0]], np.float32), (count, 1))
    boxes[:, 0] -= velocity * ages
    return TrackPast(ages.astype(np.float32), boxes)


def test_grid_interpolates_and_masks() -> None:
    track = past(4, rate=7.5)
    boxes, valid = on_grid(track.ages, track.boxes, slots=8, step=0.1)
    assert valid.tolist() == [1, 1, 1, 1, 1, 0, 0, 0]  # seen for 0.4 s
    np.testing.assert_allclose(boxes[:5, 0], 200 - 3 * np.arange(5), atol=1e-3)
    assert not boxes[5:].any()


def test_grid_of_one_box() -> None:
    track = past(1, rate=7.0)
    boxes, valid = on_grid(track.ages, track.boxes, slots=3, step=0.1)
    assert valid.tolist() == [1, 0, 0]
    assert boxes[0].tolist() == [200, 150, 40, 100]


def test_exported_decoder_forecasts_tracks_in_batches(tmp_path: Path) -> None:
    """Untrained it is constant velocity, whatever the camera's rate; more tracks than fit."""
    torch = pytest.importorskip("torch")
    from convlstm_perception.engine.onnxruntime import OnnxRuntimeEngine
    from convlstm_perception.model.export import export_track_decoder
    from convlstm_perception.model.track_decoder import TrackDecoder, TrackDecoderConfig

    torch.manual_seed(0)
    decoder = TrackDecoder(TrackDecoderConfig(slots=10, step=0.1, horizons=(0.5, 1.0), width=16))
    export_track_decoder(decoder, tmp_path / "tracks.onnx", batch=4)
    engine = OnnxRuntimeEngine(tmp_path / "tracks.onnx")
    forecaster = DecoderForecaster(engine, step=0.1)
    assert forecaster.history == pytest.approx(1.0)
    pasts = [past(12, rate, velocity) for rate in (10.0, 30.0) for velocity in (-30.0, 0.0, 60.0)]
    boxes, variances = forecaster.forecast(pasts)
    assert boxes.shape == variances.shape == (6, 2, 4)
    for row, velocity in enumerate((-30.0, 0.0, 60.0) * 2):
        np.testing.assert_allclose(
            boxes[row, :, 0], [200 + 0.5 * velocity, 200 + velocity], atol=0.5
        )
        np.testing.assert_allclose(boxes[row, :, 1:], [[150, 40, 100]] * 2, atol=1e-2)
    assert (variances > 0).all() and (variances[:, 1] > variances[:, 0]).all()
    _, doubled = DecoderForecaster(engine, step=0.1, calibration=2.0).forecast(pasts)
    np.testing.assert_allclose(doubled, 4 * variances, rtol=1e-5)


def test_constant_velocity_answers_each_track() -> None:
    times = np.array([1.0], np.float32)
    boxes, variances = ConstantVelocityForecaster(times).forecast([past(9, 10.0), past(1, 10.0)])
    assert boxes[0, 0, 0] == pytest.approx(230, abs=1)
    assert boxes[1, 0, 0] == 200 and variances[1, 0, 0] > variances[0, 0, 0]
