"""Detections to tracks, with predicted trajectories as the motion model.

Each track carries its last predicted trajectory, the network's joined with the forecast of the
track's past boxes; interpolated to a new frame's stamp it says where the pedestrian should be.
Detections are assigned in two passes by score, as in ByteTrack (Zhang et al. 2022): certain ones
first, then uncertain ones to the tracks that are left. Where people cross or come back, their
appearance (see :mod:`convlstm_perception.stream.appearance`) tells them apart, as in DeepSORT
(Wojke et al. 2017).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.boxes import pairwise_iou
from convlstm_perception.stream.appearance import describe
from convlstm_perception.stream.association import assign
from convlstm_perception.stream.forecast import TrackForecaster, TrackPast
from convlstm_perception.stream.kinematics import fuse
from convlstm_perception.stream.settings import TrackerSettings
from convlstm_perception.types import (
    NANOSECONDS_PER_SECOND,
    Detections,
    Float32Array,
    Image,
    Tracks,
    Trajectories,
)

_SCORE_HALF_LIFE = 0.25  # seconds in which the score of a coasting track halves
_APPEARANCE_RATE = 0.1  # share of the newest detection in a track's appearance
_ALONE = 0.1  # overlap up to which a box shows one person only


@dataclass
class _Track:
    id: int
    hits: int
    score: float
    stamp_ns: int  # of the detection it was last matched to
    certain_ns: int  # stamp of the last one that could have begun it
    box: Float32Array  # (4,) then
    future: Float32Array  # (H, 4) predicted then
    variance: Float32Array  # (H, 4)
    appearance: Float32Array  # (D,) of the detections so far, of newer ones more
    # Stamps and boxes of the detections it was matched to, newest first.
    past: deque[tuple[int, Float32Array]] = field(default_factory=deque)

    def extrapolated(self, times: Float32Array, ages: Float32Array) -> Float32Array:
        """(len(ages), 4) boxes at seconds after the last match, straight on past the horizon."""
        knots = np.concatenate([[0.0], times])
        values = np.concatenate([self.box[None], self.future])
        return _interpolate(knots, values, ages)


class Tracker:
    """Follows the pedestrians of one camera.

    Args:
        settings: how detections become tracks.
        times: (H,) seconds of the horizons.
        detection_threshold: score from which a detection may begin a track.
        forecaster: of tracks from their past boxes, at the same horizons.
        low_threshold: score from which a detection may continue a track.
    """

    def __init__(
        self,
        settings: TrackerSettings,
        times: Float32Array,
        detection_threshold: float,
        forecaster: TrackForecaster,
        low_threshold: float = 0.0,
    ) -> None:
        self._settings, self._times, self._forecaster = settings, times, forecaster
        self._detection_threshold, self._low_threshold = detection_threshold, low_threshold
        self._tracks: list[_Track] = []
        self._next_id = 1

    def reconfigure(
        self, settings: TrackerSettings, detection_threshold: float, low_threshold: float
    ) -> None:
        """Go on with the same tracks under other settings; see the class for what they are."""
        self._settings = settings
        self._detection_threshold, self._low_threshold = detection_threshold, low_threshold

    def reset(self) -> None:
        """Drop every track. Ids go on: none is ever used twice."""
        self._tracks.clear()

    def update(self, detections: Detections, stamp_ns: int, image: Image | None = None) -> Tracks:
        """Match a frame's detections and return the confirmed tracks.

        Args:
            detections: sorted by falling score.
            stamp_ns: of the frame; newer than the last update's.
            image: (height, width, 3) uint8 BGR frame that the boxes are in. None, as where boxes
                come without images: everybody looks alike. All updates have one or none has.
        """
        detections = detections.take(np.flatnonzero(detections.scores >= self._low_threshold))
        if image is None:
            appearances = np.ones((len(detections), 1), np.float32)
        else:
            appearances = describe(image, detections.boxes)
        predicted = self._predict(stamp_ns)
        similarity = self._similarity(appearances)
        active = np.array([not self._is_lost(track, stamp_ns) for track in self._tracks], bool)
        certain = detections.scores >= self._detection_threshold
        free = np.ones(len(self._tracks), bool)
        taken = np.zeros(len(detections), bool)
        matched: list[tuple[_Track, np.intp]] = []
        for group in (certain, ~certain):
            rows, columns = np.flatnonzero(free), np.flatnonzero(group)
            for row, column in assign(
                predicted[rows],
                detections.boxes[columns],
                similarity[np.ix_(rows, columns)],
                active[rows],
                self._settings,
            ):
                track, detection = rows[row], columns[column]
                free[track], taken[detection] = False, True
                matched.append((self._tracks[track], detection))
        memory = max(self._settings.max_memory, self._settings.max_coast)
        limit = round(memory * NANOSECONDS_PER_SECOND)
        # A track not yet confirmed must be seen in every frame.
        self._tracks = [
            track
            for track, missed in zip(self._tracks, free, strict=True)
            if not missed
            or (track.hits >= self._settings.min_hits and stamp_ns - track.stamp_ns <= limit)
        ]
        for detection in np.flatnonzero(certain & ~taken):
            track = self._begin(detections, detection, stamp_ns, appearances[detection])
            matched.append((track, detection))
        self._see(matched, detections, stamp_ns)
        self._look(matched, detections, appearances)
        return self._confirmed(stamp_ns)

    def _predict(self, stamp_ns: int) -> Float32Array:
        boxes = [
            track.extrapolated(self._times, _seconds(stamp_ns - track.stamp_ns))[0]
            for track in self._tracks
        ]
        return np.array(boxes, np.float32).reshape(-1, 4)

    def _similarity(self, appearances: Float32Array) -> Float32Array:
        """(M, N) scalar products of the tracks' appearances and the detections'."""
        known = np.array([track.appearance for track in self._tracks], np.float32)
        return known.reshape(-1, appearances.shape[1]) @ appearances.T

    def _is_lost(self, track: _Track, stamp_ns: int) -> bool:
        """Whether a track was not seen for so long that it is remembered only."""
        longest = round(self._settings.max_coast * NANOSECONDS_PER_SECOND)
        return stamp_ns - track.stamp_ns > longest

    def _begin(
        self, detections: Detections, row: np.intp, stamp_ns: int, appearance: Float32Array
    ) -> _Track:
        track = _Track(
            id=self._next_id,
            hits=0,
            score=0.0,
            stamp_ns=stamp_ns,
            certain_ns=stamp_ns,
            box=detections.boxes[row],
            future=detections.trajectories.boxes[row],
            variance=detections.trajectories.variances[row],
            appearance=appearance,
        )
        self._tracks.append(track)
        self._next_id += 1
        return track

    def _see(
        self, matched: list[tuple[_Track, np.intp]], detections: Detections, stamp_ns: int
    ) -> None:
        """Take over the matched detections, and predict every one of their tracks at once."""
        if not matched:
            return
        oldest = stamp_ns - round(self._forecaster.history * NANOSECONDS_PER_SECOND)
        pasts = []
        for track, row in matched:
            track.hits += 1
            track.score = float(detections.scores[row])
            track.stamp_ns = stamp_ns
            if track.score >= self._detection_threshold:
                track.certain_ns = stamp_ns
            track.box = detections.boxes[row]
            track.past.appendleft((stamp_ns, track.box))
            while track.past[-1][0] < oldest:
                track.past.pop()
            ages = [(stamp_ns - stamp) / NANOSECONDS_PER_SECOND for stamp, _ in track.past]
            boxes = np.array([box for _, box in track.past], np.float32)
            pasts.append(TrackPast(np.array(ages, np.float32), boxes))
        rows = np.array([row for _, row in matched])
        seen = detections.trajectories.take(rows)
        futures, variances = fuse(seen.boxes, seen.variances, *self._forecaster.forecast(pasts))
        for (track, _), future, variance in zip(matched, futures, variances, strict=True):
            track.future, track.variance = future, variance

    def _look(
        self,
        matched: list[tuple[_Track, np.intp]],
        detections: Detections,
        appearances: Float32Array,
    ) -> None:
        """Learn how the matched tracks look, where nobody else is in the box."""
        overlap = pairwise_iou(detections.boxes, detections.boxes)
        np.fill_diagonal(overlap, 0.0)
        alone = (overlap <= _ALONE).all(axis=1)
        for track, row in matched:
            if alone[row]:
                change = appearances[row] - track.appearance
                track.appearance = track.appearance + _APPEARANCE_RATE * change

    def _confirmed(self, stamp_ns: int) -> Tracks:
        doubt = round(self._settings.max_doubt * NANOSECONDS_PER_SECOND)
        shown = [
            track
            for track in self._tracks
            if track.hits >= self._settings.min_hits
            and not self._is_lost(track, stamp_ns)
            and stamp_ns - track.certain_ns <= doubt
        ]
        unseen = np.array(
            [(stamp_ns - track.stamp_ns) / NANOSECONDS_PER_SECOND for track in shown], np.float32
        )
        horizons = len(self._times)
        boxes = np.zeros((len(shown), 4), np.float32)
        future = np.zeros((len(shown), horizons, 4), np.float32)
        variance = np.zeros((len(shown), horizons, 4), np.float32)
        for row, track in enumerate(shown):
            age = _seconds(stamp_ns - track.stamp_ns)
            boxes[row] = track.extrapolated(self._times, age)[0]
            future[row] = track.extrapolated(self._times, self._times + age)
            # The same, shifted in time: the uncertainty of the later time it now stands for.
            grown = _interpolate(self._times.astype(np.float64), track.variance, self._times + age)
            variance[row] = np.maximum(grown, track.variance)
        return Tracks(
            ids=np.array([track.id for track in shown], np.int64),
            boxes=boxes,
            scores=np.array([track.score for track in shown], np.float32)
            * np.exp2(-unseen / _SCORE_HALF_LIFE),
            coasting=np.array([track.stamp_ns != stamp_ns for track in shown], bool),
            trajectories=Trajectories(self._times, future, variance),
        )


def _seconds(nanoseconds: int) -> Float32Array:
    return np.array([nanoseconds / NANOSECONDS_PER_SECOND], np.float32)


def _interpolate(
    knots: NDArray[np.float64], values: Float32Array, at: Float32Array
) -> Float32Array:
    """Linear between rows of ``values`` (knots, C) at (N,) positions, straight on outside."""
    upper = np.clip(np.searchsorted(knots, at), 1, len(knots) - 1)
    lower = upper - 1
    share = ((at - knots[lower]) / (knots[upper] - knots[lower]))[:, None]
    return (values[lower] + share * (values[upper] - values[lower])).astype(np.float32)
