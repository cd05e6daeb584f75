"""What a camera's answers are published as."""

from __future__ import annotations

from dataclasses import dataclass

from convlstm_perception.settings import setting, validate


@dataclass(frozen=True)
class OutputSettings:
    """Which topics there are. A message is made only while somebody subscribes to it."""

    publish_detections: bool = setting(True, "whether detections are published", live=True)
    publish_trajectories: bool = setting(True, "whether trajectories are published", live=True)
    publish_detections_3d: bool = setting(
        True, "whether detections_3d are published, where people are located on the ground"
    )
    publish_poses: bool = setting(
        True, "whether poses are published, where people are located on the ground"
    )
    publish_predicted_objects: bool = setting(
        False,
        "whether predicted_objects are published for Autoware, where people are located on the "
        "ground; needs autoware_perception_msgs",
    )
    publish_markers: bool = setting(
        True, "whether markers are published, where people are located on the ground"
    )
    publish_image_annotations: bool = setting(
        False, "whether image_annotations are published for Foxglove; needs foxglove_msgs"
    )
    publish_overlay: bool = setting(
        True, "whether the overlay is published, where somebody subscribes", live=True
    )
    overlay_trail: float = setting(
        3.0, "seconds of past path drawn in the overlay", low=0.0, high=60.0
    )

    def __post_init__(self) -> None:
        validate(self)
