"""What the launch files in ``launch/`` share; imported by ``ros2 launch`` only."""

from convlstm_perception.ros.launching.arguments import (
    SIM_TIME_ARGUMENT,
    flag,
    included,
    overlaid,
    params_file,
    shared,
)
from convlstm_perception.ros.launching.bags import played_without
from convlstm_perception.ros.launching.bring_up import BringUp
from convlstm_perception.ros.launching.ending import ending
from convlstm_perception.ros.launching.viewer import VIEWER_ARGUMENT, viewer

__all__ = [
    "SIM_TIME_ARGUMENT",
    "VIEWER_ARGUMENT",
    "BringUp",
    "ending",
    "flag",
    "included",
    "overlaid",
    "params_file",
    "played_without",
    "shared",
    "viewer",
]
