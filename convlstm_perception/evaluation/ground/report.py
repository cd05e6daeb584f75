"""The part of an evaluation's page that tells of the ground, in metres."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from convlstm_perception.evaluation import plots
from convlstm_perception.evaluation.ground.judgement import GroundEvaluation
from convlstm_perception.evaluation.ground.scores import (
    LEAST_FOLLOWED,
    WALKING,
    WALKING_SPEEDS,
    GroundScores,
    Spread,
)
from convlstm_perception.visualization.page import data_url, figure, wide_table

_MODELS = {
    "model": "published path",
    "constant_velocity": "constant velocity of published places",
    "constant_velocity_raw": "constant velocity of raw feet",
    "published_velocity": "straight on at the published velocity",
}
_NOTHING = "–"  # noqa: RUF001  an en dash


def ground_section(ground: GroundEvaluation, values: Mapping[str, Any]) -> Iterator[str]:
    """The section, in pieces.

    Args:
        ground: what was measured.
        values: as they are written to JSON under ``ground``.
    """
    yield "<h2>On the ground, in metres</h2>"
    yield _displacements(ground.scores)
    yield _regions_and_speeds(ground.scores)
    slowest, fastest = WALKING_SPEEDS
    agreement = values["tsai_agreement_mm"]
    yield (
        "<p><small>The truth is the foot of the annotated box, brought to the ground by the same "
        "calibrated camera; its mounting is taken as exact. ADE, FDE: mean distance up to the "
        "horizon, and distance at it, in metres, of the same samples for all. Constant velocity: "
        "least-squares slope of the last second. Speeds: of people who walk "
        f"({WALKING:g} m/s or more); median in range: share of tracks followed for "
        f"{LEAST_FOLLOWED:g} s whose median speed is within {slowest:g} to {fastest:g} m/s. Over "
        "the whole image the camera and Tsai's closed form agree within "
        f"{_NOTHING if agreement is None else format(agreement, '.2g')} mm.</small></p>"
    )
    caption = (
        "From above. Left: annotated people and published tracks. Right: all predictions that can "
        "be checked at the first moment that has most of them; crosses and dots at 1, 2 and 3 s."
    )
    yield figure(data_url("image/png", plots.from_above(ground.scene)), caption, caption)


def _displacements(scores: GroundScores) -> str:
    horizons = list(scores.scores["model"])
    head = ["", *(f"{name} {horizon:g} s (m)" for horizon in horizons for name in ("ADE", "FDE"))]
    rows = [
        [
            label,
            *(
                _number(value)
                for horizon in horizons
                for value in (
                    scores.scores[name][horizon].average,
                    scores.scores[name][horizon].final,
                )
            ),
        ]
        for name, label in _MODELS.items()
    ]
    counts = [scores.scores["model"][horizon].samples for horizon in horizons]
    rows.append(["samples", *(cell for count in counts for cell in (str(count), ""))])
    inside = [scores.coverage.by_horizon[horizon].inside_90 for horizon in horizons]
    rows.append(["in 90 % region", *(cell for share in inside for cell in ("", _number(share, 3)))])
    return wide_table(head, rows)


def _regions_and_speeds(scores: GroundScores) -> str:
    head = ["", "mean", "5 %", "median", "95 %"]
    speed = scores.speed
    table = wide_table(
        head,
        [
            ["error of the present place (m)", *_spread(scores.position_error)],
            ["published speed of walkers (m/s)", *_spread(speed.published)],
            ["annotated speed of walkers (m/s)", *_spread(speed.annotated)],
            ["error of the speed (m/s)", *_spread(speed.error)],
        ],
    )
    return (
        f"<p>In 90 % region, all horizons: {_number(scores.coverage.pooled.inside_90, 3)} of "
        f"{scores.coverage.pooled.samples}. Median speed in range: "
        f"{_number(speed.share_ok, 3)} of {speed.tracks} tracks. {scores.matches} matches of "
        f"{scores.tracks} tracks and {scores.people} people; {scores.unlocated} more had no place "
        f"on the ground.</p>{table}"
    )


def _spread(spread: Spread) -> list[str]:
    return [_number(value) for value in (spread.mean, spread.p5, spread.p50, spread.p95)]


def _number(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else _NOTHING
