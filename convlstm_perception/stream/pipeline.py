"""One camera's way from image to tracks: fit, encode, buffer, motion, decode, track."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from convlstm_perception.engine.bundle import ModelBundle
from convlstm_perception.engine.model import MotionModel
from convlstm_perception.engine.runtime import MemoryStep, MotionOutputs, Runtime
from convlstm_perception.engine.settings import MemoryMode
from convlstm_perception.errors import EngineError, FrameOrderError
from convlstm_perception.stream.buffer import RollingBuffer, ring_places
from convlstm_perception.stream.decode import decode
from convlstm_perception.stream.forecast import (
    ConstantVelocityForecaster,
    DecoderForecaster,
    TrackForecaster,
    TrackPast,
)
from convlstm_perception.stream.letterbox import Letterbox
from convlstm_perception.stream.memory import FrameMemory
from convlstm_perception.stream.settings import PipelineSettings
from convlstm_perception.stream.state import StateMemory
from convlstm_perception.stream.tracker import Tracker
from convlstm_perception.types import (
    NANOSECONDS_PER_SECOND,
    Detections,
    Float32Array,
    Frame,
    PerceptionResult,
)


@dataclass(frozen=True)
class PreparedFrame:
    """A frame in its canvas and in its memory, ready for the runtime.

    Attributes:
        frame: the frame.
        step: what the runtime is asked for.
        letterbox: how the image was fitted.
        restarted: why the memory began anew with it, or "".
        seconds: that this took.
    """

    frame: Frame
    step: MemoryStep
    letterbox: Letterbox
    restarted: str
    seconds: float


def places_of(settings: PipelineSettings, bundle: ModelBundle) -> int:
    """Frames of each camera that a runtime's ring holds under these settings."""
    return ring_places(bundle.slots, bundle.step, settings.tolerance, settings.max_rate)


