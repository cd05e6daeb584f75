"""Cameras as geometry: calibration and lens, pose, and the ground that they look at."""

from convlstm_perception.geometry.camera_model import (
    CameraModel,
    camera_info_topic,
    read_calibration,
)
from convlstm_perception.geometry.ground_camera import GroundCamera
from convlstm_perception.geometry.ground_model import (
    GroundPlane,
    Mounting,
    PersonHeight,
    pose_above_ground,
)
from convlstm_perception.geometry.ground_points import GroundPoints, GroundRefusal, PersonPoints
from convlstm_perception.geometry.lens import Lens, lens_of
from convlstm_perception.geometry.rectification import Rectifier
from convlstm_perception.geometry.rigid_transform import RigidTransform
from convlstm_perception.geometry.transform_buffer import TransformBuffer, TransformSource

__all__ = [
    "CameraModel",
    "camera_info_topic",
    "read_calibration",
    "Rectifier",
    "Lens",
    "lens_of",
    "RigidTransform",
    "TransformBuffer",
    "TransformSource",
    "GroundCamera",
    "GroundPlane",
    "GroundPoints",
    "GroundRefusal",
    "Mounting",
    "PersonHeight",
    "PersonPoints",
    "pose_above_ground",
]
