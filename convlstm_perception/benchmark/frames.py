"""An endless camera: a generated scene, or a video that begins again."""

from __future__ import annotations

from collections.abc import Iterator

from convlstm_perception.benchmark.request import BenchmarkRequest
from convlstm_perception.data.synthetic_scene import SyntheticScene
from convlstm_perception.data.video import FrameSource, open_source
from convlstm_perception.types import NANOSECONDS_PER_SECOND, Frame

_SEED = 0


def camera_source(request: BenchmarkRequest, period: float) -> FrameSource:
    """The request's video, or a generated scene of a frame each ``period`` seconds.

    Raises:
        SourceError: when the video cannot be opened.
    """
    if request.video is not None:
        return open_source(request.video)
    return SyntheticScene(
        width=request.width, height=request.height, frame_rate=1.0 / period, seed=_SEED
    )


def endless_frames(source: FrameSource, period: float) -> Iterator[Frame]:
    """The source's frames ``period`` seconds apart, again and again.

    One at a time: frames held ready would count as memory of what is measured.
    """
    period_ns = round(period * NANOSECONDS_PER_SECOND)
    stamp_ns = 0
    while True:
        for image in source:
            stamp_ns += period_ns
            yield Frame(image, stamp_ns, "camera")
