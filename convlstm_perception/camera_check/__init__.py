"""What is wrong with a live camera topic, and how to mend it; judged without ROS."""

from convlstm_perception.camera_check.judgement import Finding, judge
from convlstm_perception.camera_check.pace import Pace
from convlstm_perception.camera_check.sight import (
    Calibration,
    Expectations,
    Sight,
    SightedImage,
    TopicPublisher,
)

__all__ = [
    "Calibration",
    "Expectations",
    "Finding",
    "Pace",
    "Sight",
    "SightedImage",
    "TopicPublisher",
    "judge",
]
