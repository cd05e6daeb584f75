"""This package's own model, just as the node runs it."""

from __future__ import annotations

from convlstm_perception.engine import MotionModel
from convlstm_perception.stream import CameraPipeline, PipelineSettings
from convlstm_perception.types import Frame, PerceptionResult

LOWEST_SCORE = 0.01
"""The whole precision-recall curve counts, so detections far below any useful threshold are
answered; the bundle's own thresholds still rule which of them become tracks."""


class ModelContender:
    """A bundle in the pipeline of one camera.

    Args:
        model: its engines.
    """

    name = "model"

    def __init__(self, model: MotionModel) -> None:
        bundle = model.bundle
        self.description = f"{bundle.model_id}, {bundle.input_width}x{bundle.input_height}"
        self._pipeline = CameraPipeline(model, PipelineSettings(), LOWEST_SCORE)
        self._pipeline.warm_up()

    def reset(self) -> None:
        """Forget every frame and every track."""
        self._pipeline.reset()

    def process(self, frame: Frame) -> PerceptionResult:
        """Answer one frame."""
        return self._pipeline.process(frame)
