"""The pedestrians in metres: where they are on the ground, and where they will be."""

from convlstm_perception.ground.estimator import CameraMount, GroundEstimator, GroundInputs
from convlstm_perception.ground.settings import GroundSettings
from convlstm_perception.ground.tracker import GroundTracker, GroundView

__all__ = [
    "CameraMount",
    "GroundEstimator",
    "GroundInputs",
    "GroundSettings",
    "GroundTracker",
    "GroundView",
]
