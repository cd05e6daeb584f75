"""An animated GIF of the truth beside forecasts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from convlstm_perception.forecasting.colouring import Colouring, fit_colouring
from convlstm_perception.forecasting.shown import ShownForecast
from convlstm_perception.types import Image

_LEAST_WIDTH = 160  # pixels of a panel
_MOST_WIDTH = 480
_GAP = 6  # pixels
_CAPTION = 16  # pixels, height of a line of text
_INK = (235, 235, 235)
_PAPER = (24, 24, 24)
_AHEAD = (230, 159, 0)  # colour of the caption where frames are forecast
_MILLISECONDS = 180
_PAUSE = 900  # milliseconds after the last frame


def write_gif(
    shown: ShownForecast,
    path: Path,
    colouring: Colouring | None = None,
    milliseconds: int = _MILLISECONDS,
) -> None:
    """Write all frames in the order of time: the inputs, then the truth beside each forecast.

    Without a truth the panels are the forecasts alone.

    Args:
        shown: what to draw.
        path: of the GIF.
        colouring: of the values; fitted to what was measured by default.
        milliseconds: that each frame stands.
    """
    colouring = colouring or fit_colouring(shown.known, shown.dtype)
    panels = {"truth": shown.truth} if shown.truth is not None else {}
    panels = {**panels, **shown.forecasts}
    inputs = colouring.paint(shown.inputs)
    answers = {name: colouring.paint(values) for name, values in panels.items()}
    names = list(panels)
    frames = []
    for index, image in enumerate(inputs):
        caption = f"input {index - len(inputs) + 1}"
        frames.append(_page([image] * len(names), names, caption, _INK))
    for step in range(shown.steps):
        images = [answers[name][step] for name in names]
        frames.append(_page(images, names, f"lead time +{step + 1}", _AHEAD))
    durations = [milliseconds] * (len(frames) - 1) + [_PAUSE]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=durations, loop=0)


def _page(
    images: list[Image], names: list[str], caption: str, ink: tuple[int, int, int]
) -> Pillow.Image:
    """Panels beside each other below their names, above the caption."""
    tiles = [_enlarged(image) for image in images]
    width, height = tiles[0].size
    across = len(tiles) * (width + _GAP) + _GAP
    page = Pillow.new("RGB", (across, height + 2 * _CAPTION + 2 * _GAP), _PAPER)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default()
    for number, (tile, name) in enumerate(zip(tiles, names, strict=True)):
        left = _GAP + number * (width + _GAP)
        draw.text((left, 3), name, fill=_INK, font=font)
        page.paste(tile, (left, _CAPTION + _GAP))
    draw.text((_GAP, _CAPTION + height + _GAP + 2), caption, fill=ink, font=font)
    return page


def _enlarged(image: Image) -> Pillow.Image:
    """Small ones at whole multiples, so that pixels stay what they are; large ones smaller."""
    picture = Pillow.fromarray(np.ascontiguousarray(image))
    times = -(-_LEAST_WIDTH // picture.width)
    size = (picture.width * times, picture.height * times)
    if size[0] > _MOST_WIDTH:
        size = (_MOST_WIDTH, max(1, round(size[1] * _MOST_WIDTH / size[0])))
        return picture.resize(size, Pillow.Resampling.BILINEAR)
    return picture.resize(size, Pillow.Resampling.NEAREST)
