"""The choice of what the demo plays."""

from __future__ import annotations

from pathlib import Path

import pytest

from convlstm_perception.data.synthetic_scene import SyntheticScene, write_video
from convlstm_perception.data.video import open_source
from convlstm_perception.demo.footage import choose_footage
from convlstm_perception.errors import SourceError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def ignore(line: str) -> None:
    """The progress of a fetch is of no interest here."""


def test_own_video_keeps_its_rate_and_is_cut_to_the_length(tmp_path: Path) -> None:
    path = tmp_path / "own.avi"
    write_video(SyntheticScene(width=64, height=48, frame_rate=20.0, frame_count=30), path)
    whole = choose_footage(path, generated=False, rate=None, seconds=None, report=ignore)
    assert (whole.rate, whole.frames) == (pytest.approx(20.0), 30)
    part = choose_footage(path, generated=False, rate=5.0, seconds=2.0, report=ignore)
    assert (part.rate, part.frames) == (5.0, 10)


def test_missing_own_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        choose_footage(tmp_path / "x.avi", generated=False, rate=None, seconds=1.0, report=ignore)


def test_generated_scene_has_the_asked_length() -> None:
    footage = choose_footage(None, generated=True, rate=None, seconds=1.0, report=ignore)
    assert (footage.rate, footage.frames) == (7.0, 7)
    with open_source(footage.path) as source:
        assert sum(1 for _ in source) == 7


def test_without_the_video_the_generated_scene_is_played_and_said_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from convlstm_perception.data import demo_video

    monkeypatch.setattr(demo_video, "VIDEO_SHA256", "of no file on this machine")
    monkeypatch.setenv("PATH", "")
    lines: list[str] = []
    footage = choose_footage(None, generated=False, rate=None, seconds=1.0, report=lines.append)
    assert "generated scene" in footage.description
    assert any("generated scene" in line for line in lines)
    assert any("apt-get" in line for line in lines)
