"""Cameras answered by one runtime, from their images to tracks, stage by stage."""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convlstm_perception.benchmark.frames import camera_source, endless_frames
from convlstm_perception.benchmark.request import BenchmarkRequest
from convlstm_perception.benchmark.timing import Timing
from convlstm_perception.engine import ModelBundle, MotionModel
from convlstm_perception.stream import CameraRig, PipelineSettings, result_of
from convlstm_perception.types import PerceptionResult

STAGES = ("preprocess", "upload", "encoder", "motion", "download", "decode", "track")
_OF_EACH_CAMERA = ("preprocess", "decode", "track")
_MEGABYTE = 1e6


@dataclass(frozen=True)
class CamerasFigures:
    """A number of cameras whose frames come at once and are answered together.

    Attributes:
        latency: from the first camera's image to the last one's tracks.
        stages: the same, split up; what is done for each camera is added up.
        throughput: frames a second, of all cameras together.
        runtime_mb: memory that the runtime holds for them in 10^6 bytes, host and device.
        peak_rss_mb: largest resident memory of the process that did nothing else, in 10^6 bytes.
        tracks: people followed in a camera's frame, on average: what decode and track had to do.
    """

    latency: Timing
    stages: dict[str, Timing]
    throughput: float
    runtime_mb: float
    peak_rss_mb: float
    tracks: float

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> CamerasFigures:
        """The figures whose plain values these are."""
        stages = {name: Timing(**timing) for name, timing in values["stages"].items()}
        return cls(**{**values, "latency": Timing(**values["latency"]), "stages": stages})


def measure_cameras(
    request: BenchmarkRequest, cameras: int, step: Callable[[], None]
) -> CamerasFigures:
    """Answer frames of some cameras in this process.

    All of them see the same images; the time to make or read those does not count.

    Args:
        request: what is measured.
        cameras: how many.
        step: called after each frame.

    Raises:
        BundleError, EngineError: when the networks cannot be loaded or run.
        SourceError: when the video cannot be opened.
    """
    bundle = ModelBundle.load(request.bundle)
    model = MotionModel.load(bundle, request.inference, cameras)
    settings = PipelineSettings()
    names = [f"camera_{number}" for number in range(cameras)]
    rig = CameraRig(model, settings, names)
    rig.warm_up()
    latencies: list[float] = []
    stages: dict[str, list[float]] = defaultdict(list)
    tracks = 0
    filling = bundle.slots + 1  # until the window is full, and the tracker has tracks
    with camera_source(request, bundle.step) as source:
        frames = itertools.islice(endless_frames(source, bundle.step), filling + request.frames)
        for number, frame in enumerate(frames):
            start = time.perf_counter()
            answers = rig.process(dict.fromkeys(names, frame))
            elapsed = time.perf_counter() - start
            results = [result_of(answer) for answer in answers.values()]
            if number < filling:
                continue
            latencies.append(elapsed)
            for name, seconds in _stages(results).items():
                stages[name].append(seconds)
            tracks += sum(len(result.tracks) for result in results)
            step()
    figures = CamerasFigures(
        latency=Timing.of(latencies),
        stages={name: Timing.of(stages[name]) for name in STAGES if name in stages},
        throughput=round(cameras * len(latencies) / sum(latencies), 2),
        runtime_mb=round(rig.nbytes / _MEGABYTE, 1),
        peak_rss_mb=peak_rss_mb(),
        tracks=round(tracks / (cameras * len(latencies)), 1),
    )
    model.close()
    return figures


def peak_rss_mb(status: Path = Path("/proc/self/status")) -> float:
    """Largest resident memory of a process so far, in 10^6 bytes.

    Not getrusage's: that of a new process begins with the memory of the one that started it.
    """
    for line in status.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "VmHWM":
            return round(int(value.split()[0]) * 1024 / _MEGABYTE, 1)
    raise ValueError(f"{status}: no line VmHWM")


def _stages(results: list[PerceptionResult]) -> dict[str, float]:
    """Seconds by stage: the runtime's own are told alike to every camera."""
    seconds = dict(results[0].latencies)
    for name in _OF_EACH_CAMERA:
        seconds[name] = sum(result.latencies[name] for result in results)
    return seconds
