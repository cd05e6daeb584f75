"""Fetching the demo's video, with a real apt-get and a small repository of the test's own."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from convlstm_perception.data import demo_video
from convlstm_perception.errors import SourceError

needs_apt = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in ("apt-get", "dpkg-deb")),
    reason="needs apt-get and dpkg-deb, which this system lacks",
)
CONTENT = b"a video, let us say" * 1000


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(demo_video, "VIDEO_SHA256", hashlib.sha256(CONTENT).hexdigest())


def use_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """Let apt-get know one source only, and no package list of this system."""
    lists = tmp_path / "no_lists"
    (lists / "partial").mkdir(parents=True)
    (tmp_path / "sources.list").write_text(f"{source}\n")
    configuration = tmp_path / "apt.conf"
    configuration.write_text(
        f'Dir::Etc::sourcelist "{tmp_path}/sources.list";\n'
        'Dir::Etc::sourceparts "-";\n'
        f'Dir::State::Lists "{lists}";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(configuration))


def build_repository(folder: Path, content: bytes) -> str:
    """A repository with one package that holds the video; its line for sources.list."""
    tree = folder / "tree"
    video = tree / "usr/share/doc/opencv-doc/examples/data/vtest.avi"
    video.parent.mkdir(parents=True)
    video.write_bytes(content)
    control = (
        "Package: opencv-doc\nVersion: 1.0\nArchitecture: all\n"
        "Maintainer: Test <test@example.com>\nDescription: test\n"
    )
    (tree / "DEBIAN").mkdir()
    (tree / "DEBIAN/control").write_text(control)
    repository = folder / "repository"
    repository.mkdir()
    package = repository / "opencv-doc_1.0_all.deb"
    subprocess.run(["dpkg-deb", "--build", tree, package], check=True, capture_output=True)
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    (repository / "Packages").write_text(
        f"{control}Filename: ./{package.name}\nSize: {package.stat().st_size}\nSHA256: {digest}\n"
    )
    return f"deb [trusted=yes] copy:{repository} ./"


@needs_apt
def test_video_is_fetched_once_without_package_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_sources(tmp_path, monkeypatch, build_repository(tmp_path, CONTENT))
    lines: list[str] = []
    path = demo_video.fetch_demo_video(lines.append)
    assert path.read_bytes() == CONTENT
    assert any("package lists" in line for line in lines)
    monkeypatch.setenv("PATH", "")
    assert demo_video.fetch_demo_video(lines.append) == path


@needs_apt
def test_another_file_than_expected_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_sources(tmp_path, monkeypatch, build_repository(tmp_path, b"another file"))
    with pytest.raises(SourceError, match=r"holds another .* than expected"):
        demo_video.fetch_demo_video()
    assert demo_video.find_demo_video() is None
    assert not list(demo_video.cache_folder().iterdir())


@needs_apt
def test_no_network_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_sources(tmp_path, monkeypatch, "deb http://127.0.0.1:9/debian stable main")
    with pytest.raises(SourceError, match=r"cannot be downloaded.*Check the network.*--video"):
        demo_video.fetch_demo_video()


def test_system_without_apt_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SourceError, match=r"no apt-get.*--video PATH"):
        demo_video.fetch_demo_video()


def test_damaged_cached_video_is_not_used() -> None:
    (demo_video.cache_folder() / "vtest.avi").write_bytes(CONTENT[:-1])
    assert demo_video.find_demo_video() is None
    (demo_video.cache_folder() / "vtest.avi").write_bytes(CONTENT)
    assert demo_video.find_demo_video() is not None


def test_cache_falls_back_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.chdir(tmp_path)
    assert demo_video.cache_folder() == Path("out/cache")
