"""The node with an engine that takes no time: it answers every image with the same three people.

    python -m benchmarks.null_engine --ros-args -p autostart:=true

All else is the node's own: DDS, conversion, letterbox, buffer, decoding, tracking, messages.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

import numpy as np

from convlstm_perception.engine import EngineSettings, ModelBundle, MotionModel
from convlstm_perception.engine.base import Engine
from convlstm_perception.engine.runtime import MemoryStep, MotionOutputs
from convlstm_perception.ros.node import main
from convlstm_perception.types import Image

PEOPLE = 3


class NullRuntime:
    """Answers at once; see :class:`Runtime`."""

    def __init__(self, bundle: ModelBundle, cameras: int) -> None:
        self.backend, self.nbytes, self.most_at_once = "none", 0, 1
        self.stage_seconds: dict[str, float] = {}
        image = cameras, bundle.input_height, bundle.input_width, 3
        self._canvases = np.zeros(image, np.uint8)
        self._answers = _answers(bundle)

    def canvas(self, camera: int) -> Image:
        """See :class:`Runtime`."""
        return self._canvases[camera]

    def run(self, steps: Mapping[int, MemoryStep]) -> dict[int, MotionOutputs]:
        """See :class:`Runtime`."""
        return dict.fromkeys(steps, self._answers)

    def close(self) -> None:
        """Nothing to do."""


class NullBackend:
    """See :class:`Backend`."""

    name = "none"
    tracks: Engine | None = None

    def __init__(self, bundle: ModelBundle) -> None:
        self._bundle = bundle

    def open_runtime(self, cameras: int, places: int) -> NullRuntime:
        """See :class:`Backend`."""
        return NullRuntime(self._bundle, cameras)

    def close(self) -> None:
        """Nothing to do."""


def _answers(bundle: ModelBundle) -> MotionOutputs:
    """Three people that stand side by side, and walk to the right as they are predicted."""
    candidates, horizons = bundle.candidates, np.array(bundle.horizons, np.float32)
    boxes = np.ones((1, candidates, 4), np.float32)
    boxes[0, :PEOPLE] = [[120 + 150 * person, 190, 40, 110] for person in range(PEOPLE)]
    scores = np.zeros((1, candidates), np.float32)
    scores[0, :PEOPLE] = 0.9
    future = np.repeat(boxes[:, :, None], len(horizons), axis=2)
    future[..., 0] += 20 * horizons
    scales = np.full_like(future, 2.0)
    scales[..., 2:] = 0.05
    return {"boxes": boxes, "scores": scores, "future_boxes": future, "future_scales": scales}


def load(
    bundle: ModelBundle, settings: EngineSettings | None = None, cameras: int = 1
) -> MotionModel:
    """In place of :meth:`MotionModel.load`."""
    return MotionModel(bundle, NullBackend(bundle))


if __name__ == "__main__":
    MotionModel.load = load  # type: ignore[method-assign]
    sys.exit(main())
