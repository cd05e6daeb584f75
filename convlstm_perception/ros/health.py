"""How well a camera and the node do: one judgement, for the diagnostics and the status topic.

The levels and their thresholds are documented in docs/reliability.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from convlstm_perception.ros.camera import Camera
from convlstm_perception.ros.statistics import StreamReport
from convlstm_perception.types import AnswerStatus

RECENT = 5.0
"""Seconds for which a frame that was refused or failed is shown."""

STUCK = 5.0
"""Seconds in inference after which it is called stuck."""

_ANSWERED_SHARE = 0.95
_CLOCKS_AGREE = (-1.0, 60.0)  # seconds of age that the same clock explains


class Level(IntEnum):
    """As in diagnostic_msgs/DiagnosticStatus."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


@dataclass(frozen=True)
class Health:
    """A level, and why."""

    level: Level
    message: str


def worst(healths: list[Health]) -> Health:
    """The one to show for all: an error before staleness, staleness before a warning."""
    order = (Level.OK, Level.WARN, Level.STALE, Level.ERROR)
    return max(healths, key=lambda health: order.index(health.level))


def judge_camera(camera: Camera, report: StreamReport, image_timeout: float) -> Health:
    """A camera of an active node.

    Args:
        camera: that the report is of.
        report: of its stream.
        image_timeout: seconds without an image after which it is stale.
    """
    if not camera.enabled or camera.input is None:
        return Health(Level.OK, "disabled")
    if _recent(report.last_failure_age):
        return Health(Level.ERROR, f"frames fail: {report.last_error}")
    if report.image_age is None or report.image_age > image_timeout:
        since = "yet" if report.image_age is None else f"for {report.image_age:.1f} s"
        missing = camera.input.missing_publisher()
        if camera.input.mismatched_qos and not missing:
            return Health(Level.ERROR, f"no image {since}: {camera.input.mismatched_qos}")
        reason = missing or f"the publisher of {camera.topic} sends nothing"
        return Health(Level.STALE, f"no image {since}: {reason}")
    health = _judge_stream(report)
    if health.level == Level.OK and camera.ground_problem:
        return Health(Level.WARN, f"{health.message}, {camera.ground_problem}")
    return health


def _judge_stream(report: StreamReport) -> Health:
    if report.status == AnswerStatus.UNUSABLE:
        return Health(Level.WARN, report.status_reason)
    if _recent(report.last_refusal_age):
        refused = report.rejected + report.disordered + report.expired
        return Health(Level.WARN, f"{refused} frames rejected: {report.last_error}")
    earliest, latest = _CLOCKS_AGREE
    if report.last_answer is not None and not earliest <= report.age <= latest:
        return Health(
            Level.WARN,
            f"the images' stamps are {report.age:.1f} s behind the node's clock; synchronise the "
            "clocks, or set use_sim_time with a bag or a simulator",
        )
    if report.status == AnswerStatus.DEGRADED:
        return Health(Level.WARN, f"degraded: {report.status_reason}")
    if report.rate_answered < _ANSWERED_SHARE * report.rate_in and report.skipped:
        return Health(
            Level.WARN,
            f"answering {report.rate_answered:.1f} of {report.rate_in:.1f} frames a second",
        )
    return Health(Level.OK, f"answering {report.rate_answered:.1f} frames a second")


def _recent(age: float | None) -> bool:
    return age is not None and age < RECENT
