"""A camera's calibration, from sensor_msgs/CameraInfo or from camera_calibration's file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, cast

import numpy as np
import yaml
from numpy.typing import NDArray

from convlstm_perception.errors import CalibrationError

DistortionModel = Literal["plumb_bob", "rational_polynomial", "equidistant"]

_COEFFICIENTS: dict[str, tuple[int, ...]] = {
    "plumb_bob": (4, 5),
    "rational_polynomial": (8, 12, 14),
    "equidistant": (4,),
}
"""How many distortion coefficients each model of the message takes."""


class CameraInfoMessage(Protocol):
    """What is read of a sensor_msgs/CameraInfo."""

    width: int
    height: int
    distortion_model: str
    d: Any
    k: Any
    r: Any
    p: Any


@dataclass(frozen=True, eq=False)
class CameraModel:
    """A calibrated camera, in the terms of sensor_msgs/CameraInfo.

    Attributes:
        width, height: of the images in pixels.
        intrinsics: (3, 3) K, of the image as it comes.
        distortion_model: of ``distortion``.
        distortion: its coefficients.
        rectification: (3, 3) R, a rotation.
        projection: (3, 4) P, of the rectified image.
    """

    width: int
    height: int
    intrinsics: NDArray[np.float64]
    distortion_model: DistortionModel
    distortion: NDArray[np.float64]
    rectification: NDArray[np.float64]
    projection: NDArray[np.float64]

    @classmethod
    def from_message(cls, message: CameraInfoMessage) -> CameraModel:
        """Of a CameraInfo message, or anything with its fields.

        Raises:
            CalibrationError: when it says "uncalibrated", or is none that can be used.
        """
        k = _matrix("K", message.k, 3, 3)
        if k[0, 0] <= 0 or k[1, 1] <= 0:
            raise CalibrationError(
                "the camera is not calibrated (K has no focal length); calibrate it, or name a "
                "calibration file"
            )
        model = message.distortion_model or "plumb_bob"
        if model not in _COEFFICIENTS:
            raise CalibrationError(
                f"distortion model {model!r} is not known, only {', '.join(_COEFFICIENTS)}"
            )
        d = np.array(message.d, np.float64)
        if not d.size:
            d = np.zeros(4)
        if d.size not in _COEFFICIENTS[model]:
            allowed = " or ".join(map(str, _COEFFICIENTS[model]))
            raise CalibrationError(f"{model} has {allowed} coefficients, but there are {d.size}")
        p = _matrix("P", message.p, 3, 4)
        if p[0, 0] <= 0:  # left empty by many drivers of single cameras
            p = np.hstack([k, np.zeros((3, 1))])
        r = _matrix("R", message.r, 3, 3)
        if not r.any():
            r = np.eye(3)
        return cls(
            int(message.width),
            int(message.height),
            k,
            cast(DistortionModel, model),
            d,
            r,
            p,
        )


@dataclass
class _Calibration:
    """The fields of a CameraInfo, read from a file."""

    width: int
    height: int
    distortion_model: str
    d: list[float]
    k: list[float]
    r: list[float]
    p: list[float]


def same_calibration(one: CameraInfoMessage, other: CameraInfoMessage) -> bool:
    """Whether two calibrations say the same; their headers do not count."""
    facts = ("width", "height", "distortion_model")
    return all(getattr(one, name) == getattr(other, name) for name in facts) and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("d", "k", "r", "p")
    )


def camera_info_topic(image_topic: str) -> str:
    """The topic of the calibration beside a camera's images, as image_transport names it."""
    return image_topic.removesuffix("/compressed").rsplit("/", 1)[0] + "/camera_info"


def read_calibration(path: Path) -> CameraInfoMessage:
    """Read a calibration as camera_calibration writes it.

    Returns:
        The fields of a CameraInfo message.

    Raises:
        CalibrationError: the file cannot be read, or is no calibration.
    """
    try:
        values = yaml.safe_load(path.read_text())
        return _Calibration(
            width=int(values["image_width"]),
            height=int(values["image_height"]),
            distortion_model=str(values["distortion_model"]),
            d=_numbers(values["distortion_coefficients"]),
            k=_numbers(values["camera_matrix"], 9),
            r=_numbers(values["rectification_matrix"], 9),
            p=_numbers(values["projection_matrix"], 12),
        )
    except OSError as error:
        raise CalibrationError(
            f"{path}: the calibration cannot be read: {error.strerror}"
        ) from error
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise CalibrationError(
            f"{path}: not a calibration as camera_calibration writes it ({error!r}). It needs "
            "image_width, image_height, distortion_model, distortion_coefficients, "
            "camera_matrix, rectification_matrix and projection_matrix."
        ) from error


def _numbers(matrix: Any, count: int | None = None) -> list[float]:
    values = [float(value) for value in matrix["data"]]
    if count is not None and len(values) != count:
        raise ValueError(f"{len(values)} numbers in place of {count}")
    return values


def _matrix(name: str, values: Sequence[float], rows: int, columns: int) -> NDArray[np.float64]:
    matrix = np.array(values, np.float64)
    if matrix.size != rows * columns or not np.isfinite(matrix).all():
        raise CalibrationError(
            f"{name} of the calibration is not {rows} x {columns} finite numbers"
        )
    return matrix.reshape(rows, columns)
