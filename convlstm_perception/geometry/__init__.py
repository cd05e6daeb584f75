"""Cameras as geometry: their calibration, and what it does to images."""

from convlstm_perception.geometry.camera_model import (
    CameraModel,
    camera_info_topic,
    read_calibration,
)
from convlstm_perception.geometry.rectification import Rectifier

__all__ = ["CameraModel", "Rectifier", "camera_info_topic", "read_calibration"]
