"""Settings of the black box."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from convlstm_perception.errors import ParameterError
from convlstm_perception.settings import setting, validate


@dataclass(frozen=True)
class BlackBoxSettings:
    """What the black box keeps, and where it is written."""

    black_box_seconds: float = setting(
        10.0,
        "seconds of images and answers that are kept in memory, to be saved as a bag; 0 keeps none",
        low=0.0,
        high=600.0,
    )
    black_box_memory: int = setting(
        128, "MB of messages that are kept at most, of all cameras together", low=1, high=65536
    )
    black_box_folder: str = setting(
        "",
        "folder of the bags; empty takes convlstm_perception/black_box in $ROS_HOME or ~/.ros",
    )
    black_box_folder_limit: int = setting(
        1024,
        "MB of all bags in the folder; the oldest are removed to make room",
        low=2,
        high=1 << 20,
    )
    black_box_on_error: bool = setting(
        True, "whether an error saves a bag, and not only the request for one", live=True
    )
    black_box_interval: float = setting(
        60.0,
        "seconds between bags that errors save",
        low=0.0,
        high=86400.0,
        live=True,
    )

    def __post_init__(self) -> None:
        validate(self)
        if self.black_box_folder_limit <= self.black_box_memory:
            raise ParameterError(
                f"parameter 'black_box_folder_limit': {self.black_box_folder_limit} MB must be "
                f"more than black_box_memory, {self.black_box_memory} MB, for a full bag to fit"
            )

    @property
    def folder(self) -> Path:
        """Of the bags."""
        if self.black_box_folder:
            return Path(self.black_box_folder).expanduser()
        home = os.environ.get("ROS_HOME")
        return (Path(home) if home else Path.home() / ".ros") / "convlstm_perception" / "black_box"
