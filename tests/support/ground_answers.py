"""People on a ground plane and answers in metres that are made by hand, for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlstm_perception.data.sequence import FrameTruth
from convlstm_perception.evaluation.answered import AnsweredSequence
from convlstm_perception.evaluation.ground.sequence import GroundedSequence, GroundPaths
from convlstm_perception.geometry import GroundCamera, GroundPlane, pose_above_ground
from convlstm_perception.geometry.lens import PinholeLens
from convlstm_perception.ground import GroundView
from convlstm_perception.types import GroundTracks
from tests.support.answers import FRAME_RATE, TIMES, answer

SIZE = (1280, 720)
POSE = pose_above_ground(8.0, 0.5, 0.0)  # x ahead, z up, 8 m high
CAMERA = GroundCamera(
    PinholeLens(np.array([[700.0, 0, 640], [0, 700, 360], [0, 0, 1]]), np.zeros(5)),
    POSE,
    GroundPlane.of(),
)
VIEW = GroundView(CAMERA, "world", SIZE, POSE)
PERSON = 1.7  # metres

Way = Callable[[float], tuple[float, float]]


def straight(x: float, y: float, along_x: float, along_y: float) -> Way:
    """From (x, y) at a velocity in m/s."""
    return lambda seconds: (x + along_x * seconds, y + along_y * seconds)


def box_at(place: ArrayLike) -> NDArray[np.float64]:
    """(4,) box of a person whose foot, the middle of its lower edge, is at (x, y)."""
    x, y = np.asarray(place, np.float64)
    (u, low), (_, top) = CAMERA.pixels(np.array([[x, y, 0.0], [x, y, PERSON]]))
    return np.array([u, (low + top) / 2, 0.4 * (low - top), low - top])


def annotated(people: Mapping[int, Way], frames: int) -> dict[int, FrameTruth]:
    return {
        frame: FrameTruth(
            np.array(sorted(people), np.int64),
            np.array(
                [box_at(people[identity](frame / FRAME_RATE)) for identity in sorted(people)],
                np.float32,
            ).reshape(-1, 4),
        )
        for frame in range(frames)
    }


def answered(people: Mapping[int, Way], frames: int) -> AnsweredSequence:
    """Every person's box and its future as annotated; track id 100 above the person's."""
    truths, results = annotated(people, frames), []
    for frame in range(frames):
        now = frame / FRAME_RATE
        future = [
            [box_at(people[identity](now + time)) for time in TIMES] for identity in sorted(people)
        ]
        results.append(
            answer(
                frame,
                [100 + identity for identity in sorted(people)],
                truths[frame].boxes,
                future=np.array(future).reshape(len(people), len(TIMES), 4),
            )
        )
    return AnsweredSequence("ground", truths, results, FRAME_RATE)


def grounded(
    people: Mapping[int, Way],
    frames: int,
    *,
    place_offset: ArrayLike = (0.0, 0.0),
    path_offset: ArrayLike = (0.0, 0.0),
    velocities: Mapping[int, ArrayLike] | None = None,
    path_covariances: ArrayLike = ((0.01, 0.0), (0.0, 0.01)),
    unlocated: Callable[[int], bool] = lambda frame: False,
) -> GroundedSequence:
    """Tracks that are where people are and know where they go, but for what is changed.

    Args:
        place_offset, path_offset: (2,) metres by which all published places and paths are off.
        velocities: by person, published in all frames; (1, 0) for the others.
        path_covariances: (2, 2), or (H, 2, 2), of every path.
        unlocated: of frame numbers, in which no track has a place.
    """
    sequence = answered(people, frames)
    ids = sorted(people)
    count, horizons = len(ids), len(TIMES)
    speeds = np.array([(velocities or {}).get(identity, (1.0, 0.0)) for identity in ids], float)
    tracks = []
    for frame in range(frames):
        if unlocated(frame):
            tracks.append(GroundTracks.unknown(count, horizons, "hidden", "world"))
            continue
        now = frame / FRAME_RATE
        places = np.array([people[identity](now) for identity in ids], float).reshape(-1, 2)
        paths = np.array([[people[i](now + float(t)) for t in TIMES] for i in ids], float)
        paths = paths.reshape(count, horizons, 2)
        tracks.append(
            GroundTracks(
                frame_id="world",
                reason="",
                compensated=False,
                reasons=("",) * count,
                positions=CAMERA.on_plane(places + np.asarray(place_offset)),
                velocities=speeds.reshape(-1, 2),
                covariances=np.tile(0.01 * np.eye(4), (count, 1, 1)),
                heights=np.full(count, PERSON),
                paths=CAMERA.on_plane(paths + np.asarray(path_offset)),
                path_covariances=np.broadcast_to(
                    np.asarray(path_covariances, float), (count, horizons, 2, 2)
                ),
                closest_times=np.zeros(count),
                closest_distances=np.zeros(count),
            )
        )
    paths = GroundPaths(sequence, CAMERA)
    return GroundedSequence(sequence, lambda frame: CAMERA, paths, tracks)
