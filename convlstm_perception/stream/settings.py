"""Settings of the pipeline: each default, range and description stands here and nowhere else."""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields
from typing import Any

from convlstm_perception.errors import ParameterError


def setting(
    default: Any, description: str, *, low: float | None = None, high: float | None = None
) -> Any:
    """A dataclass field with a description and, for numbers, an inclusive range."""
    return field(default=default, metadata={"description": description, "min": low, "max": high})


def validate(settings: Any) -> None:
    """Check every field of a settings dataclass against its range.

    Raises:
        ParameterError: naming the parameter, its value and its range.
    """
    for entry in fields(settings):
        value = getattr(settings, entry.name)
        low, high = _range(entry)
        if low is not None and high is not None and not low <= value <= high:
            raise ParameterError(f"{entry.name}: {value} is outside [{low}, {high}]")


def _range(entry: Field[Any]) -> tuple[float | None, float | None]:
    return entry.metadata.get("min"), entry.metadata.get("max")


@dataclass(frozen=True)
class TrackerSettings:
    """How detections become tracks."""

    min_hits: int = setting(2, "matches before a track is published", low=1, high=30)
    max_coast: float = setting(
        0.8, "seconds a track lives on its prediction without a detection", low=0.0, high=10.0
    )
    match_distance: float = setting(
        0.5,
        "largest distance between prediction and detection, in mean box heights, of a match",
        low=0.05,
        high=5.0,
    )

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class PipelineSettings:
    """How a camera's frames are answered. A threshold below 0 takes the bundle's own."""

    detection_threshold: float = setting(
        -1.0, "score from which a detection may begin a track; -1 takes the model's", low=-1, high=1
    )
    low_threshold: float = setting(
        -1.0, "score from which a detection may continue a track; -1 takes the model's", low=-1, high=1
    )
    overlap_threshold: float = setting(
        0.6, "intersection over union above which the weaker of two boxes is dropped", low=0.1, high=1
    )
    tolerance: float = setting(
        0.05, "seconds by which a frame may miss its slot of the window", low=0.001, high=0.5
    )
    max_rate: float = setting(
        60.0, "camera frames a second for which the buffer is laid out", low=1.0, high=240.0
    )
    tracker: TrackerSettings = field(default_factory=TrackerSettings)

    def __post_init__(self) -> None:
        validate(self)
