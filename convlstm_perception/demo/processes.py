"""Processes that a run starts, watches and surely ends."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from convlstm_perception.errors import PerceptionError
from convlstm_perception.shipped import installed_prefixes

if TYPE_CHECKING:
    from typing_extensions import Self

_DISCOVERY_PORT = 7400
_PORTS_PER_DOMAIN = 250
# Of discovery by multicast, which nobody listens to where it is limited to this machine, and of the
# first participants' own discovery: they take the lowest that is free.
_PARTICIPANT_PORTS = (0, 10, 12, 14, 16, 18)
_HIGHEST_DOMAIN = 101  # the highest whose ports lie below Linux's ephemeral range

_SHARED_MEMORY = Path("/dev/shm")
_PROCESSES = 3  # node, player and the demo itself
_LEAST_SEGMENT = 4 << 20  # bytes; a segment must hold some images
_SEGMENT_SIZE = re.compile(r"<segment_size>\s*(\d+)")
_LIMITED_SIZE = re.compile(r"(<(?:segment_size|maxMessageSize)>)\s*(\d+)")

_PATIENCE = ((signal.SIGINT, 15.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))


class ChildError(PerceptionError):
    """A process of the demo ended when it should not have."""


class Child:
    """A process in its own group, with its output in a file; ended with the block.

    Args:
        name: for messages.
        command: the program and its arguments.
        log: file for standard output and standard error.
        environment: the whole environment.
    """

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str]
    ) -> None:
        self.name = name
        self.log = log
        with log.open("wb") as output:
            # In a session of its own Ctrl-C reaches this process only, which then ends
            # the children in order.
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal, or None while it runs."""
        return self._process.poll()

    def check_running(self) -> None:
        """Do nothing while the process runs.

        Raises:
            ChildError: it has ended; the message holds the last lines of its log.
        """
        code = self.exit_code
        if code is not None:
            raise ChildError(
                f"the {self.name} ended with exit code {code}. The last lines of {self.log}:\n"
                + "\n".join(f"    {line}" for line in self.last_lines())
            )

    def last_lines(self, count: int = 15) -> list[str]:
        """The last lines of the log."""
        return self.log.read_text(errors="replace").splitlines()[-count:]

    def stop(self) -> int:
        """Ask the process to end, ever less politely, and give its exit code."""
        for number, seconds in _PATIENCE:
            if self.exit_code is None:
                os.killpg(self._process.pid, number)
                try:
                    self._process.wait(seconds)
                except subprocess.TimeoutExpired:
                    continue
        return self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def isolated_environment(domain: int, profile: Path | None) -> dict[str, str]:
    """Variables that keep a run's ROS traffic to itself and large images fast.

    Args:
        domain: ROS domain of the run.
        profile: Fast DDS profile with the shared-memory transport, or None.

    Returns:
        The variables to set beside the ones of this process.
    """
    variables = {
        "ROS_DOMAIN_ID": str(domain),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "PYTHONUNBUFFERED": "1",
    }
    if profile is not None:
        variables["FASTDDS_DEFAULT_PROFILES_FILE"] = str(profile)
        variables["FASTRTPS_DEFAULT_PROFILES_FILE"] = str(profile)
    return variables


def find_profile() -> Path | None:
    """The shipped Fast DDS profile: beside the package in a checkout, or installed."""
    places = [
        Path(__file__).resolve().parents[2],
        *(prefix / "share" / "convlstm_perception" for prefix in installed_prefixes()),
    ]
    profiles = [place / "config" / "fastdds.xml" for place in places]
    return next((profile for profile in profiles if profile.is_file()), None)


def fitted_profile(shipped: Path | None, folder: Path) -> Path | None:
    """A Fast DDS profile whose shared memory fits into this machine's.

    Where the segments of all processes do not fit, as in a Docker container with its
    64 MB, Fast DDS does without shared memory, and most images are lost or late.

    Args:
        shipped: profile to start from, or None.
        folder: where a profile with smaller segments is written if need be.

    Returns:
        The shipped profile where it fits, or where not even small segments would.
    """
    if shipped is None or not _SHARED_MEMORY.is_dir():
        return shipped
    text = shipped.read_text()
    wanted = [int(size) for size in _SEGMENT_SIZE.findall(text)]
    free = shutil.disk_usage(_SHARED_MEMORY).free
    # One share more than there are processes: each has its queues beside its segment.
    share = free // (_PROCESSES + 1)
    if not wanted or max(wanted) <= share or share < _LEAST_SEGMENT:
        return shipped
    limited = _LIMITED_SIZE.sub(lambda size: f"{size[1]}{min(int(size[2]), share)}", text)
    path = folder / "fastdds.xml"
    path.write_text(limited)
    return path


def free_domain() -> int:
    """A ROS domain that no process of this machine takes part in."""
    start = 1 + time.time_ns() // 1000 % _HIGHEST_DOMAIN
    for offset in range(_HIGHEST_DOMAIN):
        domain = 1 + (start + offset) % _HIGHEST_DOMAIN
        first = _DISCOVERY_PORT + _PORTS_PER_DOMAIN * domain
        if all(_is_free(first + port) for port in _PARTICIPANT_PORTS):
            return domain
    raise PerceptionError(
        f"all ROS domains from 1 to {_HIGHEST_DOMAIN} are in use on this machine. "
        "Stop ROS processes that are no longer needed."
    )


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
        return True