class CameraPipeline:
    """Answers the frames of one camera. Not thread-safe: one thread calls :meth:`process`.

    Args:
        model: networks to run.
        settings: how frames are answered.
        lowest_score: from which a detection is answered; one below the settings' low threshold
            touches no track. None answers those that may continue a track.
        runtime: where the frames are remembered, opened with :func:`places_of` the settings; None
            opens one for this camera alone.
        camera: its index in the runtime.
    """

    def __init__(
        self,
        model: MotionModel,
        settings: PipelineSettings,
        lowest_score: float | None = None,
        *,
        runtime: Runtime | None = None,
        camera: int = 0,
    ) -> None:
        bundle = model.bundle
        self._model, self._settings, self.camera = model, settings, camera
        low = _or(settings.low_threshold, bundle.low_threshold)
        self._lowest = low if lowest_score is None else min(lowest_score, low)
        self._times = np.array(bundle.horizons, np.float32)
        self._window_ns = round(bundle.slots * bundle.step * NANOSECONDS_PER_SECOND)
        self.runtime = runtime or model.open_runtime(1, places_of(settings, bundle))
        self._memory = _memory(model.memory, settings, bundle)
        self._forecaster = _forecaster(model, self._times)
        self._tracker = Tracker(
            settings.tracker,
            self._times,
            _or(settings.detection_threshold, bundle.detection_threshold),
            self._forecaster,
            low,
        )
        self._canvas = self.runtime.canvas(camera)
        self._letterbox: Letterbox | None = None

    def warm_up(self) -> None:
        """Run everything once, so that the first frame does not pay for lazy set-up."""
        self.runtime.run({self.camera: self._memory.admit(0)})
        still = TrackPast(np.zeros(1, np.float32), np.ones((1, 4), np.float32))
        self._forecaster.forecast([still])
        self.reset()

    def reset(self) -> None:
        """Forget every frame and every track."""
        self._memory.clear()
        self._tracker.reset()

    def process(self, frame: Frame) -> PerceptionResult:
        """Answer one frame.

        Raises:
            FrameOrderError: when the frame is not newer than the last, or a little older than it;
                nothing changes then.
            EngineError: when inference fails; the frame does not enter the buffer.
        """
        prepared = self.prepare(frame)
        try:
            outputs = self.runtime.run({self.camera: prepared.step})[self.camera]
            return self.finish(prepared, outputs)
        except EngineError:
            self.revoke()
            raise

    def prepare(self, frame: Frame) -> PreparedFrame:
        """Fit a frame into the camera's canvas and enter it into its memory.

        For several cameras answered together: each is prepared, then the runtime is run once with
        the steps of all, then each is finished, or revoked when that failed.

        Raises:
            FrameOrderError: see :meth:`process`.
        """
        start = time.perf_counter()
        restarted = self._continuity(frame)
        letterbox = self._fitted(frame)
        letterbox.apply(frame.image, self._canvas)
        step = self._memory.admit(frame.stamp_ns)
        return PreparedFrame(frame, step, letterbox, restarted, time.perf_counter() - start)

    def revoke(self) -> None:
        """Take back the frame prepared last: it could not be answered."""
        self._memory.revoke()

    def finish(self, prepared: PreparedFrame, outputs: MotionOutputs) -> PerceptionResult:
        """From the motion graph's outputs to tracks.

        Raises:
            EngineError: when an output is not finite.
        """
        frame = prepared.frame
        latencies = {"preprocess": prepared.seconds, **self.runtime.stage_seconds}
        with _measured(latencies, "decode"):
            detections = self._decode(outputs, prepared.letterbox)
        with _measured(latencies, "track"):
            tracks = self._tracker.update(detections, frame.stamp_ns, frame.image)
        return PerceptionResult(
            frame.stamp_ns,
            frame.frame_id,
            detections,
            tracks,
            valid_slots=self._memory.filled(prepared.step),
            restarted=prepared.restarted,
            latencies=latencies,
        )

    def _continuity(self, frame: Frame) -> str:
        """Start anew where the stream does not continue; says why, or ""."""
        newest_ns = self._memory.newest_ns
        reason = ""
        if newest_ns is not None:
            elapsed = frame.stamp_ns - newest_ns
            if -self._window_ns < elapsed <= 0:
                raise FrameOrderError(
                    f"frame at {frame.stamp_ns} ns is {-elapsed} ns older than the last one "
                    "(or the same); check the camera driver's stamps"
                )
            if elapsed <= -self._window_ns:
                reason = f"time jumped back by {-elapsed / NANOSECONDS_PER_SECOND:.3f} s"
            elif elapsed > self._window_ns:
                reason = f"no frame for {elapsed / NANOSECONDS_PER_SECOND:.3f} s"
        known = self._letterbox
        if known and (known.image_height, known.image_width) != frame.image.shape[:2]:
            height, width = frame.image.shape[:2]
            reason = f"image size changed to {width}x{height}"
        if reason:
            self.reset()
        return reason

    def _fitted(self, frame: Frame) -> Letterbox:
        height, width = frame.image.shape[:2]
        known = self._letterbox
        if known is None or (known.image_height, known.image_width) != (height, width):
            bundle = self._model.bundle
            known = Letterbox(height, width, bundle.input_height, bundle.input_width)
            known.clear(self._canvas)
            self._letterbox = known
        return known

    def _decode(self, outputs: MotionOutputs, letterbox: Letterbox) -> Detections:
        return decode(
            outputs,
            letterbox,
            self._times,
            low_threshold=self._lowest,
            overlap_threshold=self._settings.overlap_threshold,
            calibration=self._model.bundle.network_scale,
        )


def _memory(mode: MemoryMode, settings: PipelineSettings, bundle: ModelBundle) -> FrameMemory:
    slots, step, tolerance = bundle.slots, bundle.step, settings.tolerance
    if mode == "stateful":
        return StateMemory(slots=slots, step=step, tolerance=tolerance)
    return RollingBuffer(slots=slots, step=step, tolerance=tolerance, max_rate=settings.max_rate)


def _forecaster(model: MotionModel, times: Float32Array) -> TrackForecaster:
    if model.tracks is None:
        return ConstantVelocityForecaster(times)
    return DecoderForecaster(model.tracks, model.bundle.track_step, model.bundle.track_scale)


def _or(value: float, default: float) -> float:
    return default if value < 0 else value


@contextmanager
def _measured(latencies: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    latencies[stage] = time.perf_counter() - start
