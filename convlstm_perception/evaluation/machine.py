"""On what machine, with what versions, something was measured."""

from __future__ import annotations

import os
import platform
import resource
from importlib import metadata
from pathlib import Path
from typing import Any

from convlstm_perception import __version__

_LIBRARIES = ("numpy", "onnxruntime", "opencv-python-headless", "scipy", "motmetrics")


def machine() -> dict[str, Any]:
    """Processor, the cores that this process may use, memory and system."""
    return {
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "load_1min": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def cpu_name(path: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name as Linux tells it, or its architecture."""
    try:
        text = path.read_text()
    except OSError:
        return platform.machine()
    # On ARM there may be no model name.
    for key in ("model name", "Model", "Hardware"):
        for line in text.splitlines():
            name, _, value = line.partition(":")
            if name.strip() == key and value.strip():
                return value.strip()
    return platform.machine()


def versions() -> dict[str, str]:
    """Of this package, Python and the libraries that do the work."""
    found = {"convlstm_perception": __version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def peak_memory_mib() -> float:
    """Largest resident memory of this process so far in MiB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0, 1)
