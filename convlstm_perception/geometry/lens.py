"""From pixels to rays and back, through the distortion of a lens.

Pinhole with the distortions of sensor_msgs/CameraInfo "plumb_bob" (Brown 1966) and
"rational_polynomial" (with OpenCV's thin prism and tilt), and the fisheye "equidistant" (Kannala
and Brandt 2006, equation 6). The models take rays to pixels; their inverse is Newton's method from
the distorted point, to machine precision. OpenCV's undistortPoints has neither that precision nor
the derivatives that uncertainty is carried by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.geometry.camera_model import CameraModel
from convlstm_perception.types import Float64Array

_STEPS = 20  # of Newton's method; three or four do, but at the rim of wide lenses
# Step in units of the focal length. Convergence is quadratic: what is left is about its square.
_CONVERGED = 1e-7
_WIDEST = 5.0  # tangent of the angle from the axis up to which a pinhole's distortion is looked at


@dataclass(frozen=True)
class Rays:
    """Where pixels look, in the camera's optical frame (REP-103).

    Components come first, so that arithmetic runs over rows that lie together.

    Attributes:
        directions: (3, N), not of unit length; NaN where the lens shows nothing at the pixel.
        jacobians: (3, 2, N) derivative of the direction by the pixel.
    """

    directions: Float64Array
    jacobians: Float64Array

    def take(self, rows: slice) -> Rays:
        """Some of the rays."""
        return Rays(self.directions[:, rows], self.jacobians[:, :, rows])


class Lens(Protocol):
    """Where rays of the optical frame meet the image, and back."""

    def project(self, points: Float64Array) -> Float64Array:
        """(2, N) pixels of (3, N) points of the optical frame; NaN where they are not seen."""
        ...

    def rays(self, pixels: Float64Array) -> Rays:
        """Rays of (2, N) pixels."""
        ...


def lens_of(camera: CameraModel, *, rectified: bool = False) -> Lens:
    """The lens of a camera.

    Args:
        camera: calibration.
        rectified: the images are rectified by it: no distortion, P in place of K, turned by R.
    """
    if rectified:
        inner = PinholeLens(camera.projection[:, :3], np.zeros(4))
        if np.array_equal(camera.rectification, np.eye(3)):
            return inner
        return _TurnedLens(inner, camera.rectification)
    if camera.distortion_model == "equidistant":
        return FisheyeLens(camera.intrinsics, camera.distortion)
    return PinholeLens(camera.intrinsics, camera.distortion)


class PinholeLens:
    """A pinhole with radial, tangential, thin prism and tilt distortion.

    Args:
        intrinsics: (3, 3) K.
        distortion: (4, 5, 8, 12 or 14,) k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4, tx, ty, as
            OpenCV has them.
    """

    def __init__(self, intrinsics: Float64Array, distortion: Float64Array) -> None:
        coefficients = np.zeros(14)
        coefficients[: len(distortion)] = distortion
        self._k, self._inverse_k = intrinsics, _upper_inverse(intrinsics)
        self._d = coefficients
        self._distorts = bool(coefficients.any())
        self._tilt = _tilt(coefficients[12], coefficients[13])
        self._limit = self._monotone_until() if self._distorts else np.inf

    def project(self, points: Float64Array) -> Float64Array:
        """As :class:`Lens`."""
        z = points[2]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            x, y = points[0] / z, points[1] / z
            seen = (z > 0) & (x * x + y * y <= self._limit)
            if self._distorts:
                x, y, *_ = self._distort(x, y)
            if self._tilt is not None:
                x, y = _homography(self._tilt, x, y)
        return _pixels(self._k, x, y, seen)

    def rays(self, pixels: Float64Array) -> Rays:
        """As :class:`Lens`."""
        a, b = _normalised(pixels, self._inverse_k)
        count = len(a)
        jacobians = np.zeros((3, 2, count))
        outer = np.broadcast_to(self._inverse_k[:2, :2, None], (2, 2, count))
        if not self._distorts:
            jacobians[:2] = outer
            return Rays(np.stack([a, b, np.ones(count)]), jacobians)
        if self._tilt is not None:
            back = np.linalg.inv(self._tilt)
            outer = _chain(_homography_jacobian(back, a, b), outer)
            a, b = _homography(back, a, b)
        x, y = a.copy(), b.copy()
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for _ in range(_STEPS):
                fx, fy, xx, xy, yx, yy = self._distort(x, y)
                ex, ey = fx - a, fy - b
                determinant = xx * yy - xy * yx
                dx, dy = (yy * ex - xy * ey) / determinant, (xx * ey - yx * ex) / determinant
                x -= dx
                y -= dy
                last = np.maximum(np.abs(dx), np.abs(dy))
                if not (last > _CONVERGED).any():
                    break
            found = (last <= _CONVERGED) & (x * x + y * y <= self._limit)
            inner = np.stack([yy, -xy, -yx, xx]).reshape(2, 2, count) / determinant
        jacobians[:2] = _chain(inner, outer)
        directions = np.stack([x, y, np.ones(count)])
        if not found.all():
            directions[:, ~found] = np.nan
        return Rays(directions, jacobians)

    def _distort(
        self, x: Float64Array, y: Float64Array
    ) -> tuple[Float64Array, Float64Array, Float64Array, Float64Array, Float64Array, Float64Array]:
        """Distorted x, y, and the derivatives x by x, x by y, y by x, y by y."""
        k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4 = self._d[:12]
        xx, yy, xy = x * x, y * y, x * y
        r2 = xx + yy
        above = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
        slope = k1 + r2 * (2 * k2 + r2 * 3 * k3)  # of the radial factor, by r squared
        radial = above
        if k4 or k5 or k6:
            below = 1 + r2 * (k4 + r2 * (k5 + r2 * k6))
            radial = above / below
            slope = (slope - radial * (k4 + r2 * (2 * k5 + r2 * 3 * k6))) / below
        distorted_x = x * radial + 2 * p1 * xy + p2 * (r2 + 2 * xx)
        distorted_y = y * radial + p1 * (r2 + 2 * yy) + 2 * p2 * xy
        cross = 2 * (xy * slope + p1 * x + p2 * y)
        x_by_x = radial + 2 * xx * slope + 2 * p1 * y + 6 * p2 * x
        y_by_y = radial + 2 * yy * slope + 6 * p1 * y + 2 * p2 * x
        if not (s1 or s2 or s3 or s4):
            return distorted_x, distorted_y, x_by_x, cross, cross, y_by_y
        distorted_x = distorted_x + r2 * (s1 + s2 * r2)
        distorted_y = distorted_y + r2 * (s3 + s4 * r2)
        prism_x, prism_y = 2 * (s1 + 2 * s2 * r2), 2 * (s3 + 2 * s4 * r2)
        return (
            distorted_x,
            distorted_y,
            x_by_x + prism_x * x,
            cross + prism_x * y,
            cross + prism_y * x,
            y_by_y + prism_y * y,
        )

    def _monotone_until(self) -> float:
        """Squared radius from which on the radial distortion folds back."""
        r = np.linspace(0.0, _WIDEST, 20_001)
        k1, k2, _, _, k3, k4, k5, k6 = self._d[:8]
        r2 = r * r
        below = 1 + r2 * (k4 + r2 * (k5 + r2 * k6))
        with np.errstate(divide="ignore", invalid="ignore"):
            image = r * (1 + r2 * (k1 + r2 * (k2 + r2 * k3))) / below
        folds = np.flatnonzero(~(np.diff(image) > 0) | ~(below[1:] > 0))
        return float(r[folds[0]] ** 2) if len(folds) else np.inf


class FisheyeLens:
    """An equidistant fisheye: the angle from the axis grows with the distance in the image.

    Args:
        intrinsics: (3, 3) K.
        distortion: (4,) k1 to k4 of the angle's polynomial.
    """

    def __init__(self, intrinsics: Float64Array, distortion: Float64Array) -> None:
        self._k, self._inverse_k = intrinsics, _upper_inverse(intrinsics)
        self._d = np.asarray(distortion, np.float64)
        angles = np.linspace(0.0, np.pi, 20_001)
        folds = np.flatnonzero(self._slope(angles) <= 0)
        self._widest = float(angles[folds[0]] if len(folds) else np.pi)

    def project(self, points: Float64Array) -> Float64Array:
        """As :class:`Lens`."""
        x, y, z = points
        across = np.hypot(x, y)
        angle = np.arctan2(across, z)
        with np.errstate(divide="ignore", invalid="ignore"):
            # On the axis, 0 / 0: the factor does not matter there.
            scale = np.where(across > 0, self._radius(angle) / across, 0.0)
        return _pixels(self._k, x * scale, y * scale, angle <= self._widest)

    def rays(self, pixels: Float64Array) -> Rays:
        """As :class:`Lens`."""
        a, b = _normalised(pixels, self._inverse_k)
        radius = np.hypot(a, b)
        angle = np.minimum(radius, self._widest)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for _ in range(_STEPS):
                step = (self._radius(angle) - radius) / self._slope(angle)
                angle = np.clip(angle - step, 0.0, self._widest)
                if not (np.abs(step) > _CONVERGED).any():
                    break
            found = np.abs(step) <= _CONVERGED
            growth = 1.0 / self._slope(angle)  # of the angle by the radius
            centre = radius < 1e-12
            safe = np.where(centre, 1.0, radius)
            sine, cosine = np.sin(angle), np.cos(angle)
            u, v = np.where(centre, 1.0, a / safe), np.where(centre, 0.0, b / safe)
            across, along = np.where(centre, growth, sine / safe), cosine * growth
        directions = np.stack([np.where(centre, 0.0, sine * u), sine * v, cosine])
        directions[:, ~found] = np.nan
        inner = np.empty((3, 2, len(a)))
        inner[0, 0] = along * u * u + across * v * v
        inner[1, 1] = along * v * v + across * u * u
        inner[0, 1] = inner[1, 0] = (along - across) * u * v
        inner[2, 0], inner[2, 1] = -sine * growth * u, -sine * growth * v
        return Rays(directions, _chain(inner, self._inverse_k[:2, :2, None]))

    def _radius(self, angle: Float64Array) -> Float64Array:
        k1, k2, k3, k4 = self._d
        t2 = angle * angle
        return angle * (1 + t2 * (k1 + t2 * (k2 + t2 * (k3 + t2 * k4))))

    def _slope(self, angle: Float64Array) -> Float64Array:
        k1, k2, k3, k4 = self._d
        t2 = angle * angle
        return 1 + t2 * (3 * k1 + t2 * (5 * k2 + t2 * (7 * k3 + t2 * 9 * k4)))


class _TurnedLens:
    """A lens before which the optical frame is turned, as rectification does.

    Args:
        inner: lens in the turned frame.
        rotation: (3, 3) from the optical frame to the turned one.
    """

    def __init__(self, inner: Lens, rotation: Float64Array) -> None:
        self._inner, self._rotation = inner, rotation

    def project(self, points: Float64Array) -> Float64Array:
        """As :class:`Lens`."""
        return self._inner.project(self._rotation @ points)

    def rays(self, pixels: Float64Array) -> Rays:
        """As :class:`Lens`."""
        rays = self._inner.rays(pixels)
        back = self._rotation.T
        return Rays(back @ rays.directions, np.tensordot(back, rays.jacobians, 1))


def _normalised(pixels: Float64Array, inverse_k: Float64Array) -> tuple[Float64Array, Float64Array]:
    x, y = inverse_k[:2, :2] @ pixels + inverse_k[:2, 2, None]
    return x, y


def _pixels(
    k: Float64Array, x: Float64Array, y: Float64Array, seen: NDArray[np.bool_]
) -> Float64Array:
    pixels = k[:2, :2] @ np.stack([x, y]) + k[:2, 2, None]
    pixels[:, ~seen] = np.nan
    return pixels


def _chain(outer: Float64Array, inner: Float64Array) -> Float64Array:
    """(A, 2, N) of (A, 2, N) and (2, 2, N) derivatives: the matrix product for each of N."""
    return np.stack([row[0] * inner[0] + row[1] * inner[1] for row in outer])


def _upper_inverse(k: Float64Array) -> Float64Array:
    """Of K with its skew, in closed form."""
    fx, skew, cx, fy, cy = k[0, 0], k[0, 1], k[0, 2], k[1, 1], k[1, 2]
    return np.array(
        [
            [1 / fx, -skew / (fx * fy), (skew * cy - cx * fy) / (fx * fy)],
            [0.0, 1 / fy, -cy / fy],
            [0.0, 0.0, 1.0],
        ]
    )


def _tilt(tau_x: float, tau_y: float) -> Float64Array | None:
    """(3, 3) homography of a sensor that is not square to the axis; None where it is."""
    if not (tau_x or tau_y):
        return None
    (cx, cy), (sx, sy) = np.cos([tau_x, tau_y]), np.sin([tau_x, tau_y])
    about_x = np.array([[1, 0, 0], [0, cx, sx], [0, -sx, cx]])
    about_y = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    turned = about_y @ about_x
    r13, r23, r33 = turned[0, 2], turned[1, 2], turned[2, 2]
    return np.array([[r33, 0, -r13], [0, r33, -r23], [0, 0, 1]]) @ turned


def _homography(
    matrix: Float64Array, x: Float64Array, y: Float64Array
) -> tuple[Float64Array, Float64Array]:
    moved = matrix @ np.stack([x, y, np.ones_like(x)])
    return moved[0] / moved[2], moved[1] / moved[2]


def _homography_jacobian(matrix: Float64Array, x: Float64Array, y: Float64Array) -> Float64Array:
    """(2, 2, N)."""
    moved = matrix @ np.stack([x, y, np.ones_like(x)])
    place = moved[:2] / moved[2]
    return (matrix[:2, :2, None] - place[:, None] * matrix[2, None, :2, None]) / moved[2]
