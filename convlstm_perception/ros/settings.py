"""What the node can be told: dataclasses of which its parameters are made."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from convlstm_perception.engine import EngineSettings
from convlstm_perception.errors import ParameterError
from convlstm_perception.ground import CameraMount, GroundSettings
from convlstm_perception.ros.output_settings import OutputSettings
from convlstm_perception.settings import setting, validate
from convlstm_perception.stream import PipelineSettings, SyncSettings

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class CameraSettings:
    """One camera. Of a camera with a name, the parameters are ``NAME.image_topic`` and so on."""

    image_topic: str = setting(
        "",
        "topic of the images; empty takes image, of a named camera NAME/image; transport "
        "'compressed' adds /compressed",
    )
    transport: str = setting(
        "raw",
        "'raw' subscribes to sensor_msgs/Image, 'compressed' to sensor_msgs/CompressedImage",
        choices=("raw", "compressed"),
    )
    image_reliability: str = setting(
        "best_effort",
        "reliability asked of the camera; best_effort also takes what a reliable camera sends",
        choices=("best_effort", "reliable"),
    )
    rectify: bool = setting(False, "whether images are rectified by the camera's calibration")
    camera_info_topic: str = setting(
        "", "topic of the calibration; empty takes camera_info beside the images"
    )
    calibration: str = setting(
        "", "calibration file of camera_calibration, in place of the topic camera_info"
    )
    camera_height: float = setting(
        0.0,
        "metres of the camera above the ground, where TF does not tell: the ground frame is below "
        "it, x where it looks. 0 takes TF to target_frame",
        low=0.0,
        high=100.0,
    )
    camera_pitch: float = setting(
        0.0, "with camera_height: how far the camera looks down, in radians", low=-1.57, high=1.57
    )
    camera_roll: float = setting(
        0.0,
        "with camera_height: how far its right side is lower, in radians",
        low=-3.15,
        high=3.15,
    )
    enabled: bool = setting(True, "whether the camera is answered", live=True)

    @property
    def mount(self) -> CameraMount:
        """Where the camera is, for where TF does not tell."""
        return CameraMount(self.camera_height, self.camera_pitch, self.camera_roll)

    def __post_init__(self) -> None:
        validate(self)


INHERITED = ("transport", "image_reliability", "rectify")
"""Fields of a named camera whose defaults are the values of the same parameters without a name."""


@dataclass(frozen=True)
class BlackBoxSettings:
    """What is kept, and where it is written."""

    black_box_seconds: float = setting(
        10.0,
        "seconds of images and answers kept, to be written down on ~/save_buffer or when frames "
        "fail; 0 keeps none",
        low=0.0,
        high=600.0,
    )
    black_box_memory: int = setting(
        32, "megabytes that the kept images may take; the oldest give way", low=1, high=100_000
    )
    black_box_folder: str = setting(
        "",
        "folder that they are written to; empty takes convlstm_perception/black_box in $ROS_HOME "
        "or ~/.ros",
    )
    black_box_limit: int = setting(
        1000,
        "megabytes that the bags in the folder may take; the oldest are removed",
        low=1,
        high=1_000_000,
    )
    black_box_interval: float = setting(
        60.0,
        "least seconds between two writings on failed frames; 0 writes on request only",
        low=0.0,
        high=86_400.0,
    )

    def __post_init__(self) -> None:
        validate(self)

    @property
    def folder(self) -> Path:
        """Where the bags are written."""
        if self.black_box_folder:
            return Path(self.black_box_folder)
        home = os.environ.get("ROS_HOME") or Path.home() / ".ros"
        return Path(home) / "convlstm_perception" / "black_box"


@dataclass(frozen=True)
class NodeSettings:
    """Everything that the node can be told."""

    bundle: str = setting("", "folder of the model bundle; empty takes the shipped one")
    cameras: tuple[str, ...] = setting(
        ("",),
        "names of the cameras; one empty name is a single camera whose topics bear no name",
    )
    image_timeout: float = setting(
        0.6,
        "seconds without an image after which a camera is called stale",
        low=0.1,
        high=60.0,
        live=True,
    )
    max_age: float = setting(
        0.0,
        "seconds after its stamp, on the node's clock, that an image is no longer answered; 0 "
        "answers all",
        low=0.0,
        high=60.0,
        live=True,
    )
    autostart: bool = setting(
        False, "configure and activate by itself; false where a launch file drives the lifecycle"
    )
    camera: Mapping[str, CameraSettings] = field(
        default_factory=lambda: MappingProxyType({"": CameraSettings()})
    )
    black_box: BlackBoxSettings = field(default_factory=BlackBoxSettings)
    sync: SyncSettings = field(default_factory=SyncSettings)
    outputs: OutputSettings = field(default_factory=OutputSettings)
    ground: GroundSettings = field(default_factory=GroundSettings)
    inference: EngineSettings = field(default_factory=EngineSettings)
    pipeline: PipelineSettings = field(default_factory=PipelineSettings)

    def __post_init__(self) -> None:
        validate(self)
        anchor = self.sync.anchor_camera
        if anchor and anchor not in self.cameras:
            raise ParameterError(
                f"parameter 'anchor_camera': {anchor!r} is none of the cameras "
                f"{', '.join(self.cameras)}"
            )

        if self.outputs.publish_predicted_objects and not any(map(self.locates, self.cameras)):
            raise ParameterError(
                "parameter 'publish_predicted_objects': they are in metres; set target_frame or "
                "camera_height"
            )

    def locates(self, camera: str) -> bool:
        """Whether a camera's people are to be brought to the ground."""
        return bool(self.ground.target_frame or self.camera[camera].camera_height)

    @property
    def uses_transforms(self) -> bool:
        """Whether anything is to be read from TF or odometry."""
        mounted = all(self.camera[name].camera_height for name in self.cameras)
        moving = self.ground.fixed_frame or self.ground.odometry_topic
        return bool(self.ground.target_frame and (moving or not mounted))


def check_camera_names(names: tuple[str, ...]) -> None:
    """Refuse names that topics cannot be made of.

    Raises:
        ParameterError: naming what is wrong, and what is allowed.
    """
    if names == ("",):
        return
    wrong = [name for name in names if not _NAME.fullmatch(name)]
    if not names or wrong:
        raise ParameterError(
            f"parameter 'cameras': {', '.join(map(repr, wrong)) or 'empty'}; a name is letters, "
            "digits and underscores and begins with a letter"
        )
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise ParameterError(f"parameter 'cameras': {', '.join(double)} is there twice")
