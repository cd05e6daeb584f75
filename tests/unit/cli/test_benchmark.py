"""``convlstm-perception benchmark`` with the tiny bundle: real runs, few of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from convlstm_perception.benchmark.cameras import peak_rss_mb
from convlstm_perception.benchmark.torch_network import TorchNetwork, network_config
from convlstm_perception.cli import main as cli
from convlstm_perception.engine import ModelBundle, default_bundle_path
from convlstm_perception.errors import BundleError
from tests.support.graphs import write_tiny_bundle

QUICK = ["--threads", "1", "--frames", "4", "--rounds", "2", "--size", "320x192"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.mark.parametrize("memory", ["window", "stateful"])
def test_figures_of_cameras_and_of_the_networks(
    tiny: Path, memory: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["benchmark", str(tiny), "--engine", "onnxruntime", "--memory", memory, "--json"]
    assert cli.main([*command, *QUICK, "--cameras", "2,1"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["engine"].startswith("ONNX Runtime") and values["memory"] == memory
    assert list(values["cameras"]) == ["1", "2"]
    one = values["cameras"]["1"]
    assert one["latency"]["count"] == 4 and one["throughput"] > 0
    assert set(one["stages"]) == {"preprocess", "encoder", "motion", "decode", "track"}
    parts = sum(stage["mean"] for stage in one["stages"].values())
    assert 0.5 * one["latency"]["mean"] < parts <= one["latency"]["mean"]
    assert values["cameras"]["2"]["runtime_mb"] >= one["runtime_mb"]
    # This process has imported torch; that of the cameras has not.
    assert 30 < values["peak_rss_mb"] < peak_rss_mb()
    assert values["window_recomputed_ms"] > values["window_cached_ms"] > 0
    assert values["onnxruntime_ms"] == values["window_cached_ms"]
    assert values["torch_eager_ms"] is None
    assert [note for note in values["notes"] if "torch-eager left out" in note]
    assert values["roofline"]["graphs"]["encoder"]["floor_ms"] > 0


def test_tables_for_people(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["benchmark", str(tiny), "--engine", "onnxruntime-cpu", "--beside", "none"]
    assert cli.main([*command, *QUICK, "--cameras", "1"]) == 0
    printed = capsys.readouterr().out
    assert "window_recomputed" in printed and "peak memory of the process" in printed


def test_the_shipped_bundle_has_a_torch_network_beside_it() -> None:
    config = network_config(ModelBundle.load(default_bundle_path()))
    assert config.recurrence == "depthwise" and config.candidates > 0


def test_a_bundle_of_another_architecture_has_none(tiny: Path) -> None:
    with pytest.raises(BundleError, match="not those of a PedestrianMotionNet"):
        TorchNetwork(ModelBundle.load(tiny), "cpu")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--size", "1280"], "expected WIDTHxHEIGHT"),
        (["--size", "8x8"], "expected sides from 32"),
        (["--frames", "0"], "--frames"),
        (["--cameras", "1,x"], "--cameras"),
        (["--beside", "tensorflow"], "expected some of onnxruntime"),
    ],
)
def test_wrong_arguments_are_refused(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["benchmark", *arguments])
    assert caught.value.code == 2
    assert words in capsys.readouterr().err


def test_a_bundle_or_video_that_is_not_there_is_named(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["benchmark", str(tmp_path / "none"), *QUICK]) == 2
    assert "none/model.toml: no such file" in capsys.readouterr().err
    assert cli.main(["benchmark", str(tiny), "--video", str(tmp_path / "no.mp4"), *QUICK]) == 2
    assert "no.mp4" in capsys.readouterr().err
