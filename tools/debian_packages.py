"""Debian's packages: root installs them, others have them unpacked into a folder of their own.

Standard library only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

LONGEST = 900.0  # seconds for any one step
_PATIENCE = ["-o", "Acquire::http::Timeout=20", "-o", "Acquire::Retries=1"]


class PackageError(Exception):
    """Why a package cannot be had, or a command failed."""


def check_tools() -> None:
    """Do nothing where there are Debian's tools.

    Raises:
        PackageError: one is missing.
    """
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise PackageError(f"no {tool} here")


def install(packages: Sequence[str]) -> None:
    """For root.

    Raises:
        PackageError: it does not work.
    """
    command = ["apt-get", "-qq", "-y", *_PATIENCE, "install", "--no-install-recommends", *packages]
    try:
        run(command)
    except PackageError:  # no package lists, or old ones
        run(["apt-get", "-qq", *_PATIENCE, "update"])
        run(command)


def unpack(packages: Sequence[str], target: Path) -> str:
    """Put packages, with those of their dependencies that the machine lacks, below a folder.

    Args:
        packages: their names.
        target: emptied first.

    Returns:
        The folders of the libraries, as LD_LIBRARY_PATH has them.

    Raises:
        PackageError: it does not work.
    """
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="convlstm_perception_") as name:
        folder = Path(name)
        _download(packages, folder)
        for package in sorted(folder.glob("*.deb")):
            run(["dpkg-deb", "-x", str(package), str(target)])
    # Some libraries lie in folders of their own, whose full names are in other libraries.
    return ":".join(sorted({str(path.parent) for path in target.rglob("lib*.so*")}))


def _download(packages: Sequence[str], folder: Path) -> None:
    """The packages and the missing ones of their dependencies, by the system's lists or fresh ones.

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
                run([*apt_get, "update"])
            plan = ["install", "--print-uris", "-y", "--no-install-recommends", *packages]
            # A line for each package: 'uri' name_version_architecture.deb size hash.
            lines = run([*apt_get, *plan]).splitlines()
            files = [line.split()[1] for line in lines if line.startswith("'")]
            names = [file.split("_")[0] for file in files]
            run([*apt_get, "download", *names], folder)
        except PackageError as error:
            complaint = complaint or str(error)
        else:
            return
    raise PackageError(complaint)


def run(command: Sequence[str], folder: Path | None = None) -> str:
    """What a command prints, run in a folder.

    Raises:
        PackageError: it failed; the message is its complaint.
    """
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
        raise PackageError(f"`{command[0]}` took longer than {LONGEST:.0f} s") from error
    if done.returncode == 0:
        return done.stdout
    lines = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("E:")] or lines[-1:]
    raise PackageError(errors[0] if errors else f"`{command[0]}` ended with {done.returncode}")
