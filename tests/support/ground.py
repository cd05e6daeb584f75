"""People on the ground before a camera, and the boxes in which it would see them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.geometry import (
    GroundCamera,
    GroundPlane,
    RigidTransform,
    pose_above_ground,
)
from convlstm_perception.geometry.lens import PinholeLens
from convlstm_perception.types import Tracks, Trajectories

WIDTH, HEIGHT = 1280, 720
K = np.array([[900.0, 0.0, 640.0], [0.0, 900.0, 360.0], [0.0, 0.0, 1.0]])
TIMES = np.arange(0.5, 3.01, 0.5, np.float32)
LENS = PinholeLens(K, np.zeros(5))
POSE = pose_above_ground(1.8, 0.12, 0.0)
PERSON = 1.7  # metres
RATE = 10.0  # images a second
PERIOD_NS = 100_000_000

Places = NDArray[np.float64]


def camera_at(pose: RigidTransform = POSE) -> GroundCamera:
    """The camera, with exactly known mounting."""
    return GroundCamera(LENS, pose, GroundPlane.of())


def boxes_of(places: Places, camera: GroundCamera | None = None) -> NDArray[np.float32]:
    """(..., 4) boxes of people at (..., 2) places in the target frame."""
    camera = camera or camera_at()
    shape = places.shape[:-1]
    feet = camera.on_plane(places.reshape(-1, 2))
    low, top = camera.pixels(feet), camera.pixels(feet + np.array([0.0, 0.0, PERSON]))
    tall = low[:, 1] - top[:, 1]
    boxes = np.stack([low[:, 0], (low[:, 1] + top[:, 1]) / 2, 0.4 * tall, tall], -1)
    return boxes.reshape(*shape, 4).astype(np.float32)


def tracks_of(
    boxes: NDArray[np.float32],
    futures: NDArray[np.float32],
    deviation: float = 4.0,
    ids: Sequence[int] | None = None,
    coasting: bool = False,
) -> Tracks:
    """Tracks with (N, 4) boxes and (N, H, 4) future boxes, of one deviation in pixels."""
    count = len(boxes)
    return Tracks(
        ids=np.array(range(1, count + 1) if ids is None else ids, np.int64),
        boxes=boxes,
        scores=np.full(count, 0.9, np.float32),
        coasting=np.full(count, coasting),
        trajectories=Trajectories(TIMES, futures, np.full_like(futures, deviation**2)),
    )
