"""One camera of the node: its input, its outputs, and what became of its frames."""

from __future__ import annotations

import time
import traceback
from pathlib import Path
from typing import Protocol

import numpy as np
from rclpy.lifecycle import LifecycleNode

from convlstm_perception.engine import ModelBundle
from convlstm_perception.errors import FrameOrderError, ImageError, PerceptionError
from convlstm_perception.geometry import read_calibration
from convlstm_perception.ros.black_box import KeptFrame
from convlstm_perception.ros.camera_calibration import CameraCalibration
from convlstm_perception.ros.camera_ground import CameraGround
from convlstm_perception.ros.camera_input import Arrival, CameraInput, image_topic
from convlstm_perception.ros.camera_output import CameraOutput
from convlstm_perception.ros.settings import NodeSettings
from convlstm_perception.ros.statistics import Refusal, StreamReport, StreamStatistics
from convlstm_perception.ros.throttle import Throttle
from convlstm_perception.ros.transforms import NodeTransforms
from convlstm_perception.stream import FrameScheduler
from convlstm_perception.types import Frame, PerceptionResult

_THROTTLE = 5.0  # seconds between log messages of one kind


class FrameKeeper(Protocol):
    """Takes what a camera was given and what became of it."""

    def keep(self, frame: KeptFrame, failure: str = "") -> None:
        """Keep a frame; ``failure`` says in words that it is a reason to write all down, or ""."""
        ...


