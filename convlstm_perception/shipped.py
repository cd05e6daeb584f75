"""Where the files that the package ships are: beside it in a checkout, or installed in a share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from convlstm_perception.errors import BundleError


def installed_prefixes() -> list[Path]:
    """Where packages may be installed: the ROS 2 workspaces that are sourced, and Python's own."""
    sourced = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    return [Path(prefix) for prefix in [*sourced, sys.prefix] if prefix]


def find_shipped(relative: Path, instead: str) -> Path:
    """A shipped file or folder.

    Args:
        relative: its path in the checkout.
        instead: what a user can do when it is missing, for the message.

    Raises:
        BundleError: when it is in none of the places; they are named.
    """
    places = [
        Path(__file__).resolve().parents[1] / relative,
        *(prefix / "share" / "convlstm_perception" / relative for prefix in installed_prefixes()),
    ]
    for place in places:
        if place.exists():
            return place
    raise BundleError(f"nothing shipped in any of {', '.join(map(str, places))}; {instead}")
