"""Levels and their reasons."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from convlstm_perception.ros.health import Health, Level, judge_camera, worst
from convlstm_perception.ros.statistics import StreamReport, StreamStatistics
from convlstm_perception.types import AnswerStatus

GOOD = replace(
    StreamStatistics().report(skipped=0),
    received=300,
    answered=300,
    rate_in=30.0,
    rate_answered=30.0,
    image_age=0.02,
    last_answer=1,
    age=0.05,
)


@dataclass
class Input:
    mismatched_qos: str = ""
    missing: str = ""

    def missing_publisher(self) -> str:
        return self.missing


@dataclass
class FakeCamera:
    topic: str = "/image"
    enabled: bool = True
    input: Input | None = field(default_factory=Input)
    ground_problem: str = ""


def judge(report: StreamReport, camera: FakeCamera | None = None) -> Health:
    return judge_camera(camera or FakeCamera(), report, image_timeout=0.6)


@pytest.mark.parametrize(
    ("facts", "level", "words"),
    [
        ({}, Level.OK, "answering 30.0 frames a second"),
        ({"last_failure_age": 4.9, "last_error": "NaN"}, Level.ERROR, "frames fail: NaN"),
        ({"last_failure_age": 5.1}, Level.OK, "answering"),
        ({"image_age": 0.7}, Level.STALE, "no image for 0.7 s: the publisher of /image"),
        ({"image_age": None}, Level.STALE, "no image yet"),
        ({"status": AnswerStatus.UNUSABLE, "status_reason": "black"}, Level.WARN, "black"),
        ({"status": AnswerStatus.DEGRADED, "status_reason": "gap"}, Level.WARN, "degraded: gap"),
        ({"last_refusal_age": 1.0, "disordered": 3}, Level.WARN, "3 frames rejected"),
        ({"last_refusal_age": 5.1, "disordered": 3}, Level.OK, "answering"),
        ({"age": 3600.0}, Level.WARN, "3600.0 s behind the node's clock"),
        ({"age": -5.0}, Level.WARN, "-5.0 s behind the node's clock"),
        ({"rate_answered": 10.0, "skipped": 200}, Level.WARN, "answering 10.0 of 30.0 frames"),
        ({"rate_answered": 29.0, "skipped": 2}, Level.OK, "answering 29.0 frames a second"),
    ],
)
def test_the_level_follows_from_the_stream(
    facts: dict[str, object], level: Level, words: str
) -> None:
    health = judge(replace(GOOD, **facts))
    assert health.level == level
    assert words in health.message


def test_silence_is_explained_by_what_the_graph_shows() -> None:
    silent = replace(GOOD, image_age=2.0)
    mismatched = FakeCamera(input=Input(mismatched_qos="RELIABILITY does not match"))
    assert judge(silent, mismatched) == Health(
        Level.ERROR, "no image for 2.0 s: RELIABILITY does not match"
    )
    nobody = FakeCamera(input=Input(mismatched_qos="once", missing="no publisher on /image"))
    assert judge(silent, nobody).level == Level.STALE
    assert "no publisher on /image" in judge(silent, nobody).message


def test_a_missing_ground_is_a_warning_unless_something_is_worse() -> None:
    lost = FakeCamera(ground_problem="no transform from 'camera' to 'base_link'")
    assert judge(GOOD, lost).level == Level.WARN
    assert "no transform from 'camera'" in judge(GOOD, lost).message
    assert judge(replace(GOOD, image_age=9.0), lost).level == Level.STALE


def test_a_disabled_camera_is_no_fault() -> None:
    assert judge(replace(GOOD, image_age=9.0), FakeCamera(enabled=False)).level == Level.OK
    assert judge(GOOD, FakeCamera(input=None)).message == "disabled"


def test_an_error_is_worse_than_silence_and_silence_than_a_warning() -> None:
    healths = [Health(level, level.name) for level in Level]
    assert worst(healths).level == Level.ERROR
    assert worst([Health(Level.STALE, ""), Health(Level.WARN, "")]).level == Level.STALE
