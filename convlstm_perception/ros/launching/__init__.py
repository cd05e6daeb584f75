"""What the launch files in ``launch/`` share; imported by ``ros2 launch`` only."""

from convlstm_perception.ros.launching.arguments import (
    flag,
    included,
    overlaid,
    params_file,
    shared,
)
from convlstm_perception.ros.launching.bring_up import BringUp
from convlstm_perception.ros.launching.viewer import VIEWER_ARGUMENT, viewer

__all__ = [
    "VIEWER_ARGUMENT",
    "BringUp",
    "flag",
    "included",
    "overlaid",
    "params_file",
    "shared",
    "viewer",
]
