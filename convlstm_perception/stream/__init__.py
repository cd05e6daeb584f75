"""One camera's stream: rolling buffer, decoding, tracking, and the pipeline that joins them."""

from convlstm_perception.stream.buffer import FeatureBuffer, Window, select_slots
from convlstm_perception.stream.letterbox import Letterbox
from convlstm_perception.stream.pipeline import CameraPipeline
from convlstm_perception.stream.settings import PipelineSettings, TrackerSettings
from convlstm_perception.stream.tracker import Tracker

__all__ = [
    "CameraPipeline",
    "FeatureBuffer",
    "Letterbox",
    "PipelineSettings",
    "Tracker",
    "TrackerSettings",
    "Window",
    "select_slots",
]
