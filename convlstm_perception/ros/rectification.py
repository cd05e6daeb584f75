"""A camera's images rectified by its calibration."""

from __future__ import annotations

import dataclasses

from convlstm_perception.errors import CalibrationError, ImageError
from convlstm_perception.geometry import CameraModel, Rectifier
from convlstm_perception.geometry.camera_model import CameraInfoMessage
from convlstm_perception.ros.camera_calibration import CameraCalibration
from convlstm_perception.types import Frame


class ImageRectification:
    """Rectifies by the newest calibration.

    Args:
        calibration: of the camera.
    """

    def __init__(self, calibration: CameraCalibration) -> None:
        self._calibration = calibration
        self._used: CameraInfoMessage | None = None
        self._rectifier: Rectifier | None = None

    def apply(self, frame: Frame) -> Frame:
        """The rectified frame; its image is good until the next call.

        Raises:
            ImageError: when there is no calibration that fits the image.
        """
        newest = self._calibration.newest
        if newest is None:
            raise ImageError(
                f"rectify is set, but no calibration has come on {self._calibration.topic}; let "
                "the camera publish it, or set the parameter camera_info_topic or calibration"
            )
        rectifier = self._rectifier
        if rectifier is None or newest is not self._used:
            try:
                rectifier = Rectifier(CameraModel.from_message(newest))
            except CalibrationError as error:
                raise ImageError(f"rectify is set, but {error}") from error
            self._used, self._rectifier = newest, rectifier
        return dataclasses.replace(frame, image=rectifier.rectify(frame.image))
