"""How people move in a composed clip: along real tracks, or on random walks of a fixed camera."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convlstm_perception.data.sequence import BoxTrack
from convlstm_perception.types import Float32Array

_STANDING_SHARE = 0.2
_LEAST_FUTURE = 0.5  # seconds of a real track that must be left to predict
_PATH_STEP = 0.1  # seconds between the knots of a random walk


class WalkSampler:
    """Draws motions, normalised so that the person is at the origin and 1 high at time 0.

    Args:
        tracks: real box tracks to draw from; may be empty.
        past, future: seconds that a motion must cover.
        real_share: share of the motions that follow a real track, where there is one.
        least_past: seconds of a real track that must lie before now; ``past`` by default. Where a
            track had not begun the motion is NaN.
    """

    def __init__(
        self,
        tracks: Sequence[BoxTrack],
        past: float,
        future: float,
        real_share: float = 0.5,
        least_past: float | None = None,
    ) -> None:
        self._past, self._future, self._real_share = past, future, real_share
        self._least_past = past if least_past is None else least_past
        least = self._least_past + _LEAST_FUTURE
        self._tracks = [
            track for track in tracks if len(track.boxes) > int(least * track.frame_rate)
        ]

    def draw(self, random: np.random.Generator, times: Float32Array) -> Float32Array:
        """A motion at ``times`` (seconds, 0 is now).

        Returns:
            (times, 3) float32 rows (x, y, log height), with x and y in heights at time 0; NaN
            where a real track had not begun or had ended.
        """
        if self._tracks and random.random() < self._real_share:
            return self._real(random, times)
        return self._random(random, times)

    def _real(self, random: np.random.Generator, times: Float32Array) -> Float32Array:
        track = self._tracks[random.integers(len(self._tracks))]
        boxes, rate = track.boxes, track.frame_rate
        first, last = int(np.ceil(self._least_past * rate)), len(boxes) - int(_LEAST_FUTURE * rate)
        now = int(random.integers(first, last))
        frames = now + times * rate
        position = np.stack(
            [np.interp(frames, np.arange(len(boxes)), column) for column in boxes.T], axis=1
        )
        height = boxes[now, 3]
        mirror = -1.0 if random.random() < 0.5 else 1.0
        motion = np.stack(
            [
                mirror * (position[:, 0] - boxes[now, 0]) / height,
                (position[:, 1] - boxes[now, 1]) / height,
                np.log(position[:, 3] / height),
            ],
            axis=1,
        )
        motion[(frames < 0) | (frames > len(boxes) - 1)] = np.nan
        return motion.astype(np.float32)

    def _random(self, random: np.random.Generator, times: Float32Array) -> Float32Array:
        knots = np.arange(-self._past - 0.2, self._future + 0.2, _PATH_STEP)
        if random.random() < _STANDING_SHARE:
            speed = np.zeros(len(knots))
        else:
            # Walking: about 1.4 m/s and 1.75 m, so 0.8 heights a second at most seen side on.
            speed = np.abs(random.normal(0.6, 0.25)) * np.ones(len(knots))
            if random.random() < 0.15:  # stop or start on the way
                ramp = np.clip((knots - random.uniform(-0.5, 2.0)) / 0.6, 0, 1)
                speed = speed * (ramp if random.random() < 0.5 else 1 - ramp)
        # Nobody walks evenly: speed wanders about its mean, and the way bends.
        unrest = random.uniform(0.0, 0.35)
        wander = np.zeros(len(knots))
        for knot in range(1, len(knots)):
            wander[knot] = 0.9 * wander[knot - 1] + np.sqrt(1 - 0.9**2) * random.normal()
        speed = speed * np.exp(unrest * wander)
        turning = np.cumsum(random.normal(0, random.uniform(0.0, 0.2), len(knots)))
        heading = random.uniform(0, 2 * np.pi) + turning
        depth_effect = random.uniform(0.1, 0.7)  # the lower the camera, the less y moves
        path = np.stack(
            [
                np.cumsum(speed * np.cos(heading)) * _PATH_STEP,
                np.cumsum(speed * np.sin(heading)) * _PATH_STEP * depth_effect,
                np.cumsum(speed * np.sin(heading)) * _PATH_STEP * random.uniform(0.02, 0.2),
            ],
            axis=1,
        )
        now = np.array([np.interp(0.0, knots, column) for column in path.T])
        motion = np.stack([np.interp(times, knots, column) for column in path.T], axis=1) - now
        return motion.astype(np.float32)
