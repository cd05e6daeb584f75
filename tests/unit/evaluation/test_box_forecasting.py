"""The public box protocol: its windows, its errors, and the shipped decoder on the real data."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from convlstm_perception.data.sequence import BoxTrack
from convlstm_perception.data.track_windows import protocol_windows
from convlstm_perception.evaluation.box_forecasting import (
    box_errors,
    constant_velocity_boxes,
    run_box_forecasting,
)


def straight(frames: int, speed: float) -> BoxTrack:
    boxes = np.tile(np.array([[500.0, 400.0, 40.0, 100.0]], np.float32), (frames, 1))
    boxes[:, 0] += speed * np.arange(frames)
    return BoxTrack(1, 0, boxes, 30.0, 1920, 1080)


def test_windows_of_the_protocol() -> None:
    windows = protocol_windows([straight(60, 1.0), straight(61, 1.0), straight(74, 2.0)])
    # 60 frames are too few; 61 give the window at 0; 74 those at 0, 7 and 14.
    assert len(windows) == 4
    assert windows.boxes[0, :, 0].tolist() == [500.0 + k for k in range(14, -1, -1)]
    assert windows.future[0, :, 0].tolist() == [500.0 + k for k in range(15, 60)]
    assert windows.boxes[2, 0, 0] == 500 + 2 * (7 + 14)


def test_straight_walk_is_predicted_exactly() -> None:
    windows = protocol_windows([straight(80, 3.0)])
    for frames in (4, 14):
        predicted = constant_velocity_boxes(windows, frames)
        np.testing.assert_allclose(predicted, windows.future, atol=1e-3)


def test_errors_are_means_of_squared_pixels() -> None:
    truth = np.zeros((2, 45, 4), np.float32)
    predicted = truth.copy()
    predicted[:, :15, 0] = 2.0  # both corners and the centre 2 pixels to the right, for 0.5 s
    predicted[:, -1, 3] = 4.0  # 4 pixels higher in the end: each corner 2 pixels off
    errors = box_errors(predicted, truth)
    # x1 and x2 are 2 off, y1 and y2 are not.
    assert errors.mse_05 == pytest.approx(2.0)
    assert errors.mse_10 == pytest.approx(1.0)
    assert errors.mse_15 == pytest.approx((15 * 2.0 + 2.0) / 45)
    assert errors.c_mse == pytest.approx(15 * 2.0 / 45)
    assert errors.cf_mse == 0.0


def test_the_protocol_and_the_shipped_decoder_on_jaad() -> None:
    """The linear row must come out as published, or nothing else counts."""
    folder = Path(os.environ.get("CONVLSTM_PERCEPTION_DATA", "../shared/data")) / "jaad"
    if not (folder / "jaad_boxes.csv.gz").exists():
        pytest.skip("the JAAD box table is not here; set CONVLSTM_PERCEPTION_DATA")
    result = run_box_forecasting(folder)
    assert result.windows == 13_624
    assert result.linear.mse_15 == pytest.approx(2303, rel=0.02)
    assert result.linear.cf_mse == pytest.approx(6111, rel=0.02)
    assert result.beats_constant_velocity
    assert result.model.mse_15 < 1049 and result.model.cf_mse < 3965  # SGNet-ED
