"""The types of messages that bags hold: ROS 2's, and those of our interface packages."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from convlstm_perception.errors import SourceError
from convlstm_perception.shipped import installed_prefixes

if TYPE_CHECKING:
    from rosbags.interfaces.typing import Typesdict
    from rosbags.typesys.store import Typestore

_PACKAGES = ("vision_msgs", "convlstm_perception_msgs")
_CHECKOUT = Path(__file__).resolve().parents[2] / "ros2_ws"
_MEND = "Bags are read and written by the library rosbags, which is missing: pip install rosbags."


@functools.cache  # parsing takes a tenth of a second, and the types never change
def message_types() -> Typestore:
    """ROS 2's own types with those of vision_msgs and convlstm_perception_msgs.

    Raises:
        SourceError: when rosbags or a package's definitions are missing.
    """
    try:
        from rosbags.typesys import Stores, get_types_from_msg, get_typestore
    except ImportError as error:
        raise SourceError(_MEND) from error
    store = get_typestore(Stores.ROS2_JAZZY)
    known: Typesdict = {}
    for package in _PACKAGES:
        for path in sorted(_definitions(package).glob("*.msg")):
            known |= get_types_from_msg(path.read_text(), f"{package}/msg/{path.stem}")
    store.register(known)
    return store


def _definitions(package: str) -> Path:
    """The folder of a package's .msg files: in a checkout, or installed."""
    places = [
        _CHECKOUT / "src" / package / "msg",
        _CHECKOUT / "underlay" / package / "msg",
        *(prefix / "share" / package / "msg" for prefix in installed_prefixes()),
        Path(sys.prefix) / "share" / "convlstm_perception" / "interfaces" / package,
    ]
    for place in places:
        if place.is_dir():
            return place
    raise SourceError(
        f"the message definitions of {package} are in none of {', '.join(map(str, places))}; "
        "source the ROS 2 workspace, or install this package again"
    )
