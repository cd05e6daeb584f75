"""A cache of built files under every fault: damaged, foreign, stale, two at once, killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from convlstm_perception.engine.tensorrt.cache import BuildCache, CacheKey, default_cache_folder
from convlstm_perception.engine.tensorrt.sealed_file import (
    DamagedFileError,
    SealedFile,
    read_sealed,
    write_sealed,
)
from convlstm_perception.errors import EngineError

ROOT = Path(__file__).resolve().parents[4]
CONTENT = SealedFile({"report": [1, 2]}, bytes(range(256)) * 40)
ANEW = SealedFile({}, b"built anew")
Start = Callable[[str], subprocess.Popen[str]]


def key(**facts: str | int) -> CacheKey:
    return CacheKey("encoder-fp16-sm89", ".engine", {"graph": "ab12", "version": "10.3.0", **facts})


@pytest.fixture
def cache(tmp_path: Path) -> BuildCache:
    return BuildCache(tmp_path / "below" / "engines")


@pytest.fixture
def path(cache: BuildCache) -> Path:
    """A file of the cache, whole."""
    return cache.get_or_build(key(), lambda: CONTENT).path


def test_what_was_built_is_found_again(cache: BuildCache) -> None:
    assert cache.lookup(key()) is None
    built = cache.get_or_build(key(), lambda: CONTENT)
    again = BuildCache(cache.folder).get_or_build(key(), lambda: pytest.fail("built twice"))
    assert (built.fresh, again.fresh) == (True, False)
    assert built.content == again.content == CONTENT
    assert built.path == again.path == cache.path(key())
    assert sorted(path.suffix for path in cache.folder.iterdir()) == [".engine", ".lock"]


@pytest.mark.parametrize(
    "other", [{"graph": "cd34"}, {"version": "10.13.3"}, {"cameras": 2}, {"target": "sm86"}]
)
def test_other_facts_are_another_file(
    other: dict[str, str | int], cache: BuildCache, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert cache.lookup(key(**other)) is None
    entry = cache.get_or_build(key(**other), lambda: ANEW)
    assert entry.fresh and entry.path != path
    name, value = next(iter(other.items()))
    told = f"{path}: stale: its {name} is {dict(key().facts).get(name)}, not {value}"
    assert told in caplog.text and "building anew" in caplog.text
    assert cache.get_or_build(key(), lambda: ANEW).content == CONTENT


@pytest.mark.parametrize("kept", [0, 4, 8, 30, 44, 52, 60, 400, -1])
def test_a_file_that_was_cut_off_is_built_anew(
    kept: int, cache: BuildCache, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(path.read_bytes()[:kept])
    assert cache.get_or_build(key(), lambda: ANEW).content == ANEW
    assert caplog.text.count(f"{path}: damaged") == 1
    assert cache.get_or_build(key(), lambda: CONTENT).content == ANEW


def test_any_changed_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "small"
    write_sealed(path, SealedFile({"a": 1}, b"payload"))
    whole = path.read_bytes()
    for index in range(len(whole)):
        changed = bytearray(whole)
        changed[index] ^= 1 << index % 8
        path.write_bytes(changed)
        with pytest.raises(DamagedFileError):
            read_sealed(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(DamagedFileError, match=f"{len(whole) + 1} bytes, not {len(whole)}"):
        read_sealed(path)
    path.write_bytes(whole)
    assert read_sealed(path) == SealedFile({"a": 1}, b"payload")


@pytest.mark.parametrize("foreign", [b"vtrt" + bytes(5000), b"PK\x03\x04" + bytes(100), b"{}"])
def test_a_foreign_file_is_built_anew(
    foreign: bytes, cache: BuildCache, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(foreign)
    assert cache.lookup(key()) is None
    assert "not written by this version" in caplog.text
    assert cache.get_or_build(key(), lambda: ANEW).fresh


def test_a_file_under_anothers_name_is_built_anew(
    cache: BuildCache, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = key(version="10.13.3")
    path.rename(cache.path(other))
    assert cache.get_or_build(other, lambda: ANEW).content == ANEW
    assert "stale: its version is 10.3.0, not 10.13.3" in caplog.text


def test_what_may_not_be_built_is_refused_with_the_mend(cache: BuildCache) -> None:
    with pytest.raises(EngineError, match=r"encoder-fp16-sm89-\w+\.engine: no usable.*Run: this"):
        cache.get_or_build(key(), lambda: pytest.fail("built"), "never", "Run: this")
    assert not cache.folder.exists()
    path = cache.get_or_build(key(), lambda: CONTENT).path
    assert cache.get_or_build(key(), lambda: ANEW, "never").content == CONTENT
    path.write_bytes(b"damaged")
    with pytest.raises(EngineError, match="no usable file"):
        cache.get_or_build(key(), lambda: pytest.fail("built"), "never")


def test_a_build_that_fails_leaves_nothing_behind(cache: BuildCache) -> None:
    def fail() -> SealedFile:
        raise EngineError("refused")

    for _ in range(2):  # the lock is free again
        with pytest.raises(EngineError, match="refused"):
            cache.get_or_build(key(), fail)
    assert [path.suffix for path in cache.folder.iterdir()] == [".lock"]


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError, match=r"file/engines.*name another folder \(--cache"):
        BuildCache(tmp_path / "file" / "engines").store(key(), CONTENT)


def test_a_file_that_cannot_be_read_is_named(cache: BuildCache) -> None:
    cache.path(key()).mkdir(parents=True)
    with pytest.raises(EngineError, match=r"cannot be read .*or delete it"):
        cache.lookup(key())


def test_the_folder_is_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_folder() == tmp_path / "convlstm_perception" / "engines"
    assert BuildCache().folder == default_cache_folder()
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache_folder() == tmp_path / ".cache" / "convlstm_perception" / "engines"


# A process that asks for a file; building it begins with a word and ends when `go` is there.
BUILDER = """
import json, sys, time
from pathlib import Path
from convlstm_perception.engine.tensorrt.cache import BuildCache, CacheKey
from convlstm_perception.engine.tensorrt.sealed_file import SealedFile

