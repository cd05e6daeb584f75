"""One camera's way from image to tracks: fit, encode, buffer, motion, decode, track."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from convlstm_perception.engine.model import MotionModel
from convlstm_perception.errors import FrameOrderError
from convlstm_perception.stream.buffer import FeatureBuffer, Window
from convlstm_perception.stream.decode import decode
from convlstm_perception.stream.forecast import (
    ConstantVelocityForecaster,
    DecoderForecaster,
    TrackForecaster,
)
from convlstm_perception.stream.letterbox import Letterbox
from convlstm_perception.stream.settings import PipelineSettings
from convlstm_perception.stream.tracker import Tracker
from convlstm_perception.types import NANOSECONDS_PER_SECOND, Detections, Frame, PerceptionResult

_SLOT = "input_to_state"


class CameraPipeline:
    """Answers the frames of one camera. Not thread-safe: one thread calls :meth:`process`.

    Args:
        model: engines to run.
        settings: how frames are answered.
        lowest_score: from which a detection is answered; one below the settings' low threshold
            touches no track. None answers those that may continue a track.
    """

    def __init__(
        self, model: MotionModel, settings: PipelineSettings, lowest_score: float | None = None
    ) -> None:
        bundle = model.bundle
        self._model, self._settings = model, settings
        low = _or(settings.low_threshold, bundle.low_threshold)
        self._lowest = low if lowest_score is None else min(lowest_score, low)
        self._times = np.array(bundle.horizons, np.float32)
        self._window_ns = round(bundle.slots * bundle.step * NANOSECONDS_PER_SECOND)
        encoder = model.encoder
        self.buffer = FeatureBuffer(
            {_SLOT: encoder.outputs[_SLOT]},
            slots=bundle.slots,
            step=bundle.step,
            tolerance=settings.tolerance,
            max_rate=settings.max_rate,
        )
        self._tracker = Tracker(
            settings.tracker,
            self._times,
            _or(settings.detection_threshold, bundle.detection_threshold),
            self._forecaster(),
            low,
        )
        self._canvas = encoder.inputs["image"].allocate()
        self._skip = encoder.outputs["skip"].allocate()
        self._nothing = encoder.outputs[_SLOT].allocate()
        self._outputs = {name: spec.allocate() for name, spec in model.motion.outputs.items()}
        self._letterbox: Letterbox | None = None

    def reset(self) -> None:
        """Forget every frame and every track."""
        self.buffer.clear()
        self._tracker.reset()

    def process(self, frame: Frame) -> PerceptionResult:
        """Answer one frame.

        Raises:
            FrameOrderError: when the frame is not newer than the last, or a little older than it;
                nothing changes then.
            EngineError: when inference fails; the frame does not enter the buffer.
        """
        latencies: dict[str, float] = {}
        restarted = self._continuity(frame)
        with _measured(latencies, "preprocess"):
            letterbox = self._fitted(frame)
            letterbox.apply(frame.image, self._canvas[0])
        place = self.buffer.reserve(frame.stamp_ns)
        slot = self.buffer.arrays[place][_SLOT]
        with _measured(latencies, "encoder"):
            self._model.encoder.run({"image": self._canvas}, {_SLOT: slot, "skip": self._skip})
        self.buffer.commit(place, frame.stamp_ns)
        window = self.buffer.select(frame.stamp_ns)
        with _measured(latencies, "motion"):
            self._model.motion.run(self._motion_inputs(window), self._outputs)
        with _measured(latencies, "decode"):
            detections = self._decode(letterbox)
        with _measured(latencies, "track"):
            tracks = self._tracker.update(detections, frame.stamp_ns, frame.image)
        return PerceptionResult(
            frame.stamp_ns,
            frame.frame_id,
            detections,
            tracks,
            valid_slots=int(window.valid.sum()),
            restarted=restarted,
            latencies=latencies,
        )

    def _forecaster(self) -> TrackForecaster:
        decoder = self._model.tracks
        if decoder is None:
            return ConstantVelocityForecaster(self._times)
        bundle = self._model.bundle
        return DecoderForecaster(decoder, bundle.track_step, bundle.track_scale)

    def _continuity(self, frame: Frame) -> str:
        """Start anew where the stream does not continue; says why, or ""."""
        newest_ns = self.buffer.newest_ns
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
            known.clear(self._canvas[0])
            self._letterbox = known
        return known

    def _motion_inputs(self, window: Window) -> dict[str, np.ndarray]:
        inputs = {
            f"{_SLOT}_{slot}": self._nothing if place is None else self.buffer.arrays[place][_SLOT]
            for slot, place in enumerate(window.places)
        }
        return inputs | {"skip": self._skip, "valid": window.valid, "dt": window.dt}

    def _decode(self, letterbox: Letterbox) -> Detections:
        return decode(
            self._outputs,
            letterbox,
            self._times,
            low_threshold=self._lowest,
            overlap_threshold=self._settings.overlap_threshold,
            calibration=self._model.bundle.network_scale,
        )


def _or(value: float, default: float) -> float:
    return default if value < 0 else value


@contextmanager
def _measured(latencies: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    latencies[stage] = time.perf_counter() - start
