"""CameraInfo messages, with or without a calibration file."""

from __future__ import annotations

from pathlib import Path

from sensor_msgs.msg import CameraInfo

from convlstm_perception.errors import CalibrationError
from convlstm_perception.geometry.camera_model import CameraInfoMessage, read_calibration


def camera_info(width: int, height: int, frame_id: str, calibration: Path | None) -> CameraInfo:
    """What is known of a camera.

    Without a calibration k stays zero, which by the message's own definition says
    "uncalibrated": invented intrinsics could be taken for a calibration.

    Args:
        width: of the images in pixels.
        height: of the images in pixels.
        frame_id: optical frame of the camera.
        calibration: file as camera_calibration writes it, or None.

    Returns:
        The message, without a stamp.

    Raises:
        CalibrationError: the file cannot be read, or is for images of another size.
    """
    message = CameraInfo(width=width, height=height, distortion_model="plumb_bob", d=[0.0] * 5)
    if calibration is not None:
        known = read_calibration(calibration)
        if (known.width, known.height) != (width, height):
            raise CalibrationError(
                f"{calibration}: calibrated for images of {known.width} x {known.height}, but "
                f"these are {width} x {height}. Give the calibration for this size."
            )
        message = camera_info_message(known)
    message.header.frame_id = frame_id
    return message


def camera_info_message(calibration: CameraInfoMessage) -> CameraInfo:
    """A calibration as a message, without a header."""
    return CameraInfo(
        width=calibration.width,
        height=calibration.height,
        distortion_model=calibration.distortion_model,
        d=calibration.d,
        k=calibration.k,
        r=calibration.r,
        p=calibration.p,
    )
