"""One camera's answers on the ground: its calibration, TF and odometry put to the estimator."""

from __future__ import annotations

from convlstm_perception.geometry import TransformBuffer
from convlstm_perception.ground import GroundEstimator, GroundInputs
from convlstm_perception.ros.camera_calibration import CameraCalibration
from convlstm_perception.ros.settings import NodeSettings
from convlstm_perception.ros.transforms import NodeTransforms
from convlstm_perception.types import Float32Array, PerceptionResult


class CameraGround:
    """Adds the ground to a camera's answers, in the inference thread.

    Args:
        settings: of the node.
        name: of the camera.
        times: (H,) seconds of the trajectories.
        transforms: as the node hears of them; None where none are needed.

    Attributes:
        problem: why there is no ground, or no compensation for motion; or "".
    """

    def __init__(
        self,
        settings: NodeSettings,
        name: str,
        times: Float32Array,
        transforms: NodeTransforms | None,
    ) -> None:
        own = settings.camera[name]
        self._estimator = GroundEstimator(
            settings.ground, own.mount, rectified=own.rectify, times=times
        )
        self._transforms, self._nowhere = transforms, TransformBuffer()
        self.problem = ""

    @property
    def inputs(self) -> GroundInputs | None:
        """What the last answer rests on beside the image; None where it has no ground."""
        return self._estimator.inputs

    def warm_up(self, result: PerceptionResult) -> PerceptionResult:
        """Get ready for a first answer like this one; the same with a ground that nobody saw."""
        return self._estimator.warm_up(result)

    def reset(self) -> None:
        """Forget everybody."""
        self._estimator.reset()
        self.problem = ""

    def answer(
        self,
        result: PerceptionResult,
        image_size: tuple[int, int],
        calibration: CameraCalibration,
    ) -> PerceptionResult:
        """The same answer with the ground, or with the reason why there is none."""
        transforms = self._transforms
        answer = self._estimator.answer(
            result,
            image_size,
            calibration.newest,
            transforms or self._nowhere,
            transforms.fixed_frame if transforms else "",
        )
        self.problem = self._estimator.problem
        if not self.problem and transforms and transforms.missing_odometry:
            self.problem = f"the frame's own motion is not taken out: {transforms.missing_odometry}"
        return answer
