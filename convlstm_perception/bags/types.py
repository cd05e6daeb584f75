"""The message types of bags: those of ROS 2, and ours from their own definitions."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from convlstm_perception.errors import BagError
from convlstm_perception.shipped import find_shipped

if TYPE_CHECKING:
    from rosbags.interfaces.typing import Typesdict
    from rosbags.typesys.store import Typestore

# Packages whose types rosbags does not bring, with the place of each in the checkout.
_PACKAGES = {
    "vision_msgs": Path("ros2_ws/underlay/vision_msgs/msg"),
    "convlstm_perception_msgs": Path("ros2_ws/src/convlstm_perception_msgs/msg"),
}


@lru_cache(maxsize=1)
def type_store() -> Typestore:
    """Every type that the node receives or publishes. It is shared: register nothing in it.

    Raises:
        BagError: when the library rosbags is missing, or a definition cannot be read.
        BundleError: when a package's definitions are not to be found.
    """
    store = standard_types()
    store.register(own_types())
    return store


def standard_types() -> Typestore:
    """A new store of the types that ROS 2 Jazzy brings.

    Raises:
        BagError: when the library rosbags is missing.
    """
    try:
        from rosbags.typesys import Stores, get_typestore
    except ImportError as error:
        raise missing_library() from error
    return get_typestore(Stores.ROS2_JAZZY)


@lru_cache(maxsize=1)
def own_types() -> Typesdict:
    """The types of our messages and of vision_msgs by name, as a store registers them.

    Raises:
        BagError: when a definition cannot be read.
        BundleError: when a package's definitions are not to be found.
    """
    from rosbags.typesys import TypesysError, get_types_from_msg

    types: Typesdict = {}
    for package, relative in _PACKAGES.items():
        for path in sorted(_definitions(package, relative).glob("*.msg")):
            try:
                types |= get_types_from_msg(path.read_text(), f"{package}/msg/{path.stem}")
            except (OSError, UnicodeDecodeError, TypesysError) as error:
                raise BagError(
                    f"{path}: the message definition cannot be read: {error}; install the package "
                    "anew"
                ) from error
    return types


def missing_library() -> BagError:
    """What to say where rosbags cannot be imported."""
    return BagError(
        "bags are read and written by the library rosbags, which is missing: "
        "pip install 'convlstm-perception[bags]'"
    )


def _definitions(package: str, relative: Path) -> Path:
    """Folder of a package's .msg files; first that of the installed messages, which the node's
    bytes are made by.
    """
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(":"):
        folder = Path(prefix) / "share" / package / "msg"
        if prefix and folder.is_dir():
            return folder
    return find_shipped(relative, f"install {package}, or convlstm-perception anew")
