"""Every track on the ground that matches an annotated person, beside where that person is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.evaluation.answered import values_at
from convlstm_perception.evaluation.displacements import (
    HORIZONS,
    PastPlaces,
    by_model,
    displacements,
)
from convlstm_perception.evaluation.ground.sequence import GroundedSequence, foot_places
from convlstm_perception.evaluation.matching import match_boxes
from convlstm_perception.types import GroundTracks, Int64Array

BASELINES = ("constant_velocity", "constant_velocity_raw")
GROUND_MODELS = ("model", *BASELINES, "published_velocity")

_AROUND = np.array([-0.5, 0.5])  # seconds around a frame over which a person's speed is taken


@dataclass(frozen=True)
class GroundSamples:
    """One row per published track with a place on the ground, that matches a person in a frame.

    The models: ``model`` is the published path. ``constant_velocity`` moves the published place at
    the least-squares slope of the same track's published places over the last second, present
    included (over what there is, where the track is younger). ``constant_velocity_raw`` does the
    same with the feet of the track's published boxes, each brought to the ground by itself. A track
    with a single place stands still in both. ``published_velocity`` moves the published place at
    the published velocity: the tracker's smoothing without the networks' trajectories, to tell how
    much of the gain is whose.

    Attributes:
        unlocated: how many tracks matched a person, but had no place on the ground.
        frames: (S,) frame numbers.
        people: (S,) identities in the annotation.
        tracks: (S,) track ids.
        position_errors: (S,) distance of the published place from the person's, in metres.
        speeds: (S,) published, in m/s.
        true_speeds: (S,) of the annotated person, over the second around the frame, in m/s; NaN
            where they are not annotated at both of its ends.
        horizons: (K,) seconds.
        average: by model, (S, K) mean distance over the trajectory's times up to the horizon, in
            metres; NaN, for all models, where the horizon cannot be checked for one.
        final: by model, (S, K) distance at the horizon in metres; NaN likewise.
        offsets: (S, K, 2) the published path less the person's place, in metres.
        covariances: (S, K, 2, 2) published with that path, in square metres.
    """

    unlocated: int
    frames: Int64Array
    people: Int64Array
    tracks: Int64Array
    position_errors: NDArray[np.float64]
    speeds: NDArray[np.float64]
    true_speeds: NDArray[np.float64]
    horizons: NDArray[np.float64]
    average: Mapping[str, NDArray[np.float64]]
    final: Mapping[str, NDArray[np.float64]]
    offsets: NDArray[np.float64]
    covariances: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True)
class _Row:
    frame: int
    person: int
    track: int
    position_error: float
    speed: float
    true_speed: float
    average: NDArray[np.float64]  # (models, K)
    final: NDArray[np.float64]  # (models, K)
    offset: NDArray[np.float64]  # (K, 2)
    covariance: NDArray[np.float64]  # (K, 2, 2)


def ground_samples(grounded: GroundedSequence) -> GroundSamples:
    """Compare every published track that matches a person with where that person is and goes.

    Tracks and people are matched one-to-one by their boxes in the present frame, at overlap 0.5. A
    horizon is checked where the path reaches it and the person is annotated at it and at all of
    the path's times before it.
    """
    found = list(_rows(grounded))
    rows = [row for row in found if row is not None]
    return GroundSamples(
        unlocated=len(found) - len(rows),
        frames=np.array([row.frame for row in rows], np.int64),
        people=np.array([row.person for row in rows], np.int64),
        tracks=np.array([row.track for row in rows], np.int64),
        position_errors=np.array([row.position_error for row in rows], np.float64),
        speeds=np.array([row.speed for row in rows], np.float64),
        true_speeds=np.array([row.true_speed for row in rows], np.float64),
        horizons=np.array(HORIZONS),
        average=by_model(GROUND_MODELS, [row.average for row in rows]),
        final=by_model(GROUND_MODELS, [row.final for row in rows]),
        offsets=np.array([row.offset for row in rows]).reshape(len(rows), len(HORIZONS), 2),
        covariances=np.array([row.covariance for row in rows]).reshape(
            len(rows), len(HORIZONS), 2, 2
        ),
    )


def _rows(grounded: GroundedSequence) -> Iterator[_Row | None]:
    """One for each match; None for a track without a place."""
    sequence, paths = grounded.sequence, grounded.paths
    published, raw = PastPlaces(sequence.frame_rate), PastPlaces(sequence.frame_rate)
    for frame, (result, ground) in enumerate(zip(sequence.results, grounded.tracks, strict=True)):
        tracks, places = result.tracks, ground.positions[:, :2]
        feet = foot_places(grounded.camera_at(frame), tracks.boxes)
        for past, points in ((published, places), (raw, feet)):
            known = np.isfinite(points).all(-1)
            past.add(frame, tracks.ids[known], points[known])
        truth = sequence.truths.get(frame)
        if truth is None or len(tracks) == 0:
            continue
        steps = tracks.trajectories.times.astype(np.float64)
        seconds = np.concatenate([steps, HORIZONS])
        for person, track in zip(*match_boxes(truth.boxes, tracks.boxes), strict=True):
            if not ground.valid[track]:
                yield None
                continue
            identity, somebody = int(tracks.ids[track]), int(truth.ids[person])
            actual = paths.places(somebody, frame, seconds)
            ahead, covariance = _published(ground, int(track), tracks.trajectories.times, seconds)
            predicted = [
                ahead,
                places[track] + seconds[:, None] * published.velocity(identity),
                feet[track] + seconds[:, None] * raw.velocity(identity),
                places[track] + seconds[:, None] * ground.velocities[track],
            ]
            average, final = displacements(np.stack(predicted), actual, steps)
            before, here, after = paths.places(somebody, frame, [_AROUND[0], 0.0, _AROUND[1]])
            yield _Row(
                frame,
                somebody,
                identity,
                float(np.linalg.norm(places[track] - here)),
                float(ground.speeds[track]),
                float(np.linalg.norm(after - before) / np.ptp(_AROUND)),
                average,
                final,
                (ahead - actual)[len(steps) :],
                covariance,
            )


def _published(
    ground: GroundTracks, row: int, times: NDArray[np.float32], seconds: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One track's path at (T,) seconds: (T, 2); and (K, 2, 2) its covariances at the horizons."""
    only = np.array([row])
    path = values_at(times, ground.positions[only, :2], ground.paths[only, :, :2], seconds)[0]
    now = ground.covariances[only, :2, :2].reshape(1, 4)
    later = ground.path_covariances[only].reshape(1, -1, 4)
    covariances = values_at(times, now, later, np.array(HORIZONS))
    return path, covariances.reshape(len(HORIZONS), 2, 2)
