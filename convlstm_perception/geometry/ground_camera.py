"""Where on the ground the people in boxes stand, and how surely that is known.

A pedestrian's foot point, the middle of the box's lower edge, is a ray that meets the ground; the
upper edge is a second ray, that passes the pedestrian's height above it. Both are joined as a
measurement of one point, by linear error propagation: the covariance is J S J^T, with S of the box,
of people's heights and of the camera's mounting (Hartley and Zisserman 2004, section 5.2).
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.errors import GroundError
from convlstm_perception.geometry.covariance import symmetric
from convlstm_perception.geometry.ground_model import GroundPlane, Mounting, PersonHeight
from convlstm_perception.geometry.ground_points import GroundPoints, GroundRefusal, PersonPoints
from convlstm_perception.geometry.lens import Lens, Rays
from convlstm_perception.geometry.rigid_transform import RigidTransform
from convlstm_perception.types import Float64Array

_CUT_SHARE = 0.005  # of the image's height, from its edge, within which a box is cut by it
_CUT_LEAST = 1.0  # pixel
_DOUBTFUL = 9.0  # squared residual of the height, in variances, from which feet may be hidden
_STEEP = 0.05  # share of the way to a person that must be along the ground for a height to show


def _far_away() -> AbstractContextManager[None]:
    """Rays along the ground meet it nowhere: what is infinite, or no number, is refused later."""
    return np.errstate(divide="ignore", invalid="ignore", over="ignore")


class GroundCamera:
    """A camera above a ground plane.

    Args:
        lens: of the camera.
        pose: from its optical frame to the target frame.
        plane: the ground in the target frame.
        mounting: how well the pose is known.

    Raises:
        GroundError: when the camera is not above the ground.
    """

    def __init__(
        self,
        lens: Lens,
        pose: RigidTransform,
        plane: GroundPlane,
        mounting: Mounting = Mounting(),  # noqa: B008 - frozen
    ) -> None:
        self._lens, self._pose, self._plane, self._mounting = lens, pose, plane, mounting
        self.height = float(plane.normal @ pose.translation) - plane.offset
        if not self.height > 0:
            raise GroundError(
                f"the camera is {self.height:.2f} m above the ground plane: the plane lies behind "
                "it; check the transform and the parameter ground_plane"
            )

    def pixels(self, points: Float64Array) -> Float64Array:
        """(N, 2) pixels of (N, 3) points of the target frame; NaN where they are not seen."""
        return self._lens.project(self._pose.inverse().apply(points).T).T

    def on_plane(self, places: Float64Array) -> Float64Array:
        """(..., 3) points of the ground at (..., 2) x and y."""
        normal = self._plane.normal
        x, y = places[..., 0], places[..., 1]
        z = (self._plane.offset - normal[0] * x - normal[1] * y) / normal[2]
        return np.concatenate([places, z[..., None]], axis=-1)

    def locate_pixels(self, pixels: Float64Array, variances: Float64Array) -> GroundPoints:
        """Points on the ground.

        Args:
            pixels: (N, 2).
            variances: (N, 2) of them, in pixels squared.
        """
        with _far_away():
            aim = self._aim(self._lens.rays(pixels.T), -self.height)
            refusals = _refusals(aim)
            positions = self._on_plane(aim.positions)
            positions[refusals != GroundRefusal.NONE] = np.nan
            return GroundPoints(positions, _congruence(aim.by_pixel[:2], variances.T), refusals)

    def locate(
        self,
        boxes: Float64Array,
        variances: Float64Array,
        image_size: tuple[int, int],
        person: PersonHeight = PersonHeight(),  # noqa: B008 - frozen
    ) -> PersonPoints:
        """Where the people in boxes stand.

        Feet and height are joined where the whole person is seen. Where the image's lower edge cuts
        the feet off, the head and the height of people tell the place alone. Where the height that
        the box would mean is hardly a grown-up's, as when something hides the feet, the covariance
        reaches from where the feet seem to be to where the head would place a grown-up.

        Args:
            boxes: (N, 4) centre x, centre y, width, height in pixels.
            variances: (N, 4) of these, in pixels squared.
            image_size: width and height in pixels.
            person: how tall people are.
        """
        with _far_away():
            margin = max(_CUT_LEAST, _CUT_SHARE * image_size[1])
            lower, upper = boxes[:, 1] + boxes[:, 3] / 2, boxes[:, 1] - boxes[:, 3] / 2
            feet_cut = lower >= image_size[1] - 1 - margin
            head_cut = upper <= margin
            spread = variances[:, [0, 1, 3]].T.copy()
            spread[0] += _hidden_across(boxes, image_size[0])
            count = len(boxes)
            edges = np.stack([np.tile(boxes[:, 0], 2), np.concatenate([lower, upper])])
            rays = self._lens.rays(edges)
            feet = self._aim(rays.take(np.s_[:count]), -self.height)
            heads = self._aim(rays.take(np.s_[count:]), person.mean - self.height)
            points = self._by_feet(feet, heads, spread, person, ~(feet_cut | head_cut))
            if feet_cut.any():
                alone = self._by_head(heads.take(feet_cut), spread[:, feet_cut], person)
                alone.refusals[head_cut[feet_cut] | ~alone.valid] = GroundRefusal.CUT
                points.replace(feet_cut, alone)
            points.positions[~points.valid] = np.nan
            return points

    def _aim(self, rays: Rays, rise: float) -> _Aim:
        """Follow rays to so many metres above (negative: below) the camera."""
        rotation, normal = self._pose.matrix, self._plane.normal
        directions = rotation @ rays.directions
        steepness = normal @ directions
        reach = rise / steepness
        slant = directions / steepness
        positions = self._pose.translation[:, None] + rise * slant
        # What a change of the direction does to the point: M = I - d n^T / (n d), times reach.
        turned = np.tensordot(rotation, rays.jacobians, 1)
        by_pixel = reach * (turned - slant[:, None] * np.tensordot(normal, turned, 1))
        return _Aim(directions, steepness, reach, positions, slant, turned, by_pixel)

    def _bias(self, aim: _Aim) -> Float64Array:
        """(N, 2, 2) covariance by the mounting: s^2 |d|^2 M M^T and M n (M n)^T."""
        normal, slant = self._plane.normal[:2, None], aim.slant[:2]
        turn = aim.reach**2 * (aim.directions**2).sum(0) * self._mounting.rotation**2
        lift = (normal - slant) * self._mounting.height
        (nx, ny), (sx, sy) = normal, slant
        xx = turn * (1 - 2 * sx * nx + sx * sx) + lift[0] * lift[0]
        xy = turn * (sx * sy - sx * ny - sy * nx) + lift[0] * lift[1]
        yy = turn * (1 - 2 * sy * ny + sy * sy) + lift[1] * lift[1]
        return symmetric(xx, xy, yy)

    def _by_feet(
        self,
        feet: _Aim,
        heads: _Aim,
        spread: Float64Array,
        person: PersonHeight,
        whole: NDArray[np.bool_],
    ) -> PersonPoints:
        """The feet's points, corrected by the height that ``whole`` boxes would mean.

        The errors are, in this order: centre x, centre y and height of the box; a person's height,
        three rotations and the height of the camera. Of the point they make ``a`` (2, 8, N), of the
        height that the head's ray has above it ``b`` (8, N): a Kalman update with a measurement
        that shares the state's errors.
        """
        normal = self._plane.normal[:, None]
        count = spread.shape[1]
        a, b, s = np.zeros((2, 8, count)), np.empty((8, count)), np.empty((8, count))
        s[:3], s[3] = spread, person.deviation**2
        s[4:7], s[7] = self._mounting.rotation**2, self._mounting.height**2
        a[:, :2] = feet.by_pixel[:2]
        a[:, 2] = 0.5 * a[:, 1]
        # A rotation w turns the direction by w x d, and the point moves by reach M (w x d).
        turn = _cross_matrices(-feet.directions)
        turn -= feet.slant[:, None] * (normal[:, :, None] * turn).sum(0)
        moved = feet.reach * turn
        lift = normal - feet.slant
        a[:, 4:7], a[:, 7] = moved[:2], lift[:2]
        # Above the point, the head's ray has come as far along the ground: scale times.
        along = feet.positions - self._pose.translation[:, None] + self.height * normal
        flat = heads.directions - heads.steepness * normal
        squared, cosine = (along**2).sum(0), (flat * along).sum(0)
        scale, rise = squared / cosine, heads.steepness / cosine
        implied = self.height + scale * heads.steepness
        by_point = rise * (2 * along - scale * flat)
        by_ray = scale * (normal - rise * along)
        by_feet = (by_point[:, None] * feet.by_pixel).sum(0)
        by_head = (by_ray[:, None] * heads.turned).sum(0)
        b[:2] = by_feet + by_head
        b[2] = 0.5 * (by_feet[1] - by_head[1])
        b[3] = -1.0
        b[4:7] = (by_point[:, None] * moved).sum(0)
        b[4:7] += np.cross(heads.directions, by_ray, axis=0)
        b[7] = 1.0 + (by_point * lift).sum(0)
        doubt = (s * b * b).sum(0)
        usable = whole & np.isfinite(doubt) & (doubt > 0) & (cosine > 0)
        # From straight above, a height does not show.
        usable &= squared >= _STEEP * (squared + self.height**2)
        residual = np.where(usable, implied - person.mean, 0.0)
        doubt = np.where(usable, doubt, 1.0)
        b = np.where(usable, b, 0.0)
        gain = (a * (s * b)).sum(1) / doubt
        left = a - gain[:, None] * b
        # Hidden feet or a child: as far as the head alone would place a grown-up.
        apart = heads.positions[:2] - person.mean * normal[:2] - feet.positions[:2]
        share = 1.0 - _DOUBTFUL / np.maximum(residual**2 / doubt, _DOUBTFUL)
        doubtful = (share > 0) & (_refusals(heads) == GroundRefusal.NONE)
        either = _congruence(
            np.where(doubtful, apart, 0.0)[:, None], np.where(doubtful, share, 0.0)[None]
        )
        # It lasts as long as the feet are hidden, yet images that show them count more.
        return PersonPoints(
            self._on_plane(feet.positions[:2] - gain * residual),
            _congruence(left[:, :3], s[:3]) + either,
            _refusals(feet),
            _congruence(left[:, 3:], s[3:]) + either,
            person.mean + s[3] / doubt * residual,
        )

    def _by_head(self, heads: _Aim, spread: Float64Array, person: PersonHeight) -> PersonPoints:
        """The points below where the heads' rays have a person's height."""
        # The upper edge is the centre less half of the height.
        variances = np.stack([spread[0], spread[1] + 0.25 * spread[2]])
        lean = heads.slant[:2] - self._plane.normal[:2, None]
        taller = _congruence(lean[:, None], np.full((1, spread.shape[1]), person.deviation**2))
        return PersonPoints(
            self._on_plane(heads.positions - person.mean * self._plane.normal[:, None]),
            _congruence(heads.by_pixel[:2], variances),
            _refusals(heads),
            self._bias(heads) + taller,
            np.full(spread.shape[1], person.mean),
        )

    def _on_plane(self, places: Float64Array) -> Float64Array:
        """(N, 3) points of the plane at (2 or more, N) x and y."""
        return self.on_plane(places[:2].T)


@dataclass(frozen=True)
class _Aim:
    """Rays in the target frame, followed to a plane above or below the camera."""

    directions: Float64Array  # (3, N)
    steepness: Float64Array  # (N,) of the directions along the normal
    reach: Float64Array  # (N,) directions to the plane
    positions: Float64Array  # (3, N)
    slant: Float64Array  # (3, N) way along the ray for one metre along the normal
    turned: Float64Array  # (3, 2, N) of the direction by the pixel
    by_pixel: Float64Array  # (3, 2, N) of the position by the pixel

    def take(self, rows: NDArray[np.bool_]) -> _Aim:
        return _Aim(*(getattr(self, entry.name)[..., rows] for entry in fields(self)))


def _refusals(aim: _Aim) -> NDArray[np.uint8]:
    refusals = np.zeros(len(aim.reach), np.uint8)
    met = (aim.reach > 0) & np.isfinite(aim.positions).all(0)
    refusals[~met] = GroundRefusal.ABOVE_HORIZON
    refusals[np.isnan(aim.directions).any(0)] = GroundRefusal.OUTSIDE_LENS
    return refusals


def _hidden_across(boxes: Float64Array, width: int) -> Float64Array:
    """(N,) variance of the centre's x where the image's sides cut a box."""
    cut = (boxes[:, 0] - boxes[:, 2] / 2 <= 0) | (boxes[:, 0] + boxes[:, 2] / 2 >= width - 1)
    return np.where(cut, (boxes[:, 2] / 4) ** 2, 0.0)


def _cross_matrices(vectors: Float64Array) -> Float64Array:
    """(3, 3, N) matrices M with M w = v x w, of (3, N) v."""
    matrices = np.zeros((3, 3, vectors.shape[1]))
    x, y, z = vectors
    matrices[0, 1], matrices[0, 2], matrices[1, 2] = -z, y, -x
    matrices[1, 0], matrices[2, 0], matrices[2, 1] = z, -y, x
    return matrices


def _congruence(jacobians: Float64Array, variances: Float64Array) -> Float64Array:
    """(N, 2, 2) J S J^T of (2, K, N) J and (K, N) the diagonal of S."""
    x, y = jacobians
    weighted = variances * x
    return symmetric((weighted * x).sum(0), (weighted * y).sum(0), (variances * y * y).sum(0))
