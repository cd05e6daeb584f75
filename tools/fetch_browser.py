"""Gets a headless browser for the tests of HTML pages, from Debian's packages where none is there.

Standard library only. Root installs the package; others have it unpacked in the virtual
environment, with those of its dependencies that the machine lacks. What cannot be had is told and
is no error: the tests that need a browser are skipped then.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from debian_packages import PackageError, check_tools, install, run, unpack

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
PACKAGE = "chromium-headless-shell"


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
        check_tools()
        if _system() == "ubuntu":
            raise PackageError("Ubuntu has Chromium as a snap only")
        print(" fetching one, about 90 MB ...", end="", flush=True)
        if os.geteuid() == 0:
            install([PACKAGE])
            return "installed"
        _unpack(venv)
        return "unpacked"
    except (PackageError, OSError) as error:
        reason = " ".join(str(error).split())
        return f"none: {reason}. Tests of pages are skipped; install one of {', '.join(BROWSERS)}"


def _unpack(venv: Path) -> None:
    """Below ``venv/browser``, with a program in ``venv/bin`` that finds its libraries."""
    target = venv / "browser"
    libraries = unpack([PACKAGE], target)
    programs = sorted((target / "usr" / "lib").rglob(PACKAGE))
    if not programs:
        raise PackageError(f"the package {PACKAGE} holds no program of that name")
    wrapper = venv / "bin" / PACKAGE
    wrapper.write_text(
        "#!/bin/sh\n"
        "# Written by tools/fetch_browser.py.\n"
        f'export LD_LIBRARY_PATH="{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"\n'
        f'exec "{programs[0]}" "$@"\n'
    )
    wrapper.chmod(0o755)
    try:
        run([str(wrapper), "--version"])
    except PackageError as error:
        wrapper.unlink()
        raise PackageError(f"the unpacked browser does not start: {error}") from error


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
