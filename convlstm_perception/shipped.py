"""Where the files that the package ships are: beside it in a checkout, or installed in a share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from convlstm_perception.errors import BundleError


def find_shipped(relative: Path, instead: str) -> Path:
    """A shipped file or folder.

    Args:
        relative: its path in the checkout.
        instead: what a user can do when it is missing, for the message.

    Raises:
        BundleError: when it is in none of the places; they are named.
    """
    prefixes = [entry for entry in os.environ.get("AMENT_PREFIX_PATH", "").split(":") if entry]
    places = [
        Path(__file__).resolve().parents[1] / relative,
        *(
            Path(prefix) / "share" / "convlstm_perception" / relative
            for prefix in [*prefixes, sys.prefix]
        ),
    ]
    for place in places:
        if place.exists():
            return place
    raise BundleError(f"nothing shipped in any of {', '.join(map(str, places))}; {instead}")
