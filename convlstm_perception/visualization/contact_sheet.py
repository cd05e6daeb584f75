"""A contact sheet of training clips: what the network sees, and what is asked of it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from convlstm_perception.data.compositor import Clip
from convlstm_perception.types import Float32Array, Image
from convlstm_perception.visualization.colours import NEAR_BLACK, WHITE, Colour, track_colour
from convlstm_perception.visualization.shapes import Patch, draw_line
from convlstm_perception.visualization.text import draw_text, text_mask

_GAP = 6  # pixels between pictures
_TEXT = 8  # height of capital letters in pixels
_MOST_COLUMNS = 4
_GREY: Colour = (150, 146, 142)
_EMPTY: Colour = (52, 48, 46)


def draw_contact_sheet(clips: Sequence[Clip], *, tile_width: int = 224) -> Image:
    """Draw clips below each other, each as a row of its frames from the oldest to the newest.

    The newest frame carries the labels: a box for each person, thin and grey where it is too
    hidden to be asked for, and a dot for its centre at each future time that is known, smaller the
    later. A slot of the window that holds no frame says so.

    Args:
        clips: of one size, at least one; of longer windows some slots are left out.
        tile_width: width of each frame in the sheet, in pixels.

    Returns:
        (rows, columns, 3) uint8, blue, green, red.
    """
    slots, height, width = clips[0].images.shape[:3]
    shown = np.unique(np.linspace(0, slots - 1, min(slots, _MOST_COLUMNS)).round().astype(int))
    shown = shown[::-1]  # the window has its newest frame first
    tall = round(tile_width * height / width)
    across, down = tile_width + _GAP, tall + _GAP
    sheet = np.empty((len(clips) * down + _GAP, len(shown) * across + _GAP, 3), np.uint8)
    sheet[:] = NEAR_BLACK
    for row, clip in enumerate(clips):
        ages = _ages(clip)
        for column, slot in enumerate(shown):
            tile = _tile(clip, int(slot), tile_width, tall)
            caption = "now" if slot == 0 else f"-{ages[slot]:.2f} s"
            if clip.labels.valid[slot]:
                _caption(tile, caption)
            top, left = _GAP + row * down, _GAP + column * across
            sheet[top : top + tall, left : left + tile_width] = tile
    return sheet


def _ages(clip: Clip) -> Float32Array:
    """(T,) seconds between each valid slot's frame and the newest."""
    return np.concatenate([[0.0], np.cumsum(clip.labels.dt)[:-1]]).astype(np.float32)


def _tile(clip: Clip, slot: int, width: int, height: int) -> Image:
    """One frame, or the word that there is none."""
    if not clip.labels.valid[slot]:
        tile = np.empty((height, width, 3), np.uint8)
        tile[:] = _EMPTY
        mask = text_mask("no frame", _TEXT)
        left, top = (width - mask.shape[1]) // 2, (height - mask.shape[0]) // 2
        draw_text(tile, "no frame", left, top, _TEXT, _GREY)
        return tile
    size = (width, height)
    tile = np.asarray(cv2.resize(clip.images[slot], size, interpolation=cv2.INTER_AREA), np.uint8)
    if slot == 0:
        _draw_labels(tile, clip, width / clip.images.shape[2])
    return tile


def _draw_labels(tile: Image, clip: Clip, scale: float) -> None:
    labels = clip.labels
    for box in labels.ignored:
        _draw_box(tile, box * scale, _GREY, 1)
    for number, (box, motion) in enumerate(zip(labels.boxes, labels.motion, strict=True)):
        colour = track_colour(number)
        _draw_box(tile, box * scale, NEAR_BLACK, 3)
        _draw_box(tile, box * scale, colour, 1)
        future = (box[:2] + motion[:, :2] * box[3]) * scale
        _draw_dots(tile, future.astype(np.float64), colour)


def _draw_box(tile: Image, box: Float32Array, colour: Colour, width: int) -> None:
    low, high = box[:2] - box[2:] / 2, box[:2] + box[2:] / 2
    # A person larger than the picture still shows its box, at the picture's edge.
    low, high = np.maximum(low, 1.0), np.minimum(high, np.array(tile.shape[1::-1]) - 2.0)
    corners = np.array([low, (high[0], low[1]), high, (low[0], high[1])], np.float64)
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        draw_line(tile, start, end, colour, width)


def _draw_dots(tile: Image, centres: np.ndarray, colour: Colour) -> None:
    for number, centre in enumerate(centres):
        if not np.isfinite(centre).all():
            continue
        radius = np.full(2, 3.0 - 1.0 * number / max(len(centres) - 1, 1))
        patch = Patch.around(tile, centre[None], radius[None], 3.0)
        if patch is not None:
            # A rim, so that a dot also shows on its own colour.
            patch.ellipse(centre, radius + 1.2, NEAR_BLACK, 0.9)
            patch.ellipse(centre, radius, colour, 1.0)
            patch.blend()


def _caption(tile: Image, text: str) -> None:
    mask = text_mask(text, _TEXT)
    rows, columns = mask.shape[0] + 4, mask.shape[1] + 8
    corner = tile[-rows:, :columns]
    corner[:] = (0.35 * corner).astype(np.uint8)
    draw_text(tile, text, 4, tile.shape[0] - rows + 2, _TEXT, WHITE)
