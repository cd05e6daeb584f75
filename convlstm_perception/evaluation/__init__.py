"""Figures of quality: how good the answers are, against annotated video."""

from convlstm_perception.evaluation.detection import (
    DetectionScore,
    PrecisionRecall,
    score_detections,
)

__all__ = ["DetectionScore", "PrecisionRecall", "score_detections"]
