"""The baselines by name. A new one is one new module and one line in ``BASELINES``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convlstm_perception.evaluation.contenders import fastestdet, hog, yolo_fastest
from convlstm_perception.evaluation.contenders.base import Detector, DetectorContender
from convlstm_perception.types import Float32Array

# As large as usual images, so that no first frame pays for lazy set-up.
_WARM_UP_SHAPE = (480, 640, 3)


@dataclass(frozen=True)
class Baseline:
    """How to come by a baseline.

    Attributes:
        make: the detector, of the folder of its files and the number of threads (0 for all).
        folder: of its files, below the folder of all peers; "" when it needs none.
        files: that must lie there.
        slow: it takes seconds a frame, so it is run on some frames only.
    """

    make: Callable[[Path, int], Detector]
    folder: str = ""
    files: tuple[str, ...] = ()
    slow: bool = False

    def missing(self, peers: Path | None) -> str:
        """Why it cannot run here, or ""."""
        if not self.files:
            return ""
        if peers is None:
            return "no folder of peers; give --peers DIR"
        absent = [name for name in self.files if not (peers / self.folder / name).is_file()]
        return f"{peers / self.folder}: no {', '.join(absent)}" if absent else ""


BASELINES: Mapping[str, Baseline] = {
    "yolo-fastest": Baseline(
        lambda folder, threads: yolo_fastest.YoloFastestDetector(folder),
        "yolo_fastest",
        yolo_fastest.FILES,
    ),
    "fastestdet": Baseline(fastestdet.FastestDetDetector, "fastestdet", fastestdet.FILES),
    "hog": Baseline(lambda folder, threads: hog.HogDetector(), slow=True),
}


def open_baseline(
    name: str, peers: Path | None, times: Float32Array, threads: int = 0
) -> DetectorContender:
    """A baseline, loaded and warm.

    Args:
        name: in ``BASELINES``.
        peers: folder of the peers' folders.
        times: (H,) seconds of the horizons of its tracks' trajectories.
        threads: of inference, 0 for all. OpenCV's are set for the whole process by its caller.

    Raises:
        EngineError: when its files cannot be loaded.
    """
    baseline = BASELINES[name]
    detector = baseline.make((peers or Path()) / baseline.folder, threads)
    if not baseline.slow:
        detector.detect(np.zeros(_WARM_UP_SHAPE, np.uint8))
    return DetectorContender(detector, times)
