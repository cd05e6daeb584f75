"""A real measurement of DDS between two processes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

pytest.importorskip("rclpy")

from convlstm_perception.cli import main as cli
from convlstm_perception.ros.dds_facts import PROFILE_VARIABLES, find_facts
from convlstm_perception.ros.delivery import STREAMS, environments, measure

pytestmark = pytest.mark.ros
SHIPPED = Path(__file__).resolve().parents[2] / "config" / "fastdds.xml"


@pytest.fixture(autouse=True)
def shipped_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in PROFILE_VARIABLES:
        monkeypatch.setenv(variable, str(SHIPPED))
    monkeypatch.delenv("FASTDDS_BUILTIN_TRANSPORTS", raising=False)


def test_what_arrives_was_sent_and_later(tmp_path: Path) -> None:
    facts = find_facts(os.environ, tmp_path)
    finished: list[None] = []
    deliveries = measure(facts, 0.5, lambda: finished.append(None), STREAMS[:2])
    assert len(finished) == len(deliveries) == 2 * len(environments(facts, os.environ))
    for delivery in deliveries:
        assert delivery.published == 15  # half a second of 30 Hz
        assert 0 <= delivery.received <= delivery.published
        assert (delivery.delay is None) is (delivery.received == 0)
        if delivery.delay:
            assert delivery.delay.count == delivery.received
            assert 0.0 < delivery.delay.p50 <= delivery.delay.p99
    ours = [delivery for delivery in deliveries if "shipped" in delivery.profiles]
    assert [delivery.stream for delivery in ours] == list(STREAMS[:2])
    assert all(delivery.received for delivery in ours)  # with it they know and hear each other


def test_the_command_tells_all_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["doctor", "--dds", "--seconds", "0.2", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert code == (0 if found["usable"] else 1)
    assert found["usable"] is (not found["problems"])
    assert found["dds"]["shipped"] == str(SHIPPED)
    profiles = {name for delivery in found["deliveries"] for name in delivery["profiles"]}
    assert profiles >= {"in force"}
    if found["dds"]["rmw"].startswith("rmw_fastrtps"):
        assert profiles == {"in force", "shipped", "default"}
    for delivery in found["deliveries"]:
        assert delivery["share"] == round(delivery["received"] / delivery["published"], 4)
        assert delivery["reliability"] in ("reliable", "best_effort")
    sizes = {(delivery["width"], delivery["height"]) for delivery in found["deliveries"]}
    assert sizes == {(1280, 720), (1920, 1080)}


def test_a_bundle_beside_dds_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "somewhere", "--dds"]) == 2
    assert "looks at no bundle, but somewhere is given" in capsys.readouterr().err
