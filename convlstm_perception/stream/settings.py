"""Settings of the pipeline: each default, range and description stands here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from convlstm_perception.errors import ParameterError
from convlstm_perception.settings import setting, validate


@dataclass(frozen=True)
class TrackerSettings:
    """How detections become tracks."""

    min_hits: int = setting(2, "matches before a track is published", low=1, high=30, live=True)
    max_coast: float = setting(
        0.5, "seconds a track is published on its prediction alone", low=0.0, high=10.0, live=True
    )
    max_memory: float = setting(
        5.0,
        "seconds after its last detection that a track is remembered, to be found again",
        low=0.0,
        high=10.0,
        live=True,
    )
    max_doubt: float = setting(
        5.0,
        "seconds a track is published without a detection that could have begun it",
        low=0.0,
        high=60.0,
        live=True,
    )
    match_distance: float = setting(
        0.7,
        "largest distance between prediction and detection, in mean box heights, of a match",
        low=0.05,
        high=5.0,
        live=True,
    )
    appearance_weight: float = setting(
        10.0,
        "cost of unlike colours beside that of distance; 0 with both similarities 0: place alone",
        low=0.0,
        high=100.0,
        live=True,
    )
    match_similarity: float = setting(
        0.8,
        "least likeness of colours between a track and its next detection",
        low=0.0,
        high=1.0,
        live=True,
    )
    recall_similarity: float = setting(
        0.88,
        "least likeness of colours between a track no longer published and the detection that "
        "finds it again",
        low=0.0,
        high=1.0,
        live=True,
    )

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class QualitySettings:
    """From where on an image shows nothing. Such images are answered as unusable."""

    black_level: int = setting(
        8,
        "grey level up to which an image is black; -1 takes every image",
        low=-1,
        high=255,
        live=True,
    )
    saturated_level: int = setting(
        247,
        "grey level from which an image is saturated; 256 takes every image",
        low=0,
        high=256,
        live=True,
    )
    frozen_after: float = setting(
        0.3,
        "seconds for which images are the same to the last bit until they count as frozen; 0 never",
        low=0.0,
        high=60.0,
        live=True,
    )

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class PipelineSettings:
    """How a camera's frames are answered. A threshold below 0 takes the bundle's own."""

    detection_threshold: float = setting(
        -1.0,
        "score from which a detection may begin a track; -1 takes the model's",
        low=-1.0,
        high=1.0,
        live=True,
    )
    low_threshold: float = setting(
        -1.0,
        "score from which a detection may continue a track; -1 takes the model's",
        low=-1.0,
        high=1.0,
        live=True,
    )
    overlap_threshold: float = setting(
        0.6,
        "intersection over union above which the weaker of two boxes is dropped",
        low=0.1,
        high=1.0,
        live=True,
    )
    tolerance: float = setting(
        0.05, "seconds by which a frame may miss its slot of the window", low=0.001, high=0.5
    )
    max_rate: float = setting(
        30.0,
        "camera frames a second for which the buffer is laid out; of a faster camera every frame "
        "is answered, and about so many a second are remembered",
        low=1.0,
        high=240.0,
    )
    quality: QualitySettings = field(default_factory=QualitySettings)
    tracker: TrackerSettings = field(default_factory=TrackerSettings)

    def __post_init__(self) -> None:
        validate(self)
        if 0 <= self.detection_threshold < self.low_threshold:
            raise ParameterError(
                f"parameter 'low_threshold': {self.low_threshold} is above detection_threshold "
                f"{self.detection_threshold}; set both together"
            )


SyncPolicy = Literal["latest", "approximate", "anchor"]


@dataclass(frozen=True)
class SyncSettings:
    """Which cameras' frames are answered together."""

    sync: SyncPolicy = setting(
        "latest",
        "'latest' answers what is there, the camera that waited longest first; 'approximate' waits "
        "for frames of all cameras that are within sync_tolerance; 'anchor' answers when the "
        "anchor_camera has a frame, with the others' frames nearest to it",
        choices=("latest", "approximate", "anchor"),
    )
    anchor_camera: str = setting("", "camera that sync 'anchor' follows; empty takes the first")
    sync_tolerance: float = setting(
        0.05,
        "seconds between the stamps of frames that are answered together",
        low=0.001,
        high=1.0,
    )
    sync_timeout: float = setting(
        0.1,
        "seconds for which frames wait for those of other cameras; then they are answered without",
        low=0.0,
        high=5.0,
    )
    batch_window: float = setting(
        0.005,
        "seconds for which a frame waits for others under sync 'latest', where the engine gains by "
        "answering several cameras at once",
        low=0.0,
        high=1.0,
    )

    def __post_init__(self) -> None:
        validate(self)
