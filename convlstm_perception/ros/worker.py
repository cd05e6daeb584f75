"""The inference thread: takes the newest frames, answers them, gives the answers out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from convlstm_perception.errors import DeviceError
from convlstm_perception.ros.camera import Camera
from convlstm_perception.ros.camera_input import Arrival
from convlstm_perception.stream import CameraRig, FrameScheduler, PipelineSettings
from convlstm_perception.types import Frame


class InferenceWorker:
    """Answers the cameras in a thread of its own, from :meth:`start` to :meth:`stop`.

    Args:
        rig: that answers.
        scheduler: that the frames come from.
        cameras: by name.
        on_device_failure: called in that thread, which ends, when the device has failed.
    """

    def __init__(
        self,
        rig: CameraRig,
        scheduler: FrameScheduler[Arrival],
        cameras: Mapping[str, Camera],
        on_device_failure: Callable[[DeviceError], None],
    ) -> None:
        self._rig, self._scheduler, self._cameras = rig, scheduler, cameras
        self._on_device_failure = on_device_failure
        self._new_settings: PipelineSettings | None = None
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._work, name="inference")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Wait for the frames in work; take no more."""
        self._scheduler.close()
        self._thread.join()

    def reconfigure(self, settings: PipelineSettings) -> None:
        """Answer the next frames under other settings."""
        self._new_settings = settings

    @property
    def busy_seconds(self) -> float:
        """How long the frames now in work have been so; 0 while there are none."""
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    def _work(self) -> None:
        while (arrivals := self._scheduler.take()) is not None:
            self._busy_since = time.monotonic()
            try:
                self._answer(arrivals)
            except Exception as error:
                # Whatever it is: a thread that ends unseen would leave a node that says it is
                # active and answers nothing.
                for name, arrival in arrivals.items():
                    self._cameras[name].refuse(arrival, error)
                if isinstance(error, DeviceError):
                    self._on_device_failure(error)
                    return
            finally:
                self._busy_since = None

    def _answer(self, arrivals: Mapping[str, Arrival]) -> None:
        new, self._new_settings = self._new_settings, None
        if new is not None:
            self._rig.reconfigure(new)
        taken: dict[str, float] = {}
        converted: dict[str, float] = {}
        frames: dict[str, Frame] = {}
        for name, arrival in arrivals.items():
            taken[name] = time.monotonic()
            frame = self._cameras[name].frame(arrival)
            if frame is not None:
                frames[name], converted[name] = frame, time.monotonic()
        for name, answer in self._rig.process(frames).items():
            camera = self._cameras[name]
            if isinstance(answer, Exception):
                camera.refuse(arrivals[name], answer)
                continue
            try:
                camera.answer(arrivals[name], frames[name], answer, taken[name], converted[name])
            except Exception as error:
                camera.refuse(arrivals[name], error)