folder, payload = Path(sys.argv[1]), sys.argv[2]
def build():
    print("building", flush=True)
    while not (folder / "go").exists():
        time.sleep(0.01)
    return SealedFile({}, payload.encode() * 300_000)
key = CacheKey("encoder", ".engine", {"graph": "ab12"})
entry = BuildCache(folder).get_or_build(key, build)
print(json.dumps([entry.fresh, entry.content.payload[:1].decode(), len(entry.content.payload)]))
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a process; what still runs after the test is ended."""
    processes = []

    def begin(payload: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", BUILDER, str(tmp_path), payload],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def wait_for_lock(process: subprocess.Popen[str]) -> None:
    """Until the process says that it waits for another."""
    assert process.stderr is not None
    assert "another process makes it; waiting for it" in process.stderr.readline()


def test_of_two_processes_one_builds_and_the_other_waits(start: Start, tmp_path: Path) -> None:
    first = start("a")
    assert first_line(first) == "building"
    second = start("b")
    wait_for_lock(second)
    (tmp_path / "go").touch()
    assert json.loads(first.communicate(timeout=60)[0]) == [True, "a", 300_000]
    assert json.loads(second.communicate(timeout=60)[0]) == [False, "a", 300_000]


def test_a_killed_builder_frees_the_lock(start: Start, tmp_path: Path) -> None:
    first = start("a")
    assert first_line(first) == "building"
    second = start("b")
    wait_for_lock(second)
    # What it had written of its file when it died.
    cut_off = next(tmp_path.glob("*.lock")).with_suffix(".partial")
    cut_off.write_bytes(b"CLSTMPC1" + bytes(100))
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=60)
    assert first_line(second) == "building"
    (tmp_path / "go").touch()
    assert json.loads(second.communicate(timeout=60)[0]) == [True, "b", 300_000]
    assert not cut_off.exists()


def test_many_processes_at_once_build_once(start: Start, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    processes = [start(letter) for letter in "abcd"]
    outputs = [process.communicate(timeout=60)[0].splitlines() for process in processes]
    answers = [json.loads(lines[-1]) for lines in outputs]
    assert sorted(fresh for fresh, _, _ in answers) == [False, False, False, True]
    assert len({(letter, length) for _, letter, length in answers}) == 1


def test_readers_never_see_half_a_file(tmp_path: Path) -> None:
    """A writer replaces a file over and over while it is read."""
    path = tmp_path / "file"
    write_sealed(path, SealedFile({}, b"a" * 100_000))
    writer = os.fork()
    if writer == 0:
        try:
            for turn in range(100):
                write_sealed(path, SealedFile({}, b"ab"[turn % 2 : turn % 2 + 1] * 100_000))
        finally:
            os._exit(0)
    end, seen = time.monotonic() + 60, set()
    while os.waitpid(writer, os.WNOHANG) == (0, 0) and time.monotonic() < end:
        payload = read_sealed(path).payload
        assert payload in (b"a" * 100_000, b"b" * 100_000)
        seen.add(payload[:1])
    assert seen == {b"a", b"b"}
