"""One camera's way from image to tracks: fit, judge, encode, buffer, motion, decode, track."""

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
from convlstm_perception.errors import EngineError
from convlstm_perception.stream.buffer import RollingBuffer, ring_places
from convlstm_perception.stream.continuity import StreamContinuity
from convlstm_perception.stream.decode import decode
from convlstm_perception.stream.forecast import (
    ConstantVelocityForecaster,
    DecoderForecaster,
    TrackForecaster,
)
from convlstm_perception.stream.image_quality import ImageQuality
from convlstm_perception.stream.letterbox import Letterbox
from convlstm_perception.stream.memory import FrameMemory
from convlstm_perception.stream.settings import PipelineSettings
from convlstm_perception.stream.state import StateMemory
from convlstm_perception.stream.tracker import Tracker
from convlstm_perception.types import (
    NANOSECONDS_PER_SECOND,
    AnswerStatus,
    Detections,
    Float32Array,
    Frame,
    PerceptionResult,
    Tracks,
    Trajectories,
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


def one_pedestrian(times: Float32Array) -> Detections:
    """A detection that stands still, with trajectories at (H,) ``times``."""
    box = np.array([[32, 32, 16, 32]], np.float32)
    future = np.repeat(box[:, None], len(times), axis=1)
    return Detections(
        box, np.ones(1, np.float32), Trajectories(times, future, np.ones_like(future))
    )


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
        self._model, self.camera, self._lowest_score = model, camera, lowest_score
        self._times = np.array(bundle.horizons, np.float32)
        self.runtime = runtime or model.open_runtime(1, places_of(settings, bundle))
        self._memory = _memory(model.memory, settings, bundle)
        self._continuity = StreamContinuity(
            slots=bundle.slots, step=bundle.step, tolerance=settings.tolerance
        )
        self._quality = ImageQuality(settings.quality)
        self._forecaster = _forecaster(model, self._times)
        self._tracker = Tracker(settings.tracker, self._times, 0.0, self._forecaster)
        self._canvas = self.runtime.canvas(camera)
        self._letterbox: Letterbox | None = None
        self.reconfigure(settings)

    def reconfigure(self, settings: PipelineSettings) -> None:
        """Answer the next frames under other settings; buffer and tracks stay.

        Args:
            settings: whose tolerance and max_rate are those that the pipeline was made with: the
                memory is laid out for them.
        """
        bundle = self._model.bundle
        low = _or(settings.low_threshold, bundle.low_threshold)
        self._settings = settings
        self._lowest = low if self._lowest_score is None else min(self._lowest_score, low)
        self._quality.settings = settings.quality
        certain = _or(settings.detection_threshold, bundle.detection_threshold)
        self._tracker.reconfigure(settings.tracker, certain, low)

    def warm_up(self) -> PerceptionResult:
        """Run everything once, so that the first frame does not pay for lazy set-up.

        Returns:
            An answer with one pedestrian, as nobody has seen it: to warm up what comes after.
        """
        self.runtime.run({self.camera: self._memory.admit(0)})
        one = one_pedestrian(self._times)
        # A tracker that is thrown away: ids count from one.
        tracker = Tracker(self._settings.tracker, self._times, 0.0, self._forecaster)
        image = np.zeros((64, 64, 3), np.uint8)
        tracker.update(one, 0, image)
        tracks = tracker.update(one, round(self._model.bundle.step * NANOSECONDS_PER_SECOND), image)
        self.reset()
        return PerceptionResult(0, "", one, tracks, valid_slots=0)

    def reset(self) -> None:
        """Forget every frame and every track."""
        self._restart()
        self._continuity.reset()
        self._quality.reset()

    def process(self, frame: Frame) -> PerceptionResult:
        """Answer one frame.

        Raises:
            FrameOrderError: when the frame is not newer than the last, or a little older than it;
                nothing changes then.
            EngineError: when inference fails; the frame does not enter the buffer.
        """
        prepared = self.prepare(frame)
        if isinstance(prepared, PerceptionResult):
            return prepared
        try:
            outputs = self.runtime.run({self.camera: prepared.step})[self.camera]
            return self.finish(prepared, outputs)
        except EngineError:
            self.revoke()
            raise

    def prepare(self, frame: Frame) -> PreparedFrame | PerceptionResult:
        """Fit a frame into the camera's canvas and enter it into its memory.

        For several cameras answered together: each is prepared, then the runtime is run once with
        the steps of all, then each is finished, or revoked when that failed.

        Returns:
            What the runtime is asked for; or the answer itself where the image shows nothing:
            such a frame does not enter the memory.

        Raises:
            FrameOrderError: see :meth:`process`.
        """
        start = time.perf_counter()
        self._continuity.check(frame.stamp_ns)
        self._continuity.see(frame.stamp_ns)
        letterbox = self._fitted(frame)
        letterbox.apply(frame.image, self._canvas)
        unusable = self._quality.judge(letterbox.inside(self._canvas), frame.stamp_ns)
        if unusable:
            return self._unanswered(frame, unusable, time.perf_counter() - start)
        restarted = self._continuity.broken(frame.stamp_ns)
        if restarted:
            self._restart()
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
        self._continuity.enter(frame.stamp_ns)
        lack = self._continuity.degradation()
        return PerceptionResult(
            frame.stamp_ns,
            frame.frame_id,
            detections,
            tracks,
            valid_slots=self._memory.filled(prepared.step),
            restarted=prepared.restarted,
            latencies=latencies,
            status=AnswerStatus.DEGRADED if lack else AnswerStatus.OK,
            status_reason=lack,
        )

    def _restart(self) -> None:
        self._memory.clear()
        self._tracker.reset()
        self._continuity.restart()

    def _unanswered(self, frame: Frame, reason: str, seconds: float) -> PerceptionResult:
        return PerceptionResult(
            frame.stamp_ns,
            frame.frame_id,
            Detections.nobody(self._times),
            Tracks.nobody(self._times),
            valid_slots=0,
            latencies={"preprocess": seconds},
            status=AnswerStatus.UNUSABLE,
            status_reason=reason,
        )

    def _fitted(self, frame: Frame) -> Letterbox:
        height, width = frame.image.shape[:2]
        known = self._letterbox
        if known and (known.image_height, known.image_width) == (height, width):
            return known
        if known:
            self._continuity.break_off(f"image size changed to {width}x{height}")
        bundle = self._model.bundle
        self._letterbox = Letterbox(height, width, bundle.input_height, bundle.input_width)
        self._letterbox.clear(self._canvas)
        return self._letterbox

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
