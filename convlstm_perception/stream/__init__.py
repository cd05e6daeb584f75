"""Cameras' streams: rolling buffer, decoding, tracking, the pipeline that joins them, the rig of
several and the scheduler of their frames."""

from convlstm_perception.stream.buffer import RollingBuffer, ring_places, select_slots
from convlstm_perception.stream.letterbox import Letterbox
from convlstm_perception.stream.pipeline import CameraPipeline, places_of
from convlstm_perception.stream.rig import CameraRig, result_of
from convlstm_perception.stream.scheduler import FrameScheduler
from convlstm_perception.stream.settings import (
    PipelineSettings,
    QualitySettings,
    SyncSettings,
    TrackerSettings,
)
from convlstm_perception.stream.tracker import Tracker

__all__ = [
    "CameraPipeline",
    "CameraRig",
    "FrameScheduler",
    "Letterbox",
    "PipelineSettings",
    "QualitySettings",
    "RollingBuffer",
    "SyncSettings",
    "Tracker",
    "TrackerSettings",
    "places_of",
    "result_of",
    "ring_places",
    "select_slots",
]
