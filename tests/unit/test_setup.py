"""Set-up says what is missing and how to get it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Set-up takes the Python that runs the tests: 3.10 only as Humble's.
FITTING = {"ROS_DISTRO": "humble"} if sys.version_info < (3, 11) else {}


def run(command: list[str], path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(path), **variables}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_missing_compiler_is_named_with_the_mend(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tools" / "setup_environment.py")]
    done = run(command, tmp_path, **FITTING)
    assert done.returncode == 1
    assert "not found: cc, c++, make, cmake" in done.stderr
    assert "apt install build-essential cmake" in done.stderr


def test_a_missing_python_is_named_with_the_mend(tmp_path: Path) -> None:
    done = run(["/bin/sh", str(ROOT / "tools" / "find_python.sh")], tmp_path)
    assert done.returncode == 1
    assert "No CPython 3.11 or 3.12 found" in done.stderr
    assert "apt install python3" in done.stderr


def test_humble_is_given_its_own_python(tmp_path: Path) -> None:
    """Ubuntu 22.04's 3.10 only: rclpy's extension is built for it."""
    for name, version in (("python3.11", "3.11"), ("python3", "3.10")):
        script = tmp_path / name
        script.write_text(
            f'#!/bin/sh\ncase " $3 " in *" {version} "*) echo {name};; *) exit 1; esac'
        )
        script.chmod(0o755)
    command = ["/bin/sh", str(ROOT / "tools" / "find_python.sh")]
    assert run(command, tmp_path).stdout == "python3.11\n"
    assert run(command, tmp_path, ROS_DISTRO="humble").stdout == "python3\n"
    (tmp_path / "python3").unlink()
    assert "No CPython 3.10 found" in run(command, tmp_path, ROS_DISTRO="humble").stderr

    refused = run(
        [sys.executable, str(ROOT / "tools" / "setup_environment.py")],
        tmp_path,
        ROS_DISTRO="jazzy" if FITTING else "humble",
    )
    assert "ROS 2 needs 3.1" in refused.stderr


def test_a_python_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    """As pyenv's names for versions that are not selected."""
    first, second = ("python3.10", "python3") if FITTING else ("python3.12", "python3.11")
    for name, target in ((first, "exit 127"), (second, f'exec {sys.executable} "$@"')):
        script = tmp_path / name
        script.write_text(f"#!/bin/sh\n{target}\n")
        script.chmod(0o755)
    done = run(["/bin/sh", str(ROOT / "tools" / "find_python.sh")], tmp_path, **FITTING)
    # Not that of this virtual environment, which set-up may be about to make anew.
    found = Path(done.stdout.strip())
    assert found.samefile(sys._base_executable)
    assert not found.is_relative_to(sys.prefix)


def test_a_browser_that_cannot_be_had_is_told_and_is_no_error(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tools" / "fetch_browser.py")]
    done = run(command, tmp_path)
    has_one = (ROOT / ".venv" / "bin" / "chromium-headless-shell").exists()
    assert done.returncode == 0
    assert done.stdout.startswith("ready" if has_one else "none: no apt-get here")


def test_apt_is_not_called_where_a_browser_is_found(tmp_path: Path) -> None:
    for name in ("apt-get", "dpkg-deb", "chromium"):
        script = tmp_path / name
        script.write_text(f"#!/bin/sh\ntouch {tmp_path}/called\n")
        script.chmod(0o755)
    done = run([sys.executable, str(ROOT / "tools" / "fetch_browser.py")], tmp_path)
    assert done.stdout == "ready\n" and not (tmp_path / "called").exists()


def test_apts_complaint_is_the_reason(tmp_path: Path) -> None:
    for name in ("apt-get", "dpkg-deb"):
        script = tmp_path / name
        script.write_text(
            "#!/bin/sh\necho 'W: old' >&2\necho 'E: no route to host' >&2\nexit 100\n"
        )
        script.chmod(0o755)
    fetch = f"sys.path.insert(0, {str(ROOT / 'tools')!r}); import fetch_browser as tool"
    call = "tool._system = lambda: 'debian'; print(tool.fetch_browser(pathlib.Path(sys.argv[1])))"
    command = [
        sys.executable,
        "-c",
        f"import pathlib, sys; {fetch}; {call}",
        str(tmp_path / "venv"),
    ]
    done = run(command, tmp_path)
    assert done.returncode == 0 and "none: E: no route to host" in done.stdout
