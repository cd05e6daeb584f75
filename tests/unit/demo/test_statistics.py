"""The judgement whether a run kept up."""

from __future__ import annotations

import dataclasses

import pytest

from convlstm_perception.demo.statistics import Percentiles, RunStatistics, judge, stage_latencies

RUN = RunStatistics(
    asked_rate=10.0,
    played_rate=10.0,
    played=100,
    seen=100,
    answered=100,
    latency=Percentiles(50.0, 80.0),
    stages={"encoder": Percentiles(30.0, 40.0), "motion": Percentiles(10.0, 20.0)},
    people=3.0,
    detections=4.0,
    identities=5,
    model_id="model-1",
    engine="engine",
)


def with_stage(p50: float, p99: float) -> dict[str, Percentiles]:
    return {"encoder": Percentiles(p50, p99)}


@pytest.mark.parametrize("answered", [95, 100])
def test_enough_answers_pass(answered: int) -> None:
    verdict = judge(dataclasses.replace(RUN, answered=answered))
    assert verdict.passed
    assert f"{answered} of 100 frames" in verdict.text


def test_slow_machine_passes_with_the_reason() -> None:
    run = dataclasses.replace(RUN, answered=40, stages=with_stage(220.0, 300.0))
    verdict = judge(run)
    assert verdict.passed
    assert "too slow" in verdict.text
    assert "220 ms" in verdict.text and "100 ms" in verdict.text


def test_disturbed_machine_passes_with_the_reason() -> None:
    verdict = judge(dataclasses.replace(RUN, answered=90, stages=with_stage(60.0, 140.0)))
    assert verdict.passed
    assert "140 ms" in verdict.text


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"answered": 94}, "do not explain"),
        ({"answered": 80, "seen": 80}, "lost on the way"),
        ({"answered": 80, "stages": {}}, "do not explain"),
        ({"answered": 0, "stages": with_stage(220.0, 300.0)}, "answered no frame"),
        ({"played": 0, "answered": 0}, "No frame was played"),
    ],
)
def test_other_losses_fail(changes: dict[str, object], reason: str) -> None:
    verdict = judge(dataclasses.replace(RUN, **changes))
    assert not verdict.passed
    assert reason in verdict.text


def test_percentiles_are_in_milliseconds() -> None:
    assert Percentiles.of([0.001, 0.002, 0.003]).p50 == 2.0
    assert Percentiles.of([]) == Percentiles(0.0, 0.0)


def test_stages_are_read_from_the_diagnostics() -> None:
    diagnostics = {
        "encoder p50 (ms)": "31.25",
        "encoder p99 (ms)": "40.00",
        "engine": "ONNX Runtime",
    }
    assert stage_latencies(diagnostics) == {"encoder": Percentiles(31.25, 40.0)}


def test_waiting_is_no_work() -> None:
    stages = {
        "receive": Percentiles(500.0, 900.0),
        "stamp to publish": Percentiles(540.0, 990.0),
        "encoder": Percentiles(30.0, 35.0),
        "motion": Percentiles(10.0, 25.0),
    }
    assert dataclasses.replace(RUN, stages=stages).work == Percentiles(40.0, 55.0)
