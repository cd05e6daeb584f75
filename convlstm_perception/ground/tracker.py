"""Tracks in pixels to tracks on the ground.

Two things say where somebody will be. The past places on the ground, from which the motion of the
camera itself is taken out, go on at their velocity. The trajectory in the image, which the networks
predict, is followed from pixel to ground, through where the camera will be. They are joined by
inverse variance; because both read the same boxes, the joined variance is that of errors that are
wholly dependent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.geometry import (
    GroundCamera,
    PersonHeight,
    PersonPoints,
    RigidTransform,
)
from convlstm_perception.geometry.covariance import parts, symmetric, turned, turned_states
from convlstm_perception.ground.closest_approach import closest_approach
from convlstm_perception.ground.past import GroundPast
from convlstm_perception.ground.planar_motion import PlanarMotion, PlanarPose
from convlstm_perception.types import Float32Array, Float64Array, GroundTracks, Tracks

# Standard deviations of (centre x, centre y, width, height), in box heights: as a track's constant
# velocity has them.
_BOX_NOISE = np.array([0.03, 0.03, 0.04, 0.04])
# Of what the camera's own motion does to a predicted pixel, so much may be missing in the networks'
# prediction, or twice in ours: they see the motion, and do not know it.
_MISSED_MOTION = 0.5
_NEVER_SEEN = "not yet located on the ground"


@dataclass(frozen=True)
class GroundView:
    """How a camera stood when an image was taken.

    Attributes:
        camera: above the ground of the target frame.
        frame_id: the target frame.
        image_size: width and height in pixels.
        pose: from the optical frame to the target frame.
        fixed_pose: from the target frame to one that stands still; None where that is not known.
    """

    camera: GroundCamera
    frame_id: str
    image_size: tuple[int, int]
    pose: RigidTransform
    fixed_pose: RigidTransform | None = None


class GroundTracker:
    """Follows one camera's tracks on the ground. Not thread-safe.

    Args:
        times: (H,) seconds of the trajectories.
        person: how tall people are.
    """

    def __init__(self, times: Float32Array, person: PersonHeight) -> None:
        self._times, self._person = times.astype(np.float64), person
        self._past = GroundPast()
        self._frame_motion, self._camera_motion = PlanarMotion(), PlanarMotion()
        self._frames: tuple[str, bool] | None = None
        # By track: covariance of what stays wrong, and height.
        self._lasting: dict[int, tuple[Float64Array, float]] = {}

    def reset(self) -> None:
        """Forget everybody, and the motion."""
        self._past.clear()
        self._lasting.clear()
        self._frame_motion.clear()
        self._camera_motion.clear()

    def update(self, tracks: Tracks, stamp_ns: int, view: GroundView) -> GroundTracks:
        """The tracks of an image on the ground.

        Args:
            tracks: of the image.
            stamp_ns: of the image; newer than the last one's.
            view: how the camera stood.
        """
        frames = view.frame_id, view.fixed_pose is not None
        if self._frames not in (None, frames):
            self.reset()  # the past is in another frame
        self._frames = frames
        fixed_pose = view.fixed_pose or RigidTransform.identity()
        frame = PlanarPose.of(fixed_pose)
        self._frame_motion.see(stamp_ns, frame)
        self._camera_motion.see(stamp_ns, PlanarPose.of(fixed_pose @ view.pose))
        self._past.keep(tracks.ids)
        points = self._look(tracks, stamp_ns, view, frame)
        state = self._past.state(tracks.ids, stamp_ns)
        straight, straight_covariances = state.ahead(self._times)
        seen, seen_covariances = self._seen_ahead(tracks, view, frame)
        paths, path_covariances = _join(straight, straight_covariances, seen, seen_covariances)
        bias = np.array(
            [self._lasting[i][0] if i in self._lasting else np.zeros((2, 2)) for i in tracks.ids]
        ).reshape(-1, 2, 2)
        heights = [self._lasting[i][1] if i in self._lasting else np.nan for i in tracks.ids]
        # From the frame that stands still to the target frame, as it is now.
        back = frame.rotation.T
        positions = (state.positions - frame.position) @ back.T
        velocities = state.velocities @ back.T
        frame_velocity, _ = self._frame_motion.twist()
        closest_times, closest_distances = closest_approach(
            positions, velocities - back @ frame_velocity
        )
        covariances = turned_states(state.covariances, back)
        covariances[:, :2, :2] += bias
        known = np.isfinite(positions).all(-1)
        return GroundTracks(
            frame_id=view.frame_id,
            reason="",
            compensated=view.fixed_pose is not None,
            reasons=tuple(
                "" if there else (points.reason(row) or _NEVER_SEEN)
                for row, there in enumerate(known.tolist())
            ),
            positions=view.camera.on_plane(positions),
            velocities=velocities,
            covariances=covariances,
            heights=np.array(heights, np.float64),
            paths=view.camera.on_plane((paths - frame.position) @ back.T),
            path_covariances=turned(path_covariances, back) + bias[:, None],
            closest_times=closest_times,
            closest_distances=closest_distances,
        )

    def _look(
        self, tracks: Tracks, stamp_ns: int, view: GroundView, frame: PlanarPose
    ) -> PersonPoints:
        """Locate the people, and remember where those stood that were detected."""
        boxes = tracks.boxes.astype(np.float64)
        variances = (_BOX_NOISE * boxes[:, 3:4]) ** 2
        points = view.camera.locate(boxes, variances, view.image_size, self._person)
        rows = np.flatnonzero(points.valid & ~tracks.coasting)
        ids = tracks.ids[rows]
        rotation = frame.rotation
        self._past.see(
            ids,
            stamp_ns,
            points.positions[rows, :2] @ rotation.T + frame.position,
            turned(points.noise[rows], rotation),
        )
        lasting = {i: self._lasting[i] for i in tracks.ids.tolist() if i in self._lasting}
        for row, identity in zip(rows.tolist(), ids.tolist(), strict=True):
            lasting[identity] = points.bias[row], float(points.heights[row])
        self._lasting = lasting
        return points

    def _seen_ahead(
        self, tracks: Tracks, view: GroundView, frame: PlanarPose
    ) -> tuple[Float64Array, Float64Array]:
        """The trajectories in the image on the ground, in the frame that stands still.

        Returns:
            (N, H, 2) positions, NaN where they miss the ground, and (N, H, 2, 2) covariances.
        """
        boxes = tracks.trajectories.boxes.reshape(-1, 4).T.astype(np.float64)
        variances = tracks.trajectories.variances.reshape(-1, 4).T.astype(np.float64)
        points = view.camera.locate_pixels(
            np.stack([boxes[0], boxes[1] + boxes[3] / 2], -1),
            np.stack([variances[0], variances[1] + variances[3] / 4], -1),
        )
        shape = len(tracks), len(self._times)
        # Those are as if the camera stayed where it is; it will have moved.
        rotations, translations = self._camera_motion.ahead(self._times)
        still = points.positions[:, :2] @ frame.rotation.T + frame.position
        x, y = still.T.reshape(2, *shape)
        r = rotations.transpose(1, 2, 0)[:, :, None]  # (2, 2, 1, H)
        moved_x = r[0, 0] * x + r[0, 1] * y + translations[:, 0]
        moved_y = r[1, 0] * x + r[1, 1] * y + translations[:, 1]
        missed = _MISSED_MOTION**2 * ((moved_x - x) ** 2 + (moved_y - y) ** 2)
        # Both rotations at once.
        noise = turned(
            points.noise.reshape(*shape, 2, 2), (rotations @ frame.rotation).transpose(1, 2, 0)
        )
        noise[..., 0, 0] += missed
        noise[..., 1, 1] += missed
        return np.stack([moved_x, moved_y], -1), noise


def _join(
    first: Float64Array,
    first_covariances: Float64Array,
    second: Float64Array,
    second_covariances: Float64Array,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean weighted by inverse covariance; ``first`` alone where ``second`` is not known.

    Args:
        first, second: (..., 2).
        first_covariances, second_covariances: (..., 2, 2).
    """
    a, b, c = parts(first_covariances)
    p, q, r = parts(second_covariances)
    sum_a, sum_b, sum_c = a + p, b + q, c + r
    determinant = sum_a * sum_c - sum_b * sum_b
    change_x, change_y = second[..., 0] - first[..., 0], second[..., 1] - first[..., 1]
    # The gain G = C1 (C1 + C2)^-1.
    known = np.isfinite(determinant) & (determinant > 0) & np.isfinite(change_x)
    scale = np.where(known, 1.0 / np.where(known, determinant, 1.0), 0.0)
    sum_a, sum_b, sum_c, change_x, change_y = (
        np.where(known, part, 0.0) for part in (sum_a, sum_b, sum_c, change_x, change_y)
    )
    gain_xx, gain_xy = (a * sum_c - b * sum_b) * scale, (b * sum_a - a * sum_b) * scale
    gain_yx, gain_yy = (b * sum_c - c * sum_b) * scale, (c * sum_a - b * sum_b) * scale
    mean = np.stack(
        [
            first[..., 0] + gain_xx * change_x + gain_xy * change_y,
            first[..., 1] + gain_yx * change_x + gain_yy * change_y,
        ],
        -1,
    )
    # Twice the covariance of independent errors, (I - G) C1.
    twice = np.where(known, 2.0, 1.0)
    joined = symmetric(
        twice * (a - gain_xx * a - gain_xy * b),
        twice * (b - gain_xx * b - gain_xy * c),
        twice * (c - gain_yx * b - gain_yy * c),
    )
    return mean, joined
