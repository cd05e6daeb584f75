"""From a camera's answers in pixels to answers in metres, with what is known of the camera."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from convlstm_perception.errors import CalibrationError, PerceptionError
from convlstm_perception.geometry import (
    CameraModel,
    GroundCamera,
    GroundPlane,
    Lens,
    RigidTransform,
    TransformSource,
    lens_of,
    pose_above_ground,
)
from convlstm_perception.geometry.camera_model import CameraInfoMessage
from convlstm_perception.geometry.lens import PinholeLens
from convlstm_perception.ground.settings import GroundSettings
from convlstm_perception.ground.tracker import GroundTracker, GroundView
from convlstm_perception.types import Float32Array, GroundTracks, PerceptionResult

_SOME_DISTORTION = np.array([0.01, 0.0, 0.0, 0.0])  # as lenses have


@dataclass(frozen=True)
class CameraMount:
    """Where a camera is mounted, for where TF does not tell.

    Attributes:
        height: above the ground in metres; 0 where TF tells.
        pitch: downwards, in radians.
        roll: right side down, in radians.
    """

    height: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0


@dataclass(frozen=True)
class GroundInputs:
    """What an answer on the ground rests on beside the image, to be written down for a replay.

    Attributes:
        calibration: of the camera.
        fixed_frame: the one that stood still; empty where none was known.
        transforms: parent frame, child frame, and the transform from child to parent.
    """

    calibration: CameraInfoMessage
    fixed_frame: str
    transforms: tuple[tuple[str, str, RigidTransform], ...]


class GroundEstimator:
    """Adds the ground to one camera's answers. Not thread-safe.

    Args:
        settings: how pixels become metres.
        mount: of the camera.
        rectified: whether the images are rectified by the calibration.
        times: (H,) seconds of the trajectories.

    Attributes:
        problem: why the last answer has no ground, or is not compensated for motion as was asked;
            or "".
        inputs: of the last answer; None where it has no ground.
    """

    def __init__(
        self, settings: GroundSettings, mount: CameraMount, *, rectified: bool, times: Float32Array
    ) -> None:
        self._settings, self._mount, self._rectified = settings, mount, rectified
        self._plane = settings.plane
        self._times, self._horizons = times, len(times)
        self._tracker = GroundTracker(times, settings.person)
        self._calibration: CameraInfoMessage | None = None
        self._lens: tuple[Lens, tuple[int, int]] | None = None
        self._camera: tuple[RigidTransform, Lens, GroundCamera] | None = None
        self.problem = ""
        self.inputs: GroundInputs | None = None

    def reset(self) -> None:
        """Forget everybody."""
        self._tracker.reset()
        self.problem, self.inputs = "", None

    def warm_up(self, result: PerceptionResult) -> PerceptionResult:
        """Run everything once, so that the first image does not pay for lazy set-up.

        Args:
            result: in pixels, with somebody in the middle of a small image.

        Returns:
            The same with a ground that no camera has seen: to warm up what comes after.
        """
        pose = pose_above_ground(2.0, 0.0, 0.0)
        lens = PinholeLens(
            np.array([[64.0, 0.0, 32.0], [0.0, 64.0, 0.0], [0.0, 0.0, 1.0]]), _SOME_DISTORTION
        )
        camera = GroundCamera(lens, pose, GroundPlane.of(), self._settings.mounting)
        follower = GroundTracker(self._times, self._settings.person)
        view = GroundView(camera, self._settings.target_frame, (640, 640), pose)
        return _with(result, follower.update(result.tracks, result.stamp_ns, view))

    def answer(
        self,
        result: PerceptionResult,
        image_size: tuple[int, int],
        calibration: CameraInfoMessage | None,
        transforms: TransformSource,
        fixed_frame: str = "",
    ) -> PerceptionResult:
        """The same answer with the ground, or with the reason why there is none.

        Args:
            result: in pixels.
            image_size: width and height of the image.
            calibration: the newest of the camera; None where there is none.
            transforms: between frames.
            fixed_frame: the one that stands still; empty where none is known.
        """
        if result.restarted:
            self._tracker.reset()
        rows = len(result.tracks)
        if not result.usable:
            reason = f"the image shows nothing: {result.status_reason}"
            return _with(result, GroundTracks.unknown(rows, self._horizons, reason))
        try:
            view = self._look(result, image_size, calibration, transforms)
        except PerceptionError as error:
            self.inputs, self.problem = None, str(error)
            return _with(result, GroundTracks.unknown(rows, self._horizons, str(error)))
        self.problem = ""
        if fixed_frame:
            try:
                fixed_pose = transforms.lookup(
                    fixed_frame, view.frame_id, result.stamp_ns, self._settings.transform_tolerance
                )
                view = dataclasses.replace(view, fixed_pose=fixed_pose)
            except PerceptionError as error:
                self.problem = f"{view.frame_id}'s own motion is not taken out: {error}"
        self.inputs = self._rests_on(view, result.frame_id, fixed_frame)
        return _with(result, self._tracker.update(result.tracks, result.stamp_ns, view))

    def _rests_on(self, view: GroundView, camera_frame: str, fixed_frame: str) -> GroundInputs:
        assert self._calibration is not None
        transforms = []
        if not self._mount.height:
            transforms.append((view.frame_id, camera_frame, view.pose))
        if view.fixed_pose is not None and fixed_frame != view.frame_id:
            transforms.append((fixed_frame, view.frame_id, view.fixed_pose))
        return GroundInputs(self._calibration, fixed_frame, tuple(transforms))

    def _look(
        self,
        result: PerceptionResult,
        image_size: tuple[int, int],
        calibration: CameraInfoMessage | None,
        transforms: TransformSource,
    ) -> GroundView:
        lens = self._lens_for(image_size, calibration)
        if self._mount.height:
            frame_id = self._settings.target_frame or f"{result.frame_id or 'camera'}_ground"
            pose = pose_above_ground(self._mount.height, self._mount.pitch, self._mount.roll)
        else:
            frame_id = self._settings.target_frame
            pose = transforms.lookup(
                frame_id, result.frame_id, result.stamp_ns, self._settings.transform_tolerance
            )
        return GroundView(self._camera_at(pose, lens), frame_id, image_size, pose)

    def _lens_for(self, image_size: tuple[int, int], calibration: CameraInfoMessage | None) -> Lens:
        if calibration is None:
            raise CalibrationError(
                "no calibration: let the camera publish camera_info, or set camera_info_topic or "
                "calibration"
            )
        if self._lens is None or calibration is not self._calibration:
            self._lens = None
            model = CameraModel.from_message(calibration)
            self._lens = lens_of(model, rectified=self._rectified), (model.width, model.height)
            self._calibration = calibration
        lens, size = self._lens
        if size != image_size:
            raise CalibrationError(
                f"the image is {image_size[0]}x{image_size[1]}, but the calibration is for "
                f"{size[0]}x{size[1]}; give the calibration of this size"
            )
        return lens

    def _camera_at(self, pose: RigidTransform, lens: Lens) -> GroundCamera:
        known = self._camera
        if (
            known is None
            or known[1] is not lens
            or (known[0].quaternion != pose.quaternion).any()
            or (known[0].translation != pose.translation).any()
        ):
            camera = GroundCamera(lens, pose, self._plane, self._settings.mounting)
            known = self._camera = pose, lens, camera
        return known[2]


def _with(result: PerceptionResult, ground: GroundTracks) -> PerceptionResult:
    return dataclasses.replace(result, ground=ground)
