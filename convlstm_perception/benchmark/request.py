"""What a benchmark is asked to measure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from convlstm_perception.engine.settings import EngineSettings

COMPETITORS = ("onnxruntime", "torch-eager", "torch-channels-last", "torch-compile")
"""What the networks are measured beside."""


@dataclass(frozen=True)
class BenchmarkRequest:
    """What is measured.

    Attributes:
        bundle: folder of the model bundle.
        inference: how the networks are run; ``threads`` above 0.
        cameras: numbers of cameras answered together, each measured in a process of its own.
        frames: frames of each camera that are timed.
        rounds: times that each competitor is timed, in turns.
        width, height: pixels of the generated camera images; of no matter with a video.
        video: video or folder of images to take the frames of; None generates them.
        beside: of :data:`COMPETITORS`.
    """

    bundle: Path
    inference: EngineSettings
    cameras: tuple[int, ...] = (1, 2, 4, 8)
    frames: int = 60
    rounds: int = 20
    width: int = 1280
    height: int = 720
    video: Path | None = None
    beside: tuple[str, ...] = field(default=COMPETITORS)

    def to_json(self) -> dict[str, Any]:
        """Plain values for another process; :meth:`from_json` reads them."""
        paths = {"bundle": str(self.bundle), "video": self.video and str(self.video)}
        return {**asdict(self), **paths}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> BenchmarkRequest:
        """The request that :meth:`to_json` gave the values of."""
        typed = {
            "bundle": Path(values["bundle"]),
            "inference": EngineSettings(**values["inference"]),
            "cameras": tuple(values["cameras"]),
            "video": values["video"] and Path(values["video"]),
            "beside": tuple(values["beside"]),
        }
        return cls(**{**values, **typed})


def with_threads(settings: EngineSettings) -> EngineSettings:
    """The settings with the number of threads told: 0 becomes the cores of this process."""
    return replace(settings, threads=settings.threads or len(os.sched_getaffinity(0)))
