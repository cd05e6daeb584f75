"""Settings of the ground: each default, range and description stands here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

from convlstm_perception.errors import GroundError, ParameterError
from convlstm_perception.geometry import GroundPlane, Mounting, PersonHeight
from convlstm_perception.settings import setting, validate


@dataclass(frozen=True)
class GroundSettings:
    """How pixels become metres."""

    target_frame: str = setting(
        "",
        "frame of everything in metres, z upwards, as base_link; its transform from the camera is "
        "taken from TF, unless camera_height is set. Empty, and camera_height 0: pixels only",
    )
    ground_plane: tuple[float, ...] = setting(
        (0.0, 0.0, 1.0, 0.0),
        "the ground in target_frame: x, y, z of its upward normal and metres along it from the "
        "origin; z = 0 by default",
    )
    fixed_frame: str = setting(
        "",
        "frame that stands still, as odom: target_frame's motion in it is taken out of people's. "
        "Empty: odometry_topic's frame; without either nothing is compensated",
    )
    odometry_topic: str = setting(
        "",
        "nav_msgs/Odometry that tells target_frame's motion where TF does not; empty takes TF",
    )
    transform_tolerance: float = setting(
        0.1,
        "seconds by which the newest transform may be older than an image",
        low=0.0,
        high=5.0,
    )
    camera_rotation_stddev: float = setting(
        0.01,
        "how well the camera's direction is known: standard deviation about each axis in radians",
        low=0.0,
        high=0.5,
    )
    camera_height_stddev: float = setting(
        0.02,
        "how well the camera's height is known: standard deviation in metres",
        low=0.0,
        high=2.0,
    )
    person_height: float = setting(1.7, "mean height of people in metres", low=0.5, high=2.5)
    person_height_stddev: float = setting(
        0.1, "standard deviation of people's heights in metres", low=0.01, high=1.0
    )

    def __post_init__(self) -> None:
        validate(self)
        try:
            _ = self.plane
        except GroundError as error:
            raise ParameterError(f"parameter 'ground_plane': {error}") from error
        for name in ("fixed_frame", "odometry_topic"):
            if getattr(self, name) and not self.target_frame:
                raise ParameterError(
                    f"parameter '{name}': needs target_frame too, the frame that moves"
                )

    @property
    def plane(self) -> GroundPlane:
        """The ground."""
        return GroundPlane.of(self.ground_plane)

    @property
    def mounting(self) -> Mounting:
        """How well the camera's place is known."""
        return Mounting(self.camera_rotation_stddev, self.camera_height_stddev)

    @property
    def person(self) -> PersonHeight:
        """How tall people are."""
        return PersonHeight(self.person_height, self.person_height_stddev)
