"""How a bag is to be answered: as the node that recorded it was set, where the bag tells."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from convlstm_perception.ground import CameraMount, GroundSettings
from convlstm_perception.replay.recording import RecordedCamera
from convlstm_perception.settings import described_fields
from convlstm_perception.stream import PipelineSettings, QualitySettings, TrackerSettings


@dataclass(frozen=True)
class ReplayedCamera:
    """One camera.

    Attributes:
        mount: where it is, for where TF does not tell.
        rectify: whether its images are rectified by its calibration.
    """

    mount: CameraMount = field(default_factory=CameraMount)
    rectify: bool = False


@dataclass(frozen=True)
class ReplaySettings:
    """Everything a replay is told.

    Attributes:
        pipeline: how frames are answered.
        ground: how pixels become metres.
        cameras: by the topics of their images; others have the defaults.
    """

    pipeline: PipelineSettings = field(default_factory=PipelineSettings)
    ground: GroundSettings = field(default_factory=GroundSettings)
    cameras: Mapping[str, ReplayedCamera] = field(default_factory=dict)

    def camera(self, topic: str) -> ReplayedCamera:
        """Of an image topic."""
        return self.cameras.get(topic, ReplayedCamera())


def recorded_settings(
    parameters: Mapping[str, Any],
    cameras: Collection[RecordedCamera],
    told: Mapping[str, Any],
) -> ReplaySettings:
    """The settings under a node's parameters; defaults where they tell nothing.

    Args:
        parameters: by name.
        cameras: of the bag.
        told: parameters that stand for those, for every camera.

    Raises:
        ParameterError: when a value is out of range.
    """

    def known(part: type) -> dict[str, Any]:
        names = [entry.name for entry, _ in described_fields(part)]
        values = {**parameters, **told}
        return {name: values[name] for name in names if name in values}

    return ReplaySettings(
        PipelineSettings(
            **known(PipelineSettings),
            quality=QualitySettings(**known(QualitySettings)),
            tracker=TrackerSettings(**known(TrackerSettings)),
        ),
        GroundSettings(**known(GroundSettings)),
        {camera.topic: _camera(parameters, camera, told) for camera in cameras},
    )


def _camera(
    parameters: Mapping[str, Any], camera: RecordedCamera, told: Mapping[str, Any]
) -> ReplayedCamera:
    # A named camera's answers are below its name, and so are its parameters.
    name = camera.answers.rsplit("/", 1)[-1]
    prefix = f"{name}." if name in (parameters.get("cameras") or ()) else ""

    def value(field: str, default: Any) -> Any:
        return told.get(field, parameters.get(prefix + field, default))

    mount = CameraMount(
        value("camera_height", 0.0), value("camera_pitch", 0.0), value("camera_roll", 0.0)
    )
    return ReplayedCamera(mount, value("rectify", False))
