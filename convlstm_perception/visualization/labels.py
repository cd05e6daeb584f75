"""What stands beside a person in every picture."""

from __future__ import annotations

import math

from convlstm_perception.types import PerceptionResult
from convlstm_perception.visualization.alert import Alert


def person_label(result: PerceptionResult, row: int, alert: Alert = Alert.NONE) -> str:
    """The track id, and in metres what is known: speed, distance, and what the alert is for.

    Where the place is not known, the confidence instead.
    """
    tracks, ground = result.tracks, result.ground
    if ground is None or ground.reasons[row]:
        return f"{tracks.ids[row]}  {100.0 * tracks.scores[row]:.0f}%"
    x, y = ground.positions[row, :2].tolist()
    text = f"{tracks.ids[row]}  {ground.speeds[row]:.1f} m/s  {math.hypot(x, y):.1f} m"
    return f"{text}  {closest_approach_label(result, row)}" if alert else text


def closest_approach_label(result: PerceptionResult, row: int) -> str:
    """How near a person comes, and when; of one whose place is known."""
    ground = result.ground
    assert ground
    distance, time = ground.closest_distances[row], ground.closest_times[row]
    return f"! {distance:.1f} m in {time:.1f} s"
