"""What the demo plays: a given video, the fetched one, or a generated scene."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from convlstm_perception.data.demo_video import FRAME_RATE, cache_folder, fetch_demo_video
from convlstm_perception.data.synthetic_scene import SyntheticScene, write_video
from convlstm_perception.data.video import open_source
from convlstm_perception.errors import SourceError

_RATE_WITHOUT_CLAIM = 10.0
_GENERATED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Footage:
    """Something to play.

    Attributes:
        path: video file or folder of images.
        rate: frames a second to play it at.
        frames: number of frames to play, or None where the source cannot tell.
        description: what it is, for people.
    """

    path: Path
    rate: float
    frames: int | None
    description: str


def choose_footage(
    video: Path | None,
    *,
    generated: bool,
    rate: float | None,
    seconds: float | None,
    report: Callable[[str], None],
) -> Footage:
    """Find, fetch or generate what is to be played.

    Args:
        video: the user's own, or None.
        generated: take the generated scene without trying to fetch.
        rate: frames a second, or None for the footage's own.
        seconds: how long to play, or None for all of it.
        report: called with lines that tell what happens.

    Returns:
        The footage; it can be opened.

    Raises:
        SourceError: the user's own video cannot be opened.
    """
    if video is not None:
        return _footage(video, rate, seconds, str(video))
    if not generated:
        try:
            path = fetch_demo_video(report)
            name = "vtest.avi, PETS 2009 S2.L1 view 1"
            return _footage(path, rate or FRAME_RATE, seconds, name)
        except SourceError as error:
            report(str(error))
            report("playing a generated scene of walking figures instead")
    return _generated_footage(rate or FRAME_RATE, seconds or _GENERATED_SECONDS)


def _footage(path: Path, rate: float | None, seconds: float | None, name: str) -> Footage:
    with open_source(path) as source:
        rate = rate or source.frame_rate or _RATE_WITHOUT_CLAIM
        counts = [source.frame_count, None if seconds is None else math.ceil(seconds * rate)]
    known = [count for count in counts if count is not None]
    return Footage(path, rate, min(known) if known else None, name)


def _generated_footage(rate: float, seconds: float) -> Footage:
    frames = math.ceil(seconds * rate)
    scene = SyntheticScene(frame_rate=rate, frame_count=frames)
    path = cache_folder() / f"generated_scene_{rate:g}hz_{frames}.avi"
    if not path.exists():
        write_video(scene, path)
    return Footage(path, rate, frames, scene.name)
