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

from convlstm_perception.types import (
    NANOSECONDS_PER_SECOND,
    NO_GROUND,
    AnswerStatus,
    Float64Array,
    GroundTracks,
    PerceptionResult,
    Tracks,
)
from convlstm_perception.visualization.alert import alerts
from convlstm_perception.visualization.overlay import predicted_feet
from convlstm_perception.visualization.regions import QUANTILE, ellipse, is_whole_second

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
    pressing = alerts(result)
    values["who"] = [
        _person(result.tracks, row) | place | ({"a": int(pressing[row])} if pressing[row] else {})
        for row, place in enumerate(places)
    ]
    return values


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
    ellipses = [
        [step, *_rounded_ellipse(covariances[step])]
        for step in chosen
        if _finite(covariances[step])
    ]
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
    return values


def _in_image(tracks: Tracks, row: int) -> Values:
    x, y, _, height = tracks.boxes[row].astype(np.float64)
    if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(height)):
        return {"why": "its box is not finite"}
    times, feet, deviations = predicted_feet(tracks, row, reach=_REACH)
    scale = math.sqrt(QUANTILE)
    return {
        "w": np.vstack([[x, y + 0.5 * height], feet]).round(_PIXEL_DIGITS).tolist(),
        "e": [
            [step + 1, *(scale * deviations[step]).round(_PIXEL_DIGITS).tolist(), 0]
            for step, time in enumerate(times.tolist())
            if is_whole_second(time)
        ],
    }


def _rounded_ellipse(covariance: Float64Array) -> list[float]:
    *axes, angle = ellipse(covariance)
    return [*(round(axis, _METRE_DIGITS) for axis in axes), round(angle, _ANGLE_DIGITS)]


def _leading(known: Any) -> int:
    """How many are True before the first that is not."""
    return int(np.logical_and.accumulate(known).sum())


def _finite(values: Float64Array) -> bool:
    return bool(np.isfinite(values).all())
