"""The contact sheet of training clips."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from convlstm_perception.cli import main as cli
from convlstm_perception.data.compositor import Clip, ClipLabels
from convlstm_perception.visualization.colours import NEAR_BLACK
from convlstm_perception.visualization.contact_sheet import draw_contact_sheet

SLOTS, HEIGHT, WIDTH, GAP = 4, 64, 96, 6


def clip(valid: tuple[int, ...] = (1, 1, 1, 1), boxes: int = 1, known: bool = True) -> Clip:
    """Frames of grey 60, 80, 100, 120 (newest to oldest); people walk to the right."""
    images = np.zeros((SLOTS, HEIGHT, WIDTH, 3), np.uint8)
    for slot in range(SLOTS):
        images[slot] = (60 + 20 * slot) * valid[slot]
    shown = np.flatnonzero(valid)
    dt = np.zeros(SLOTS, np.float32)
    dt[shown[:-1]] = 0.1 * np.diff(shown)
    motion = np.zeros((boxes, 2, 4), np.float32)
    motion[:, :, 0] = (1.0, 2.0) if known else np.nan
    labels = ClipLabels(
        np.array(valid, np.float32),
        dt,
        np.tile(np.array([[30, 32, 10, 20]], np.float32), (boxes, 1)),
        np.zeros((0, 4), np.float32),
        motion,
        np.zeros((boxes, 4), np.float32),
    )
    return Clip(images, labels)


def tiles(sheet: np.ndarray, row: int = 0) -> list[np.ndarray]:
    """The pictures of a row, oldest first, at their own size."""
    top = GAP + row * (HEIGHT + GAP)
    lefts = [GAP + column * (WIDTH + GAP) for column in range(SLOTS)]
    return [sheet[top : top + HEIGHT, left : left + WIDTH].astype(int) for left in lefts]


def test_a_row_runs_from_the_oldest_frame_to_the_newest() -> None:
    sheet = draw_contact_sheet([clip(boxes=0), clip(boxes=0)], tile_width=WIDTH)
    assert sheet.shape == (2 * (HEIGHT + GAP) + GAP, SLOTS * (WIDTH + GAP) + GAP, 3)
    assert [tile[5, 50, 0] for tile in tiles(sheet, row=1)] == [120, 100, 80, 60]
    assert (sheet[:GAP] == NEAR_BLACK).all()


def test_the_newest_frame_alone_has_boxes_and_dots() -> None:
    *older, newest = tiles(draw_contact_sheet([clip()], tile_width=WIDTH))
    without = tiles(draw_contact_sheet([clip(boxes=0)], tile_width=WIDTH))
    for tile, plain in zip(older, without[:-1], strict=True):
        np.testing.assert_array_equal(tile, plain)
    changed = np.abs(newest - without[-1]).max(axis=2) > 30
    assert changed[22, 25:36].all() and changed[22:43, 25].all()  # the box's upper and left edge
    assert changed[32, 50] and changed[32, 70]  # one and two heights of 20 pixels ahead
    assert not changed[32, 80:].any()


def test_an_unknown_future_has_no_dots() -> None:
    newest = tiles(draw_contact_sheet([clip(known=False)], tile_width=WIDTH))[-1]
    assert (newest[20:44, 45:] == 60).all()


def test_an_empty_slot_says_so() -> None:
    sheet = draw_contact_sheet([clip(valid=(1, 0, 1, 0), boxes=0)], tile_width=WIDTH)
    grounds = [tile[5, 50, 0] for tile in tiles(sheet)]
    assert grounds[1] == 100 and grounds[3] == 60
    assert grounds[0] == grounds[2] != 0
    middle = tiles(sheet)[0][HEIGHT // 2 - 6 : HEIGHT // 2 + 6]
    assert np.ptp(middle) > 50  # the words


def test_of_single_frames_there_is_one_column() -> None:
    whole = clip()
    labels = ClipLabels(
        whole.labels.valid[:1],
        whole.labels.dt[:1],
        whole.labels.boxes,
        whole.labels.ignored,
        whole.labels.motion,
        whole.labels.velocity,
    )
    sheet = draw_contact_sheet([Clip(whole.images[:1], labels)], tile_width=WIDTH)
    assert sheet.shape == (HEIGHT + 2 * GAP, WIDTH + 2 * GAP, 3)


def test_command_draws_instead_of_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(
        f"phase: motion\ndata: {{}}\nrendered_people: 4\nheight: 96\nwidth: 160\n"
        f"output: {tmp_path / 'out'}\n"
    )
    path = tmp_path / "sheets" / "clips.png"
    assert cli.main(["train", str(config), "--contact-sheet", str(path)]) == 0
    sheet = cv2.imread(str(path))
    assert sheet is not None and sheet.shape[1] > 800
    assert not (tmp_path / "out").exists()
    assert cli.main(["train", str(config), "--contact-sheet", str(tmp_path / "clips.jpg")]) == 2
    assert "ends in .png" in capsys.readouterr().err
    tracks = tmp_path / "tracks.yaml"
    tracks.write_text("phase: tracks\n")
    assert cli.main(["train", str(tracks), "--contact-sheet", str(path)]) == 2
    assert "trains on boxes" in capsys.readouterr().err
