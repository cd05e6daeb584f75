"""How long it takes to bring tracks to the ground, on one core.

    python benchmarks/ground_geometry.py [--tracks 64] [--steps 30] [--json]

For each lens: the future feet of all tracks with their covariances (``path``), the people where
they stand now, feet and heads joined (``now``), and everything that is done for an image with two
seconds of past (``update``). Beside them, of the same feet, OpenCV's inverse of the distortion
alone: no ground, no covariance, and coarser.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is there

import cv2
import numpy as np
from numpy.typing import NDArray

from convlstm_perception.geometry import (
    GroundCamera,
    GroundPlane,
    Lens,
    Mounting,
    PersonHeight,
    RigidTransform,
    pose_above_ground,
)
from convlstm_perception.geometry.lens import FisheyeLens, PinholeLens
from convlstm_perception.ground import GroundTracker, GroundView
from convlstm_perception.types import Tracks, Trajectories

SIZE = (1280, 720)
K = np.array([[900.0, 0.0, 640.0], [0.0, 900.0, 360.0], [0.0, 0.0, 1.0]])
WIDE_K = K / np.array([[2.0], [2.0], [1.0]]) + np.array([[0, 0, 320.0], [0, 0, 180.0], [0, 0, 0]])
PLUMB_BOB = np.array([-0.3, 0.1, 0.001, -0.002, -0.01])
RATIONAL = np.array([0.5, 0.1, 0.001, -0.002, 0.01, 0.8, 0.2, 0.01])
EQUIDISTANT = np.array([-0.02, 0.005, -0.001, 0.0002])
LENSES: dict[str, Lens] = {
    "no distortion": PinholeLens(K, np.zeros(5)),
    "plumb_bob": PinholeLens(K, PLUMB_BOB),
    "rational_polynomial": PinholeLens(K, RATIONAL),
    "equidistant": FisheyeLens(WIDE_K, EQUIDISTANT),
}
REPEATS = 300
IMAGES = 90  # of three seconds: the past is full


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tracks", type=int, default=64)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    figures = {
        name: measure(lens, arguments.tracks, arguments.steps) for name, lens in LENSES.items()
    }
    figures["plumb_bob"]["opencv undistortPoints"] = opencv(arguments.tracks, arguments.steps)
    result = {
        "tracks": arguments.tracks,
        "steps": arguments.steps,
        "load": os.getloadavg()[0],
        "ms": figures,
    }
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    print(f"{arguments.tracks} tracks, {arguments.steps} steps, median ms on one core")
    for name, parts in figures.items():
        print(f"  {name:20}", "  ".join(f"{part} {ms:.2f}" for part, ms in parts.items()))


def measure(lens: Lens, tracks: int, steps: int) -> dict[str, float]:
    """Milliseconds by part."""
    pose = pose_above_ground(1.8, 0.12, 0.0)
    camera = GroundCamera(lens, pose, GroundPlane.of(), Mounting(0.01, 0.02))
    people = some_people(tracks, steps)
    boxes = people.boxes.astype(np.float64)
    feet, spread = future_feet(people)
    follower = GroundTracker(people.trajectories.times, PersonHeight())
    view = GroundView(camera, "base_link", SIZE, pose, RigidTransform.identity())
    stamps = iter(range(0, 10**15, 33_333_333))

    def update() -> None:
        follower.update(people, next(stamps), view)

    for _ in range(IMAGES):
        update()
    return {
        "path": median_ms(lambda: camera.locate_pixels(feet, spread)),
        "now": median_ms(lambda: camera.locate(boxes, np.full_like(boxes, 9.0), SIZE)),
        "update": median_ms(update),
    }


def opencv(tracks: int, steps: int) -> float:
    """Milliseconds of OpenCV's inverse of plumb_bob, with as many iterations as it needs to be
    right to a thousandth of a pixel here."""
    feet, _ = future_feet(some_people(tracks, steps))
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 20, 1e-6)
    return median_ms(
        lambda: cv2.undistortPointsIter(feet[:, None], K, PLUMB_BOB, np.eye(3), K, criteria)
    )


def some_people(tracks: int, steps: int) -> Tracks:
    """Boxes all over the lower half of the image, and futures beside them."""
    rng = np.random.default_rng(1)
    heights = rng.uniform(80, 200, tracks)
    boxes = np.stack(
        [rng.uniform(200, 1000, tracks), rng.uniform(400, 480, tracks), 0.4 * heights, heights], -1
    )
    times = np.linspace(3 / steps, 3, steps, dtype=np.float32)
    drift = rng.normal(0, [20, 4, 0, 0], (tracks, 4))
    futures = boxes[:, None] + times[:, None] * drift[:, None]
    return Tracks(
        np.arange(1, tracks + 1),
        boxes.astype(np.float32),
        np.full(tracks, 0.9, np.float32),
        np.zeros(tracks, np.bool_),
        Trajectories(times, futures.astype(np.float32), np.full(futures.shape, 9.0, np.float32)),
    )


def future_feet(people: Tracks) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N * H, 2) pixels and variances."""
    boxes = people.trajectories.boxes.reshape(-1, 4).astype(np.float64)
    feet = np.stack([boxes[:, 0], boxes[:, 1] + boxes[:, 3] / 2], -1)
    return feet, np.full_like(feet, 9.0)


def median_ms(work: Callable[[], object]) -> float:
    """Of many repeats."""
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return round(1e3 * float(np.median(seconds)), 3)


if __name__ == "__main__":
    main()
