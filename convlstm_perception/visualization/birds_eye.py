"""Answers as the compact values that a page draws from above.

Each frame becomes an object with short keys; a key is left out where there is nothing to tell:

    t     seconds since the camera's first answered frame
    st    status: 1 degraded, 2 unusable
    say   why it is not OK, in words
    new   why buffer and tracks began anew, in words
    g     1 where there is ground; else ``no`` tells why not, in words
    who   the people, each with
        i     track id
        s     score in percent
        c     1 while coasting
        w     way: [x, y] now and at the predicted times, until the first that is not known; metres
              in the frame of the ground where ``g`` is set, else pixels of the foot point
        e     [row of w, semi-axis, semi-axis, radians from x towards y] of the 90 % ellipses
        v     [x, y] metres a second
        h     height in metres
        n     closest approach: [seconds until then, metres]
        a     alert: 1 near soon, 2 near at once
        why   why the place is not known, in words

Lengths have hundredths in metres and tenths in pixels.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from convlstm_perception.messages import NO_GROUND
from convlstm_perception.types import (
    NANOSECONDS_PER_SECOND,
    AnswerStatus,
    Float64Array,
    GroundTracks,
    PerceptionResult,
    Tracks,
)
from convlstm_perception.visualization.overlay import is_whole_second, predicted_feet

NEAR = 2.0
"""Metres from the frame's origin within which people are told of."""

ALERT_SECONDS = (4.0, 2.0)
"""Time to the closest approach from which an alert of level 1 and 2 is given."""

ELLIPSE_SHARE = 0.9
"""Probability that a person is within an ellipse."""

# Quantile of chi-square with two degrees of freedom, whose distribution is exponential.
_ELLIPSE_SQUARED = -2.0 * math.log(1.0 - ELLIPSE_SHARE)
_METRE_DIGITS, _PIXEL_DIGITS, _ANGLE_DIGITS = 2, 1, 2
_REACH = 1e5  # pixels from the image up to which foot points are drawn

Values = dict[str, Any]


def frame_values(result: PerceptionResult, first_stamp_ns: int) -> Values:
    """One answer as this module's docstring says.

    Args:
        result: to tell.
        first_stamp_ns: stamp from which ``t`` counts.
    """
    ground = result.ground
    reason = NO_GROUND if ground is None else ground.reason
    values: Values = {"t": round((result.stamp_ns - first_stamp_ns) / NANOSECONDS_PER_SECOND, 3)}
    if result.status != AnswerStatus.OK:
        values |= {"st": int(result.status), "say": result.status_reason}
    if result.restarted:
        values["new"] = result.restarted
    if ground is None or reason:
        values["no"] = reason
        places = [_in_image(result.tracks, row) for row in range(len(result.tracks))]
    else:
        values["g"] = 1
        times = result.tracks.trajectories.times
        places = [_on_ground(ground, row, times.tolist()) for row in range(len(result.tracks))]
    values["who"] = [_person(result.tracks, row) | place for row, place in enumerate(places)]
    return values


def alert_level(closest_time: float, closest_distance: float) -> int:
    """0, 1 or 2: how soon somebody comes near, by :data:`NEAR` and :data:`ALERT_SECONDS`.

    Args:
        closest_time: seconds until the closest approach.
        closest_distance: metres then.
    """
    if not closest_distance <= NEAR:
        return 0
    return sum(closest_time <= limit for limit in ALERT_SECONDS)


def _person(tracks: Tracks, row: int) -> Values:
    values: Values = {"i": int(tracks.ids[row]), "s": round(100.0 * float(tracks.scores[row]))}
    return values | {"c": 1} if tracks.coasting[row] else values


def _on_ground(ground: GroundTracks, row: int, times: list[float]) -> Values:
    if ground.reasons[row]:
        return {"why": ground.reasons[row]}
    way = np.concatenate([ground.positions[row, None, :2], ground.paths[row, :, :2]])
    covariances = np.concatenate(
        [ground.covariances[row, None, :2, :2], ground.path_covariances[row]]
    )
    known = _leading(np.isfinite(way).all(1))
    chosen = [step for step in range(known) if step == 0 or is_whole_second(times[step - 1])]
    ellipses = [[step, *_axes(covariances[step])] for step in chosen if _finite(covariances[step])]
    values: Values = {
        "w": way[:known].round(_METRE_DIGITS).tolist(),
        "e": ellipses,
    }
    closest = float(ground.closest_times[row]), float(ground.closest_distances[row])
    if _finite(ground.velocities[row]):
        values["v"] = ground.velocities[row].round(2).tolist()
    if math.isfinite(ground.heights[row]):
        values["h"] = round(float(ground.heights[row]), 2)
    if all(map(math.isfinite, closest)):
        values["n"] = [round(value, 2) for value in closest]
        level = alert_level(*closest)
        values |= {"a": level} if level else {}
    return values


def _in_image(tracks: Tracks, row: int) -> Values:
    x, y, _, height = tracks.boxes[row].astype(np.float64)
    if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(height)):
        return {"why": "its box is not finite"}
    times, feet, deviations = predicted_feet(tracks, row, reach=_REACH)
    scale = math.sqrt(_ELLIPSE_SQUARED)
    return {
        "w": np.vstack([[x, y + 0.5 * height], feet]).round(_PIXEL_DIGITS).tolist(),
        "e": [
            [step + 1, *(scale * deviations[step]).round(_PIXEL_DIGITS).tolist(), 0]
            for step, time in enumerate(times.tolist())
            if is_whole_second(time)
        ],
    }


def _axes(covariance: Float64Array) -> list[float]:
    """Semi-axes in metres, the longer last, and the first one's angle from x towards y."""
    variances, directions = np.linalg.eigh(covariance)
    semi = np.sqrt(_ELLIPSE_SQUARED * np.maximum(variances, 0.0)).round(_METRE_DIGITS).tolist()
    return [*semi, round(math.atan2(directions[1, 0], directions[0, 0]), _ANGLE_DIGITS)]


def _leading(known: Any) -> int:
    """How many are True before the first that is not."""
    return int(np.logical_and.accumulate(known).sum())


def _finite(values: Float64Array) -> bool:
    return bool(np.isfinite(values).all())
