"""``doctor --topic`` watches real publishers over DDS, each with one fault."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("rclpy")

from convlstm_perception.cli import main as cli
from convlstm_perception.demo.processes import Child, free_domain, isolated_environment
from convlstm_perception.ros.dds_facts import PROFILE_VARIABLES
from tests.support.node import PROFILE

pytestmark = pytest.mark.ros
SECONDS = "1.5"


@contextmanager
def program(folder: Path, *arguments: str) -> Iterator[dict[str, str]]:
    """The program of faulty cameras, and the environment to see them in."""
    variables = isolated_environment(free_domain(), PROFILE)
    command = [sys.executable, "-m", "tests.support.faulty_cameras", *arguments]
    with Child("cameras", command, folder / "cameras.log", os.environ | variables):
        yield variables


@pytest.fixture(scope="module")
def cameras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with program(tmp_path_factory.mktemp("cameras")) as variables:
        yield variables


@pytest.fixture
def watched(
    cameras: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Watch:
    return Watch(cameras, monkeypatch, capsys)


class Watch:
    """Runs the command among the cameras."""

    def __init__(
        self,
        variables: dict[str, str],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self._capsys = capsys
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    def __call__(self, topic: str, *options: str) -> tuple[int, dict]:
        code = cli.main(["doctor", "--topic", topic, "--seconds", SECONDS, "--json", *options])
        found = json.loads(self._capsys.readouterr().out)
        assert code == (0 if found["usable"] else 1)
        return code, found


def test_a_sound_camera_is_well(watched: Watch) -> None:
    code, found = watched("/sound/image")
    assert code == 0, found["findings"]
    assert found["images"] >= 10 and found["sizes"] == [[160, 96]]
    assert found["publishers"][0]["node"] == "/faulty_cameras"
    assert found["pace"]["rate"] == pytest.approx(20.0, rel=0.3)


@pytest.mark.parametrize(
    ("name", "about", "words"),
    [
        ("unknown_encoding", "image", "'32FC1' is not supported"),
        ("black", "image", "is black"),
        ("saturated", "image", "is saturated"),
        ("frozen", "image", "is frozen"),
        ("no_stamp", "stamps", "every stamp is zero"),
        ("old_stamp", "clock", "behind the clock"),
        ("no_frame", "frame_id", "is empty"),
        ("changing_size", "size", "160x96, 320x192"),
        ("uncalibrated", "calibration", "not calibrated"),
        ("other_size", "calibration", "320x96, but these are 160x96"),
        ("no_info", "calibration", "nobody publishes /no_info/camera_info"),
        ("slow", "rate", "images a second"),
        ("text", "type", "std_msgs/msg/String"),
        ("silent", "silence", "no image came"),
        ("missing", "publisher", "nobody publishes /missing/image"),
    ],
)
def test_each_fault_is_found(watched: Watch, name: str, about: str, words: str) -> None:
    code, found = watched(f"/{name}/image")
    assert code == 1
    texts = [entry["text"] for entry in found["findings"] if entry["about"] == about]
    assert any(words in text for text in texts), found["findings"]
    assert all(entry["mend"] for entry in found["findings"])
    if name == "missing":
        assert "/sound/image" in found["findings"][0]["mend"]


def test_reliability_that_does_not_match_is_found_where_it_is_asked_for(watched: Watch) -> None:
    assert watched("/best_effort/image")[0] == 0
    code, found = watched("/best_effort/image", "--reliability", "reliable")
    assert code == 1 and found["images"] == 0
    assert [entry["about"] for entry in found["findings"]] == ["qos"]


def test_small_images_need_no_profile(
    watched: Watch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in PROFILE_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    assert watched("/sound/image")[0] == 0  # 46 kB go through anything


def test_a_simulator_s_stamps_follow_its_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with program(tmp_path, "simulated") as variables:
        code, found = Watch(variables, monkeypatch, capsys)("/simulated/image")
    assert code == 0, found["findings"]
    assert [entry["about"] for entry in found["findings"]] == ["clock"]
    assert "use_sim_time:=true" in found["findings"][0]["mend"]


def test_in_words_every_problem_comes_with_its_mend(
    watched: Watch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["doctor", "--topic", "/no_frame/image", "--seconds", SECONDS]) == 1
    printed = capsys.readouterr().out
    assert "Problem: frame_id is empty. Set it in the driver" in printed
    assert "160x96" in printed


def test_topic_and_dds_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refusal:
        cli.main(["doctor", "--dds", "--topic", "/image"])
    assert refusal.value.code == 2
    assert "not allowed with argument" in capsys.readouterr().err
