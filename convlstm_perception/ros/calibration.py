"""CameraInfo messages, with or without a calibration file."""

from __future__ import annotations

from pathlib import Path

import yaml
from sensor_msgs.msg import CameraInfo

from convlstm_perception.errors import SourceError


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
        SourceError: the file cannot be read, or is for images of another size.
    """
    message = CameraInfo()
    message.header.frame_id = frame_id
    message.width, message.height = width, height
    message.distortion_model = "plumb_bob"
    message.d = [0.0] * 5
    if calibration is not None:
        _read_calibration(calibration, message)
    return message


def _read_calibration(path: Path, message: CameraInfo) -> None:
    """Fill in a calibration as camera_calibration writes it."""
    try:
        values = yaml.safe_load(path.read_text())
        size = int(values["image_width"]), int(values["image_height"])
        message.distortion_model = str(values["distortion_model"])
        message.d = [float(value) for value in values["distortion_coefficients"]["data"]]
        message.k = [float(value) for value in values["camera_matrix"]["data"]]
        message.r = [float(value) for value in values["rectification_matrix"]["data"]]
        message.p = [float(value) for value in values["projection_matrix"]["data"]]
    except OSError as error:
        raise SourceError(
            f"{path}: the calibration cannot be read: {error.strerror}. Check --camera-info."
        ) from error
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AssertionError) as error:
        raise SourceError(
            f"{path}: not a calibration as camera_calibration writes it ({error!r}). It needs "
            "image_width, image_height, distortion_model, distortion_coefficients, "
            "camera_matrix, rectification_matrix and projection_matrix."
        ) from error
    if size != (message.width, message.height):
        raise SourceError(
            f"{path}: calibrated for images of {size[0]} x {size[1]}, but these are "
            f"{message.width} x {message.height}. Give the calibration for this size."
        )
