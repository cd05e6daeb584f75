"""One camera's stream: rolling buffer, decoding, tracking, and the pipeline that joins them."""

from convlstm_perception.stream.buffer import RollingBuffer, ring_places, select_slots
from convlstm_perception.stream.letterbox import Letterbox
from convlstm_perception.stream.pipeline import CameraPipeline, places_of
from convlstm_perception.stream.settings import PipelineSettings, TrackerSettings
from convlstm_perception.stream.tracker import Tracker

__all__ = [
    "CameraPipeline",
    "Letterbox",
    "PipelineSettings",
    "RollingBuffer",
    "Tracker",
    "TrackerSettings",
    "places_of",
    "ring_places",
    "select_slots",
]
