"""Cameras calibrated by Tsai's method, in the xml that the PETS recordings come with.

Tsai 1987, "A versatile camera calibration technique for high-accuracy 3D machine vision metrology
using off-the-shelf TV cameras and lenses", IEEE Journal of Robotics and Automation 3(4). Lengths in
the file are millimetres, angles radians.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.data.readers.common import number, parse_xml, whole_number
from convlstm_perception.errors import SourceError
from convlstm_perception.geometry import CameraModel, RigidTransform

_BEYOND = 1.05  # of the farthest corner's radius, up to which the lens is fitted
_SAMPLES = 2000
_TRUE = 1e-3  # pixel; a fit that is worse is no stand-in for the calibration
_MILLIMETRES = 1e-3  # in metres


@dataclass(frozen=True, eq=False)
class TsaiCamera:
    """A camera as Tsai describes it.

    Attributes:
        width, height: of the images in pixels.
        focal: (2,) focal length in pixels across and down, of the distorted image.
        centre: (2,) pixel of the optical axis.
        distortion: kappa1 in units of the focal length: a point at distorted radius r is at
            ``r * (1 + distortion * r ** 2)`` without it.
        model: the same camera as a CameraInfo has it, lens fitted; see :func:`read_tsai`.
        pose: from the optical frame (REP-103) to the world, z upwards, in metres.
    """

    width: int
    height: int
    focal: NDArray[np.float64]
    centre: NDArray[np.float64]
    distortion: float
    model: CameraModel
    pose: RigidTransform

    def on_ground(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where pixels lie on the world's plane z = 0, in closed form, without the fitted lens.

        Args:
            pixels: (N, 2).

        Returns:
            (N, 3) in metres; NaN where the ray does not meet the plane.
        """
        distorted = (pixels - self.centre) / self.focal
        squared = (distorted**2).sum(-1, keepdims=True)
        plain = distorted * (1 + self.distortion * squared)
        directions = np.hstack([plain, np.ones((len(plain), 1))]) @ self.pose.matrix.T
        origin = self.pose.translation
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = -origin[2:] / directions[:, 2:]
            return np.where(reach > 0, origin + reach * directions, np.nan)


def read_tsai(path: Path) -> TsaiCamera:
    """Read a calibration.

    Tsai's lens undistorts in closed form, and CameraInfo's distort in closed form. The rational
    polynomial is fitted to the inverse, by linear least squares, and is as good as equal over the
    whole image.

    Args:
        path: xml with the elements Geometry (width, height, dpx, dpy), Intrinsic (focal, kappa1,
            cx, cy, sx) and Extrinsic (tx, ty, tz, rx, ry, rz).

    Raises:
        SourceError: when the file is missing or damaged, or describes no camera that could be; it
            names the field.
    """
    root = parse_xml(path)
    geometry, intrinsic, extrinsic = (
        _element(path, root, name) for name in ("Geometry", "Intrinsic", "Extrinsic")
    )
    width, height = (_size(path, geometry, name) for name in ("width", "height"))
    focal = _positive(path, intrinsic, "focal")
    across = _positive(path, intrinsic, "sx") * focal / _positive(path, geometry, "dpx")
    down = focal / _positive(path, geometry, "dpy")
    centre = np.array([_value(path, intrinsic, name) for name in ("cx", "cy")])
    distortion = _value(path, intrinsic, "kappa1") * focal**2
    pixels = np.array([across, down])
    coefficients = _fit(path, distortion, _farthest(width, height, centre, pixels), pixels.max())
    intrinsics = np.array([[across, 0, centre[0]], [0, down, centre[1]], [0, 0, 1.0]])
    model = CameraModel(
        width,
        height,
        intrinsics,
        "rational_polynomial",
        coefficients,
        np.eye(3),
        np.hstack([intrinsics, np.zeros((3, 1))]),
    )
    rx, ry, rz = (_value(path, extrinsic, name) for name in ("rx", "ry", "rz"))
    moved = [_value(path, extrinsic, name) * _MILLIMETRES for name in ("tx", "ty", "tz")]
    pose = RigidTransform.from_euler(rx, ry, rz, moved).inverse()
    if not pose.translation[2] > 0:
        raise SourceError(
            f"{path}: Extrinsic: the camera is {pose.translation[2]:.2f} m above the plane z = 0; "
            "the world's z axis must point upwards: check tx to rz, in millimetres and radians"
        )
    return TsaiCamera(width, height, pixels, centre, distortion, model, pose)


def _farthest(
    width: int, height: int, centre: NDArray[np.float64], focal: NDArray[np.float64]
) -> float:
    """Radius of the image's farthest corner in units of the focal length."""
    last = np.array([width - 1, height - 1])
    return float(np.hypot(*(np.maximum(np.abs(centre), np.abs(last - centre)) / focal)))


def _fit(path: Path, distortion: float, corner: float, focal: float) -> NDArray[np.float64]:
    """(8,) k1, k2, p1, p2, k3 to k6 of the rational polynomial.

    With q = r_d / r_u, of the distorted and the undistorted radius, q (1 + k4 r_u^2 + ...) equals
    1 + k1 r_u^2 + ...: linear in all of the k.
    """
    distorted = np.linspace(0.0, _BEYOND * corner, _SAMPLES + 1)[1:]
    if 1 + 3 * distortion * distorted[-1] ** 2 <= 0:
        raise SourceError(
            f"{path}: Intrinsic: kappa1 folds the image back before its corner; it must be in "
            "1/mm^2, and focal, dpx and dpy in mm"
        )
    plain = distorted * (1 + distortion * distorted**2)
    q = distorted / plain
    powers = (plain**2)[:, None] ** np.arange(1, 4)
    columns = np.hstack([powers, -q[:, None] * powers])
    scale = np.abs(columns).max(axis=0)  # the powers of a narrow view differ by magnitudes
    k = np.linalg.lstsq(columns / scale, q - 1, rcond=None)[0] / scale
    with np.errstate(divide="ignore", invalid="ignore"):
        fitted = plain * (1 + powers @ k[:3]) / (1 + powers @ k[3:])
    worst = float(np.abs(fitted - distorted).max()) * focal
    if not worst <= _TRUE:
        raise SourceError(
            f"{path}: Intrinsic: kappa1 distorts more than a rational polynomial can follow "
            f"({worst:.2g} pixels are missing at worst); check kappa1, focal, dpx and dpy"
        )
    return np.array([k[0], k[1], 0, 0, *k[2:]])


def _element(path: Path, root: Element, name: str) -> Element:
    found = root.find(name)
    if found is None:
        raise SourceError(
            f"{path}: no <{name}>; give a Tsai calibration with Geometry, Intrinsic and Extrinsic"
        )
    return found


def _value(path: Path, element: Element, name: str) -> float:
    where = f"{element.tag}: {name}"
    text = element.get(name)
    if text is None:
        raise SourceError(f"{path}: {where} is missing; copy the calibration anew")
    value = number(path, where, text)
    if not math.isfinite(value):
        raise SourceError(f"{path}: {where} is {value:g}; it must be a finite number")
    return value


def _positive(path: Path, element: Element, name: str) -> float:
    value = _value(path, element, name)
    if not value > 0:
        raise SourceError(f"{path}: {element.tag}: {name} is {value:g}; it must be above 0")
    return value


def _size(path: Path, element: Element, name: str) -> int:
    _positive(path, element, name)
    return whole_number(path, f"{element.tag}: {name}", element.get(name, ""))
