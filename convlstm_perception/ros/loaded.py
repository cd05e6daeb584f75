"""What a configured node holds."""

from __future__ import annotations

from dataclasses import dataclass

from convlstm_perception.engine import MotionModel
from convlstm_perception.ros.camera import Camera
from convlstm_perception.ros.settings import NodeSettings
from convlstm_perception.ros.transforms import NodeTransforms
from convlstm_perception.stream import CameraRig


@dataclass
class Loaded:
    """From configure to cleanup.

    Attributes:
        settings: in use.
        model: the networks.
        rig: that answers with them.
        cameras: by name.
        transforms: that the cameras' places are taken from; None where none are needed.
        seconds: that loading and warming up took.
    """

    settings: NodeSettings
    model: MotionModel
    rig: CameraRig
    cameras: dict[str, Camera]
    transforms: NodeTransforms | None
    seconds: float

    def close(self) -> None:
        """Take the publishers back, free the networks."""
        for camera in self.cameras.values():
            camera.close()
        if self.transforms:
            self.transforms.close()
        self.model.close()
