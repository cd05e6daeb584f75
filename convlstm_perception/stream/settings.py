"""Settings of the pipeline: each default, range and description stands here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, field

from convlstm_perception.settings import setting, validate


@dataclass(frozen=True)
class TrackerSettings:
    """How detections become tracks."""

    min_hits: int = setting(2, "matches before a track is published", low=1, high=30)
    max_coast: float = setting(
        0.5, "seconds a track is published on its prediction alone", low=0.0, high=10.0
    )
    max_memory: float = setting(
        5.0,
        "seconds after its last detection that a track is remembered, to be found again",
        low=0.0,
        high=10.0,
    )
    max_doubt: float = setting(
        5.0,
        "seconds a track is published without a detection that could have begun it",
        low=0.0,
        high=60.0,
    )
    match_distance: float = setting(
        0.7,
        "largest distance between prediction and detection, in mean box heights, of a match",
        low=0.05,
        high=5.0,
    )
    appearance_weight: float = setting(
        10.0,
        "cost of unlike colours beside that of distance; 0 with both similarities 0: place alone",
        low=0.0,
        high=100.0,
    )
    match_similarity: float = setting(
        0.8, "least likeness of colours between a track and its next detection", low=0.0, high=1.0
    )
    recall_similarity: float = setting(
        0.88,
        "least likeness of colours between a track no longer published and the detection that "
        "finds it again",
        low=0.0,
        high=1.0,
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
    )
    low_threshold: float = setting(
        -1.0,
        "score from which a detection may continue a track; -1 takes the model's",
        low=-1.0,
        high=1.0,
    )
    overlap_threshold: float = setting(
        0.6,
        "intersection over union above which the weaker of two boxes is dropped",
        low=0.1,
        high=1.0,
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
    tracker: TrackerSettings = field(default_factory=TrackerSettings)

    def __post_init__(self) -> None:
        validate(self)
