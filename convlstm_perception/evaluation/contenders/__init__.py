"""What is measured side by side: this package's model, and person detectors that others made."""

from convlstm_perception.evaluation.contenders.base import Contender, Detector, DetectorContender
from convlstm_perception.evaluation.contenders.model import ModelContender
from convlstm_perception.evaluation.contenders.registry import BASELINES, Baseline, open_baseline

__all__ = [
    "BASELINES",
    "Baseline",
    "Contender",
    "Detector",
    "DetectorContender",
    "ModelContender",
    "open_baseline",
]
