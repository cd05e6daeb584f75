"""The pictures of a run: the annotated video and the contact sheet."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import cv2
import numpy as np

from convlstm_perception.demo.recording import Answer, Recording
from convlstm_perception.errors import SourceError
from convlstm_perception.types import (
    Detections,
    Image,
    PerceptionResult,
)
from convlstm_perception.visualization.overlay import OverlayRenderer
from convlstm_perception.visualization.video_file import VideoFile

_SHEET_COLUMNS = 4
_SHEET_ROWS = 3
_TILE_WIDTH = 480
_GAP = 8


def draw_recording(
    recording: Recording,
    folder: Path,
    rate: float,
    advance: Callable[[], None],
) -> tuple[list[Path], Path | None]:
    """Draw every recorded frame with its answer, made from the messages alone.

    MPEG-4 in .mp4 is what media players open and every OpenCV writes; browsers show VP8
    in .webm, which some builds of OpenCV lack. H.264 would serve both, but the wheels of
    OpenCV have no encoder for it.

    Args:
        recording: of the run.
        folder: where the files go.
        rate: frames a second of the video.
        advance: called after each frame.

    Returns:
        The videos written and the contact sheet; nothing where there was no frame.
    """
    stamps = recording.image_stamps
    first = recording.image(stamps[0]) if stamps else None
    if first is None:
        return [], None
    size = first.shape[1], first.shape[0]
    answered = [stamp for stamp in stamps if recording.answer(stamp) is not None]
    chosen = _spread_evenly(answered or stamps, _SHEET_COLUMNS * _SHEET_ROWS)
    tiles: list[Image] = []
    renderer: OverlayRenderer | None = None
    with ExitStack() as stack:
        videos = [stack.enter_context(VideoFile(folder / "overlay.mp4", "mp4v", rate, *size))]
        with suppress(SourceError):
            browser_video = VideoFile(folder / "overlay.webm", "VP80", rate, *size)
            videos.append(stack.enter_context(browser_video))
        for stamp in stamps:
            image = recording.image(stamp)
            answer = recording.answer(stamp)
            if image is not None:
                if answer is not None:
                    renderer = renderer or OverlayRenderer(title=answer.model_id)
                    image = renderer.draw(image, _result(answer))
                for video in videos:
                    video.write(image)
                if stamp in chosen:
                    tiles.append(_tile(image))
            advance()
    sheet = folder / "contact_sheet.png"
    cv2.imwrite(str(sheet), _contact_sheet(tiles))
    return [video.path for video in videos], sheet


def _result(answer: Answer) -> PerceptionResult:
    nobody = Detections.nobody(answer.tracks.trajectories.times)
    return PerceptionResult(
        stamp_ns=answer.stamp_ns,
        frame_id=answer.frame_id,
        detections=nobody,
        tracks=answer.tracks,
        valid_slots=0,
        latencies={"stamp to answer": answer.latency},
    )


def _spread_evenly(stamps: list[int], count: int) -> set[int]:
    if not stamps:
        return set()
    # The first frames have no past and few tracks yet; start a little later.
    start = min(len(stamps) // 20, len(stamps) - 1)
    return {stamps[round(row)] for row in np.linspace(start, len(stamps) - 1, count)}


def _tile(image: Image) -> Image:
    height = round(_TILE_WIDTH * image.shape[0] / image.shape[1])
    smaller = cv2.resize(image, (_TILE_WIDTH, height), interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, dtype=np.uint8)


def _contact_sheet(tiles: list[Image]) -> Image:
    columns = min(_SHEET_COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    tall = max(tile.shape[0] for tile in tiles)
    shape = (rows * (tall + _GAP) + _GAP, columns * (_TILE_WIDTH + _GAP) + _GAP, 3)
    sheet: Image = np.full(shape, 255, np.uint8)
    for index, tile in enumerate(tiles):
        top = _GAP + index // columns * (tall + _GAP)
        left = _GAP + index % columns * (_TILE_WIDTH + _GAP)
        sheet[top : top + tile.shape[0], left : left + _TILE_WIDTH] = tile
    return sheet
