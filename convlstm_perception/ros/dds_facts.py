"""What decides on this machine whether DDS delivers large images."""

from __future__ import annotations

import fcntl
import shutil
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from convlstm_perception.demo.processes import find_profile

PROFILE_VARIABLES = (
    "FASTRTPS_DEFAULT_PROFILES_FILE",  # Fast DDS 2, which ROS 2 has up to Jazzy
    "FASTDDS_DEFAULT_PROFILES_FILE",  # Fast DDS 3, from Kilted on
)
_FAST_DDS = ("rmw_fastrtps_cpp", "rmw_fastrtps_dynamic_cpp")
_IN_FOLDER = ("DEFAULT_FASTRTPS_PROFILES.xml", "DEFAULT_FASTDDS_PROFILES.xml")
_SHARED_MEMORY = Path("/dev/shm")
_SOCKET_LIMITS = Path("/proc/sys/net/core")


@dataclass(frozen=True)
class SharedMemory:
    """What processes of this machine share images through; all in bytes.

    Attributes:
        total, free: of /dev/shm.
        stale_segments: Fast DDS's segments whose process is gone.
        stale_bytes: that these hold.
    """

    total: int
    free: int
    stale_segments: int
    stale_bytes: int


@dataclass(frozen=True)
class Profile:
    """A Fast DDS profile.

    Attributes:
        path: of its file.
        segment_bytes: of its largest shared-memory segment; None where it sets none.
        problem: why it cannot be read; empty where it can.
    """

    path: Path
    segment_bytes: int | None = None
    problem: str = ""


@dataclass(frozen=True)
class DdsFacts:
    """What was found.

    Attributes:
        rmw: the RMW implementation.
        variables: those of PROFILE_VARIABLES that are set.
        variable: that of them which Fast DDS reads here.
        profile: the one in force, None where Fast DDS has only its defaults.
        shipped: the shipped profile's file, None where it is not installed.
        shipped_in_force: whether the one in force has the shipped one's text.
        shared_memory: None where there is no /dev/shm.
        receive_limit, send_limit: most bytes that a socket may buffer (net.core.rmem_max,
            wmem_max); None where that is not told.
        container: whether this is inside Docker or Podman.
    """

    rmw: str
    variables: Mapping[str, str]
    variable: str
    profile: Profile | None
    shipped: Path | None
    shipped_in_force: bool
    shared_memory: SharedMemory | None
    receive_limit: int | None
    send_limit: int | None
    container: bool

    @property
    def is_fast_dds(self) -> bool:
        """Whether profiles of Fast DDS apply at all."""
        return self.rmw in _FAST_DDS


def find_facts(environment: Mapping[str, str], folder: Path) -> DdsFacts:
    """Look at this machine.

    Args:
        environment: of the processes that will use ROS.
        folder: their working folder, where Fast DDS looks for a profile too.

    Raises:
        ModuleNotFoundError: rclpy cannot be imported.
    """
    from rclpy.utilities import get_rmw_implementation_identifier

    variables = {name: environment[name] for name in PROFILE_VARIABLES if environment.get(name)}
    variable = _profile_variable(environment)
    path = _path_in_force(variables, variable, folder)
    shipped = find_profile()
    return DdsFacts(
        rmw=get_rmw_implementation_identifier(),
        variables=variables,
        variable=variable,
        profile=None if path is None else read_profile(path),
        shipped=shipped,
        shipped_in_force=bool(
            path and shipped and path.is_file() and path.read_bytes() == shipped.read_bytes()
        ),
        shared_memory=find_shared_memory(_SHARED_MEMORY),
        receive_limit=_limit("rmem_max"),
        send_limit=_limit("wmem_max"),
        container=any(Path(mark).exists() for mark in ("/.dockerenv", "/run/.containerenv")),
    )


def _profile_variable(environment: Mapping[str, str]) -> str:
    """Distributions are named by the alphabet; the wheels are Jazzy, and name none."""
    distribution = environment.get("ROS_DISTRO") or "jazzy"
    return PROFILE_VARIABLES[distribution >= "kilted"]


def _path_in_force(variables: Mapping[str, str], variable: str, folder: Path) -> Path | None:
    if variable in variables:
        return Path(variables[variable])
    return next((folder / name for name in _IN_FOLDER if (folder / name).is_file()), None)


def read_profile(path: Path) -> Profile:
    """A profile as Fast DDS finds it; what is wrong is told, not raised."""
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        return Profile(path, problem=str(error))
    sizes = [
        int(size)
        for element in root.iter()
        if element.tag.rpartition("}")[2] == "segment_size"
        and (size := (element.text or "").strip()).isdigit()
    ]
    return Profile(path, max(sizes, default=None))


def find_shared_memory(folder: Path) -> SharedMemory | None:
    """Room in the folder, and what processes that were killed have left there."""
    if not folder.is_dir():
        return None
    usage = shutil.disk_usage(folder)
    stale = []
    for lock in folder.glob("fastrtps_*_el"):
        segment = lock.with_name(lock.name.removesuffix("_el"))
        if "port" not in lock.name and _is_free(lock) and segment.is_file():
            stale.append(segment.stat().st_size)
    return SharedMemory(usage.total, usage.free, len(stale), sum(stale))


def _is_free(lock: Path) -> bool:
    """Whether no process holds the lock; Fast DDS locks its segment as long as it lives."""
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:  # held, another user's, or gone meanwhile
        return False
    return True


def _limit(name: str) -> int | None:
    path = _SOCKET_LIMITS / name
    return int(path.read_text()) if path.is_file() else None