class Camera:
    """Takes a camera's images in, and gives its answers out.

    Frames go to the scheduler in the executor's thread; the inference thread takes them from there
    and calls :meth:`frame` and, for each, one of :meth:`answer` and :meth:`refuse`.

    Args:
        node: that the camera is part of.
        name: of the camera; may be empty.
        settings: of the node.
        bundle: that answers.
        keeper: that keeps the last images and answers; may write them down when a frame fails.
        transforms: that tell how the camera stands; None where none are needed.

    Raises:
        CalibrationError: when the camera's calibration file cannot be read.
    """

    def __init__(
        self,
        node: LifecycleNode,
        name: str,
        settings: NodeSettings,
        bundle: ModelBundle,
        keeper: FrameKeeper,
        transforms: NodeTransforms | None,
    ) -> None:
        self._node, self.name, self._settings, self._keeper = node, name, settings, keeper
        own = settings.camera[name]
        locates = settings.locates(name)
        self._needs_calibration = own.rectify or locates
        named = self._needs_calibration and own.calibration
        self._calibration_file = read_calibration(Path(own.calibration)) if named else None
        self._calibration: CameraCalibration | None = None
        times = np.array(bundle.horizons, np.float32)
        self._ground = CameraGround(settings, name, times, transforms) if locates else None
        self.topic = image_topic(node, name, own)
        self.title = f"camera {name}" if name else self.topic
        self.input: CameraInput | None = None
        self._output = CameraOutput(node, name, bundle, settings)
        self._scheduler: FrameScheduler[Arrival] | None = None
        self._statistics = StreamStatistics()
        self._throttle = Throttle(_THROTTLE)

    def warm_up(self, result: PerceptionResult) -> None:
        """Get the outputs ready for a first answer like this one."""
        self._output.warm_up(self._ground.warm_up(result) if self._ground else result)

    def start(self, scheduler: FrameScheduler[Arrival]) -> None:
        """Take images in, where the camera is enabled."""
        self._scheduler = scheduler
        self._statistics = StreamStatistics()
        if self._ground:
            self._ground.reset()
        self._follow_enabled()

    def stop(self) -> None:
        """Take no more images in."""
        self._scheduler = None
        self._close_input()

    def close(self) -> None:
        """Take the publishers back."""
        self.stop()
        self._output.close()

    def reconfigure(self, settings: NodeSettings) -> None:
        """Go on under other settings."""
        self._settings = self._output.settings = settings
        self._follow_enabled()

    @property
    def enabled(self) -> bool:
        """Whether the camera is to be answered."""
        return self._settings.camera[self.name].enabled

    @property
    def ground_problem(self) -> str:
        """Why nothing is said in metres, or less than was asked for; or ""."""
        return self._ground.problem if self._ground else ""

    def report(self) -> StreamReport:
        """Counts and rates since the start."""
        scheduler = self._scheduler
        return self._statistics.report(scheduler.overwritten(self.name) if scheduler else 0)

    def latencies(self) -> dict[str, tuple[float, float]]:
        """Stage to (median, 99th percentile) in seconds."""
        return self._statistics.latencies()

    def frame(self, arrival: Arrival) -> Frame | None:
        """The image of an arrival; None where it cannot be used, which is counted and told."""
        camera_input = self.input
        if camera_input is None:  # disabled meanwhile
            return None
        age, longest = arrival.age(time.monotonic()), self._settings.max_age
        if longest and age > longest:
            self._refuse(
                arrival,
                "expired",
                f"a frame is {age:.3f} s old, more than max_age {longest} s; synchronise the "
                "camera's clock, or set use_sim_time with a bag or a simulator",
            )
            return None
        try:
            return camera_input.frame(arrival)
        except Exception as error:
            self.refuse(arrival, error)
            return None

    def answer(
        self,
        arrival: Arrival,
        frame: Frame,
        result: PerceptionResult,
        taken: float,
        converted: float,
    ) -> None:
        """Publish a result.

        Args:
            arrival: that is answered.
            frame: made of it.
            result: for it.
            taken: when work on it began, monotonic seconds.
            converted: when its frame was ready.
        """
        if result.restarted:
            self._log("restart", f"{result.restarted}; buffer and tracks begin anew")
        if not result.usable:
            self._log("unusable", f"not answered: {result.status_reason}")
        answered = time.monotonic()
        result = self._located(frame, result)
        located = time.monotonic()
        header = arrival.message.header
        self._output.publish(header, result)
        published = time.monotonic()
        latencies = {
            "receive": arrival.age(taken),
            "convert": converted - taken,
            **result.latencies,
            "ground": located - answered,
            "publish": published - located,
            "stamp to publish": arrival.age(published),
        }
        self._statistics.answered(result, latencies, arrival.age(published))
        inputs = self._ground.inputs if self._ground else None
        self._keeper.keep(self._output.kept(arrival, self.topic, result, inputs))
        # After the answer is out: who looks at pictures does not delay who acts on numbers.
        self._output.publish_pictures(header, result)
        if self._output.wants_overlay():
            begun = time.monotonic()
            self._output.publish_overlay(header, frame, result)
            self._statistics.took("overlay", time.monotonic() - begun)

    def _located(self, frame: Frame, result: PerceptionResult) -> PerceptionResult:
        """With the ground, where that is asked for."""
        ground, calibration = self._ground, self._calibration
        if ground is None or calibration is None:
            return result
        before = ground.problem
        height, width = frame.image.shape[:2]
        result = ground.answer(result, (width, height), calibration)
        if ground.problem and ground.problem != before:
            self._log("ground", f"pixels only, or less in metres than asked: {ground.problem}")
        return result

    def refuse(self, arrival: Arrival, error: Exception) -> None:
        """Count and tell why a frame was not answered."""
        if isinstance(error, ImageError):
            self._refuse(arrival, "rejected", str(error))
        elif isinstance(error, FrameOrderError):
            self._refuse(arrival, "disordered", str(error))
        elif isinstance(error, PerceptionError):
            self._refuse(arrival, "failed", str(error))
        else:
            # One frame never ends the node; an error that nobody foresaw is shown in full.
            trace = "".join(traceback.format_exception(error))
            self._refuse(arrival, "failed", repr(error), f"frame not answered:\n{trace}")

    def _refuse(self, arrival: Arrival, kind: Refusal, reason: str, shown: str = "") -> None:
        self._statistics.refused(kind, reason)
        what = "not answered" if kind == "failed" else "rejected"
        self._log(kind, shown or f"frame {what}: {reason}")
        kept = self._output.kept(arrival, self.topic, None)
        self._keeper.keep(kept, f"frame failed {self.name}" if kind == "failed" else "")

    def _log(self, kind: str, text: str) -> None:
        if not self._throttle.allows(kind):
            return
        if kind == "failed":
            self._node.get_logger().error(f"{self.title}: {text}")
        else:
            self._node.get_logger().warning(f"{self.title}: {text}")

    def _follow_enabled(self) -> None:
        scheduler = self._scheduler
        if scheduler is None:
            return
        scheduler.enable(self.name, self.enabled)
        if not self.enabled:
            self._close_input()
        elif self.input is None:
            own = self._settings.camera[self.name]
            if self._needs_calibration:
                self._calibration = CameraCalibration(
                    self._node, self.topic, own, self._calibration_file
                )
            self.input = CameraInput(
                self._node,
                self.name,
                own,
                self._take_in,
                self._calibration if own.rectify else None,
            )
            self.topic = self.input.topic

    def _close_input(self) -> None:
        camera_input, self.input = self.input, None
        if camera_input is not None:
            camera_input.close()
        calibration, self._calibration = self._calibration, None
        if calibration is not None:
            calibration.close()

    def _take_in(self, arrival: Arrival) -> None:
        self._statistics.arrived()
        if self._scheduler is not None:
            self._scheduler.put(self.name, arrival.stamp_ns, arrival)
