"""Pictures and animations show what they say."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from convlstm_perception.forecasting import (
    Colouring,
    ForecastScore,
    ShownForecast,
    draw_figures,
    draw_sheet,
    fit_colouring,
    write_gif,
)
from tests.support.fields import moving_blob


def _shown(truth: bool = True) -> ShownForecast:
    fields = moving_blob(9, 20, 30, (0.0, 2.0), (10.0, 4.0))[:, None]
    forecasts = {"ConvLSTM": fields[4:] * 0.9, "last frame": np.repeat(fields[3:4], 5, axis=0)}
    return ShownForecast(fields[:4], forecasts, fields[4:] if truth else None)


@pytest.mark.parametrize("truth", [True, False])
def test_a_gif_has_a_frame_for_each_frame_and_they_differ(tmp_path: Path, truth: bool) -> None:
    write_gif(_shown(truth), tmp_path / "a.gif")
    with Pillow.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 4 + 5
        pages = []
        for index in range(gif.n_frames):
            gif.seek(index)
            pages.append(np.asarray(gif.convert("RGB"), np.int16))
    panels = 3 if truth else 2
    width = (pages[0].shape[1] - 6) // panels
    inside = [page[24:140] for page in pages]  # between the captions
    for before, after in itertools.pairwise(inside[:5]):
        assert (np.abs(before - after).max(axis=-1) > 60).sum() > 50
    # The last panel is of the last frame: it stands still, the first moves.
    first, last = slice(6, width), slice((panels - 1) * width + 6, None)
    assert np.abs(inside[5][:, last] - inside[8][:, last]).max() < 30
    assert (np.abs(inside[5][:, first] - inside[8][:, first]).max(axis=-1) > 60).sum() > 50


@pytest.mark.parametrize("truth", [True, False])
def test_a_sheet_is_a_picture_with_rows_of_frames(tmp_path: Path, truth: bool) -> None:
    draw_sheet(_shown(truth), tmp_path / "a.png")
    sheet = cv2.imread(str(tmp_path / "a.png"))
    assert sheet is not None and min(sheet.shape[:2]) > 300
    # The map's brightest yellow (blue, green, red) is there: blobs are drawn.
    yellow = np.abs(sheet.astype(int) - np.array([37, 231, 253])).max(axis=-1) < 8
    assert yellow.sum() > 200


def test_figures_are_drawn_with_none_where_there_is_none(tmp_path: Path) -> None:
    gathered = ForecastScore(3, 1.0, thresholds=[0.5, 9.0])
    gathered.update(np.ones((1, 3, 1, 12, 12)), np.zeros((1, 3, 1, 12, 12)))
    draw_figures({"one": gathered.figures()}, tmp_path / "a.png", "mm")
    assert cv2.imread(str(tmp_path / "a.png")) is not None


def test_the_colours_fit_the_data() -> None:
    rain = np.abs(np.random.default_rng(0).normal(size=(5, 1, 9, 9))).astype(np.float32)
    assert fit_colouring(rain, rain.dtype).map == "viridis"
    anomaly = rain - rain.mean()
    both = fit_colouring(anomaly, rain.dtype)
    assert both.map == "RdBu_r" and both.low == -both.high
    video = (rain * 50).astype(np.float32)
    assert fit_colouring(video, np.dtype(np.uint8)).map == "gray"
    colour = np.repeat(video, 3, axis=1)
    red = np.zeros((1, 3, 2, 2), np.float32)
    red[:, 0] = 255.0
    painted = fit_colouring(colour, np.dtype(np.uint8)).paint(red)
    assert painted[0, 0, 0].tolist() == [255, 0, 0]


def test_missing_values_are_grey() -> None:
    frames = np.array([[[[0.0, np.nan, 1.0]]]], np.float32)
    painted = Colouring("viridis", 0.0, 1.0).paint(frames)[0, 0]
    assert len(set(painted[1].tolist())) == 1  # grey
    assert painted[0].tolist() != painted[2].tolist()
