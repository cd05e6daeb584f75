"""Child processes of the demo."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from convlstm_perception.demo import processes
from convlstm_perception.demo.processes import Child, ChildError, fitted_profile, free_domain

PROFILE = """
<segment_size>67108864</segment_size><maxMessageSize>16777216</maxMessageSize>
"""


def child(tmp_path: Path, program: str) -> Child:
    return Child("worker", [sys.executable, "-u", "-c", program], tmp_path / "log", os.environ)


def await_line(process: Child, line: str) -> None:
    deadline = time.monotonic() + 20.0
    while line not in process.last_lines():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_child_is_interrupted_at_the_end_of_the_block(tmp_path: Path) -> None:
    program = (
        "import time\ntry:\n print('ready'); time.sleep(60)\nexcept KeyboardInterrupt: print('bye')"
    )
    with child(tmp_path, program) as process:
        await_line(process, "ready")
        process.check_running()
    assert process.exit_code == 0
    assert process.last_lines()[-1] == "bye"


def test_deaf_child_is_ended_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patience = ((signal.SIGINT, 0.2), (signal.SIGTERM, 0.2), (signal.SIGKILL, 5.0))
    monkeypatch.setattr(processes, "_PATIENCE", patience)
    program = (
        "import signal, time\n"
        "for n in (signal.SIGINT, signal.SIGTERM): signal.signal(n, signal.SIG_IGN)\n"
        "print('ready'); time.sleep(60)"
    )
    with child(tmp_path, program) as process:
        await_line(process, "ready")
    assert process.exit_code == -signal.SIGKILL


def test_death_shows_the_last_lines(tmp_path: Path) -> None:
    with child(tmp_path, "print('one'); print('two'); raise SystemExit(3)") as process:
        while process.exit_code is None:
            time.sleep(0.02)
        with pytest.raises(ChildError, match=r"(?s)worker ended with exit code 3.*one.*two"):
            process.check_running()


@pytest.mark.parametrize("port", [0, 10, 14])
def test_free_domain_is_not_one_in_use(port: int) -> None:
    """Participants limited to this machine listen on the ports from 10 on only."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("", 7400 + 250 * 50 + port))
        assert 1 <= free_domain() <= 101
        assert all(free_domain() != 50 for _ in range(300))


def shared_memory_of(megabytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil._ntuple_diskusage(megabytes << 20, 0, megabytes << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)


@pytest.mark.parametrize("megabytes", [8, 300])
def test_profile_stays_where_it_fits_or_nothing_would(
    megabytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "shipped.xml"
    shipped.write_text(PROFILE)
    shared_memory_of(megabytes, monkeypatch)
    assert fitted_profile(shipped, tmp_path) == shipped
    assert fitted_profile(None, tmp_path) is None


@pytest.mark.parametrize(
    ("megabytes", "segment", "message"), [(64, 16, 16), (40, 10, 10), (128, 32, 16)]
)
def test_segments_shrink_to_the_shared_memory_there_is(
    megabytes: int, segment: int, message: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "shipped.xml"
    shipped.write_text(PROFILE)
    shared_memory_of(megabytes, monkeypatch)
    fitted = fitted_profile(shipped, tmp_path)
    assert fitted is not None and fitted != shipped
    assert f"<segment_size>{segment << 20}</segment_size>" in fitted.read_text()
    assert f"<maxMessageSize>{message << 20}</maxMessageSize>" in fitted.read_text()
