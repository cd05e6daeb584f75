"""The networks alone: a frame answered with the window cached, and with all of it recomputed."""

from __future__ import annotations

import time

from convlstm_perception.benchmark.timing import Variant
from convlstm_perception.engine import MotionModel
from convlstm_perception.stream.buffer import RollingBuffer, ring_places
from convlstm_perception.stream.letterbox import Letterbox
from convlstm_perception.types import NANOSECONDS_PER_SECOND, Image

_ENCODING = ("upload", "encoder")


class WindowWork:
    """One camera's runtime, its image in place and its window full.

    Args:
        model: with memory ``window``.
        image: of the camera.

    Raises:
        EngineError: when a network fails.
    """

    def __init__(self, model: MotionModel, image: Image) -> None:
        bundle = model.bundle
        self._slots, self._step_ns = bundle.slots, round(bundle.step * NANOSECONDS_PER_SECOND)
        tolerance, rate = bundle.step / 2, 1 / bundle.step
        places = ring_places(bundle.slots, bundle.step, tolerance, rate)
        self._memory = RollingBuffer(
            slots=bundle.slots, step=bundle.step, tolerance=tolerance, max_rate=rate
        )
        self._runtime = model.open_runtime(1, places)
        canvas = self._runtime.canvas(0)
        height, width = image.shape[:2]
        letterbox = Letterbox(height, width, bundle.input_height, bundle.input_width)
        letterbox.clear(canvas)
        letterbox.apply(image, canvas)
        for _ in range(self._slots):
            self.cached()

    def cached(self) -> float:
        """Seconds to answer a new frame: it is encoded, the rest of the window is there."""
        stamp_ns = (self._memory.newest_ns or 0) + self._step_ns
        window = self._memory.admit(stamp_ns)
        start = time.perf_counter()
        self._runtime.run({0: window})
        return time.perf_counter() - start

    def recomputed(self) -> float:
        """Seconds to answer a new frame with every frame of the window encoded anew.

        A runtime answers with every frame that it encodes: of all frames but the last, only the
        stages up to the encoder count.
        """
        seconds = 0.0
        for _ in range(self._slots - 1):
            self.cached()
            stages = self._runtime.stage_seconds
            seconds += sum(stages.get(name, 0.0) for name in _ENCODING)
        return seconds + self.cached()

    def variants(self) -> list[Variant]:
        """Both ways."""
        return [
            Variant("window_cached", self.cached, self.cached),
            Variant("window_recomputed", self.recomputed, self.cached),
        ]
