"""What ``ros2 bag`` is asked for, where its options differ between ROS distributions."""

from __future__ import annotations

import os
import re
from pathlib import Path

import yaml


def played_without(bag: Path, pattern: str) -> list[str]:
    """Options of ``ros2 bag play`` that leave out the topics whose names match a pattern.

    Humble's player can only be told which topics to play: there they are read from the bag's
    ``metadata.yaml``.
    """
    if os.environ.get("ROS_DISTRO") != "humble":
        return ["--exclude-regex", pattern]
    folder = bag if bag.is_dir() else bag.parent
    metadata = yaml.safe_load((folder / "metadata.yaml").read_text())
    topics = metadata["rosbag2_bagfile_information"]["topics_with_message_count"]
    names = [topic["topic_metadata"]["name"] for topic in topics]
    return ["--topics", *(name for name in names if not re.fullmatch(pattern, name))]
