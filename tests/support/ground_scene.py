"""A generated scene whose people stand at known places on the ground, and exact answers to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from convlstm_perception.data.walking_figure import (
    CLOTHES,
    SKIN,
    TROUSERS,
    Look,
    draw_figure,
    draw_shadow,
)
from convlstm_perception.geometry import (
    CameraModel,
    GroundCamera,
    GroundPlane,
    RigidTransform,
    lens_of,
    pose_above_ground,
)
from convlstm_perception.ground.closest_approach import closest_approach
from convlstm_perception.types import (
    Detections,
    GroundTracks,
    PerceptionResult,
    Tracks,
    Trajectories,
)

TIMES = np.arange(1, 7, dtype=np.float32) / 2  # 0.5 s to 3 s
TALL = 1.72  # metres


@dataclass(frozen=True)
class Walker:
    """Somebody who goes straight on.

    Attributes:
        start: (x, y) at frame 0 in metres; x ahead of the camera, y to its left.
        velocity: (x, y) in m/s.
    """

    start: tuple[float, float]
    velocity: tuple[float, float]

    def at(self, seconds: float) -> tuple[float, float]:
        (x, y), (u, v) = self.start, self.velocity
        return x + u * seconds, y + v * seconds


class GroundScene:
    """A level camera above a paved place, with people who walk there; ids count from 1.

    Args:
        walkers: the people.
        width, height: of the images in pixels.
        rate: frames a second.
    """

    def __init__(
        self, walkers: Sequence[Walker], width: int = 320, height: int = 180, rate: float = 10.0
    ) -> None:
        self.walkers, self.width, self.height, self.rate = walkers, width, height, rate
        focal = 0.62 * width
        k = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])
        self.model = CameraModel(
            width, height, k, "plumb_bob", np.zeros(4), np.eye(3), np.hstack([k, np.zeros((3, 1))])
        )
        self.pose: RigidTransform = pose_above_ground(1.5, 0.12, 0.0)
        self.camera = GroundCamera(lens_of(self.model), self.pose, GroundPlane.of())
        self._background = self._paved()

    def image(self, index: int) -> np.ndarray:
        """(height, width, 3) uint8, blue, green, red."""
        canvas, seconds = self._background.copy(), index / self.rate
        for number, walker in sorted(
            enumerate(self.walkers), key=lambda entry: -entry[1].at(seconds)[0]
        ):
            x, foot, tall = self._figure(walker.at(seconds))
            if not math.isfinite(tall):
                continue
            sideways, ahead = -walker.velocity[1], abs(walker.velocity[0])
            facing = sideways / max(math.hypot(sideways, ahead), 1e-6)
            swing = math.sin(6.0 * seconds + 1.7 * number)
            look = Look(
                skin=SKIN[number % len(SKIN)],
                clothes=CLOTHES[(2 * number + 1) % len(CLOTHES)],
                trousers=TROUSERS[number % len(TROUSERS)],
            )
            draw_shadow(canvas, x, foot, tall)
            draw_figure(canvas, look, x, foot, tall, facing, swing)
        noise = np.random.default_rng(index).normal(0.0, 2.0, canvas.shape)
        return np.clip(canvas + noise, 0, 255).astype(np.uint8)

    def answer(self, index: int) -> PerceptionResult:
        """The truth, as if the pipeline had found it."""
        seconds, count = index / self.rate, len(self.walkers)
        boxes = self._boxes(seconds)
        future = np.stack([self._boxes(seconds + float(time)) for time in TIMES], 1)
        variances = np.full_like(future, (0.02 * self.height) ** 2)
        trajectories = Trajectories(TIMES, future, variances)
        scores = np.linspace(0.97, 0.72, count).astype(np.float32)
        tracks = Tracks(np.arange(1, count + 1), boxes, scores, np.zeros(count, bool), trajectories)
        return PerceptionResult(
            stamp_ns=10**12 + round(seconds * 1e9),
            frame_id="camera",
            detections=Detections(boxes, scores, trajectories),
            tracks=tracks,
            valid_slots=8,
            ground=self._ground(seconds),
        )

    def _ground(self, seconds: float) -> GroundTracks:
        count = len(self.walkers)
        places = np.array([walker.at(seconds) for walker in self.walkers]).reshape(-1, 2)
        velocities = np.array([walker.velocity for walker in self.walkers]).reshape(-1, 2)
        paths = places[:, None] + TIMES[:, None].astype(np.float64) * velocities[:, None]
        covariances = np.zeros((count, 4, 4))
        covariances[:, 0, 0], covariances[:, 1, 1] = 0.2**2, 0.1**2
        covariances[:, 2, 2] = covariances[:, 3, 3] = 0.15**2
        times = TIMES.astype(np.float64)
        growth = (times**2)[None, :, None, None] * covariances[:, None, 2:, 2:]
        closest_times, closest_distances = closest_approach(places, velocities)
        level = np.zeros((*paths.shape[:2], 1))
        return GroundTracks(
            frame_id="base_link",
            reason="",
            compensated=True,
            reasons=("",) * count,
            positions=np.hstack([places, np.zeros((count, 1))]),
            velocities=velocities,
            covariances=covariances,
            heights=np.full(count, TALL),
            paths=np.concatenate([paths, level], -1),
            path_covariances=covariances[:, None, :2, :2] + growth,
            closest_times=closest_times,
            closest_distances=closest_distances,
        )

    def _figure(self, place: tuple[float, float]) -> tuple[float, float, float]:
        """Column, row of the feet and height in pixels; NaN behind the camera."""
        x, y = place
        foot, head = self.camera.pixels(np.array([[x, y, 0.0], [x, y, TALL]]))
        return float(foot[0]), float(foot[1]), float(foot[1] - head[1])

    def _boxes(self, seconds: float) -> np.ndarray:
        figures = [self._figure(walker.at(seconds)) for walker in self.walkers]
        rows = [(x, foot - tall / 2, 0.4 * tall, tall) for x, foot, tall in figures]
        return np.array(rows, np.float32).reshape(-1, 4)

    def _paved(self) -> np.ndarray:
        rows = np.linspace(0.0, 1.0, self.height)[:, None, None]
        canvas = np.array([214.0, 205.0, 196.0]) - 30.0 * rows * np.ones((1, self.width, 3))
        horizon = int(self.camera.pixels(np.array([[1e6, 0.0, 0.0]]))[0, 1])
        light = np.linspace(0.86, 1.06, self.height - horizon)[:, None, None]
        canvas[horizon:] = np.array([140.0, 146.0, 149.0]) * light
        canvas[horizon - self.height // 12 : horizon] = (98.0, 122.0, 108.0)
        near, far = 1.2, 80.0
        joints = [((near, y), (far, y)) for y in range(-60, 61)]
        joints += [((x, -90.0), (x, 90.0)) for x in range(2, int(far))]
        for ends in joints:
            pixels = self.camera.pixels(np.array([[*end, 0.0] for end in ends]))
            if np.isfinite(pixels).all():
                first, last = np.round(pixels * 16).astype(int).tolist()
                cv2.line(canvas, first, last, (118.0, 123.0, 126.0), 1, cv2.LINE_AA, 4)
        return canvas.astype(np.uint8)
