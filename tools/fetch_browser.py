"""Gets a headless browser for the tests of HTML pages, from Debian's packages where none is there.

Standard library only. Root installs the package; others have it unpacked in the virtual
environment, with those of its dependencies that the machine lacks. What cannot be had is told and
is no error: the tests that need a browser are skipped then.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
PACKAGE = "chromium-headless-shell"
LONGEST = 900.0  # seconds for any one step
_PATIENCE = ["-o", "Acquire::http::Timeout=20", "-o", "Acquire::Retries=1"]


class NoBrowserError(Exception):
    """Why there is none."""


def fetch_browser(venv: Path) -> str:
    """Have a browser on the path of a virtual environment, or tell why there is none.

    Args:
        venv: the virtual environment's folder.

    Returns:
        What came of it, in words.
    """
    path = os.pathsep.join([str(venv / "bin"), os.environ.get("PATH", os.defpath)])
    if any(shutil.which(name, path=path) for name in BROWSERS):
        return "ready"
    try:
        for tool in ("apt-get", "dpkg-deb"):
            if shutil.which(tool) is None:
                raise NoBrowserError(f"no {tool} here")
        if _system() == "ubuntu":
            raise NoBrowserError("Ubuntu has Chromium as a snap only")
        print(" fetching one, about 90 MB ...", end="", flush=True)
        if os.geteuid() == 0:
            _install()
            return "installed"
        _unpack(venv)
        return "unpacked"
    except (NoBrowserError, OSError) as error:
        reason = " ".join(str(error).split())
        return f"none: {reason}. Tests of pages are skipped; install one of {', '.join(BROWSERS)}"


def _install() -> None:
    command = ["apt-get", "-qq", "-y", *_PATIENCE, "install", "--no-install-recommends", PACKAGE]
    try:
        _run(command)
    except NoBrowserError:  # no package lists, or old ones
        _run(["apt-get", "-qq", *_PATIENCE, "update"])
        _run(command)


def _unpack(venv: Path) -> None:
    """Below ``venv/browser``, with a program in ``venv/bin`` that finds its libraries."""
    target = venv / "browser"
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="convlstm_perception_") as name:
        folder = Path(name)
        _download(folder)
        for package in sorted(folder.glob("*.deb")):
            _run(["dpkg-deb", "-x", str(package), str(target)])
    programs = sorted((target / "usr" / "lib").rglob(PACKAGE))
    if not programs:
        raise NoBrowserError(f"the package {PACKAGE} holds no program of that name")
    # Some libraries lie in folders of their own, whose full names are in other libraries.
    libraries = ":".join(sorted({str(path.parent) for path in target.rglob("lib*.so*")}))
    wrapper = venv / "bin" / PACKAGE
    wrapper.write_text(
        "#!/bin/sh\n"
        "# Written by tools/fetch_browser.py.\n"
        f'export LD_LIBRARY_PATH="{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"\n'
        f'exec "{programs[0]}" "$@"\n'
    )
    wrapper.chmod(0o755)
    try:
        _run([str(wrapper), "--version"])
    except NoBrowserError as error:
        wrapper.unlink()
        raise NoBrowserError(f"the unpacked browser does not start: {error}") from error


def _download(folder: Path) -> None:
    """The package and the missing ones of its dependencies, with the system's lists or fresh ones.

    Fresh lists go into the folder: nobody but root may change the system's.
    """
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    fresh = ["-o", f"Dir::State::Lists={folder / 'lists'}", "-o", f"Dir::Cache={folder / 'cache'}"]
    complaint = ""
    for options in ([], fresh):
        apt_get = ["apt-get", "-qq", *_PATIENCE, *options]
        try:
            if options:
                _run([*apt_get, "update"])
            plan = ["install", "--print-uris", "-y", "--no-install-recommends", PACKAGE]
            # A line for each package: 'uri' name_version_architecture.deb size hash.
            lines = _run([*apt_get, *plan]).splitlines()
            files = [line.split()[1] for line in lines if line.startswith("'")]
            names = [file.split("_")[0] for file in files]
            _run([*apt_get, "download", *names], folder)
        except NoBrowserError as error:
            complaint = complaint or str(error)
        else:
            return
    raise NoBrowserError(complaint)


def _run(command: Sequence[str], folder: Path | None = None) -> str:
    """What a command prints; when it fails its complaint is raised."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    # Libraries of the wheels are not meant for the system's programs.
    environment.pop("LD_LIBRARY_PATH", None)
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NoBrowserError(f"`{command[0]}` took longer than {LONGEST:.0f} s") from error
    if done.returncode == 0:
        return done.stdout
    lines = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("E:")] or lines[-1:]
    raise NoBrowserError(errors[0] if errors else f"`{command[0]}` ended with {done.returncode}")


def _system() -> str:
    """The distribution's short name, as debian."""
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except OSError:
        return ""
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    return values.get("ID", "").strip('"')


if __name__ == "__main__":
    print(fetch_browser(Path(__file__).resolve().parents[1] / ".venv"))
    sys.exit(0)
