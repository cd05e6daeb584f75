"""Bags and disks for tests."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convlstm_perception.bags import type_store

IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"


def header(stamp_ns: int, frame_id: str = "camera") -> Any:
    """A std_msgs/Header of rosbags."""
    types: dict[str, Any] = type_store().types
    seconds, rest = divmod(stamp_ns, 1_000_000_000)
    stamp = types["builtin_interfaces/msg/Time"](sec=seconds, nanosec=rest)
    return types["std_msgs/msg/Header"](stamp=stamp, frame_id=frame_id)


def image(stamp_ns: int, pixels: np.ndarray, frame_id: str = "camera") -> Any:
    """A bgr8 sensor_msgs/Image of rosbags."""
    return type_store().types[IMAGE](
        header=header(stamp_ns, frame_id),
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding="bgr8",
        is_bigendian=0,
        step=3 * pixels.shape[1],
        data=pixels.reshape(-1),
    )


def files_below(folder: Path) -> list[str]:
    """Everything in a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@contextmanager
def full_disk(folder: Path, free: int) -> Iterator[Path]:
    """A folder in which ``free`` bytes can be written: a disk of its own, else a limit of files."""
    place = folder / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={free}", "tmpfs", str(place)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0
    if mounted:
        try:
            yield place
        finally:
            subprocess.run(["umount", "--lazy", str(place)], check=True)
        return
    try:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (free, before[1]))
    except (OSError, ValueError) as error:
        pytest.skip(f"neither a tmpfs can be mounted nor file sizes limited here: {error}")
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        yield place
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
