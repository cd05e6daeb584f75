"""The last seconds of the node, kept to be written down when somebody asks or something fails."""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as ImageMessage
from tf2_msgs.msg import TFMessage

from convlstm_perception.bags import PARAMETERS_KEY, BagWriter
from convlstm_perception.errors import SourceError
from convlstm_perception.geometry import camera_info_topic
from convlstm_perception.geometry.camera_model import CameraInfoMessage
from convlstm_perception.ground import GroundInputs
from convlstm_perception.messages import DETECTIONS, TRAJECTORIES
from convlstm_perception.ros.calibration import camera_info_message
from convlstm_perception.ros.conversions import (
    detections_to_message,
    trajectories_to_message,
    transform_to_message,
)
from convlstm_perception.ros.settings import BlackBoxSettings
from convlstm_perception.types import PerceptionResult

_MEGABYTE = 1_000_000
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")
_OURS = re.compile(r"\d{8}T\d{6}_\d{3}Z_[a-z0-9_]+")
_LONGEST_REASON = 40


@dataclass(frozen=True)
class KeptFrame:
    """An image with what became of it.

    Attributes:
        topic: of the image.
        answers: prefix of the topics of its answers.
        message: the image as it came.
        received_ns: when it came, nanoseconds since the epoch.
        result: of it; None where it was refused.
        ground_inputs: what the result rests on beside the image, where it has a ground.
        class_id: of a pedestrian.
        model_id: of the model.
    """

    topic: str
    answers: str
    message: ImageMessage | CompressedImage
    received_ns: int
    result: PerceptionResult | None
    ground_inputs: GroundInputs | None
    class_id: str
    model_id: str


class BlackBox:
    """Keeps references to the last messages and answers; nothing is copied until it is written.

    Args:
        settings: how much is kept, and where it is written.
        on_end: called when a writing has ended, in its thread, with the bag and why it could not
            be written, or None.
    """

    def __init__(
        self,
        settings: BlackBoxSettings,
        on_end: Callable[[Path, Exception | None], None],
    ) -> None:
        self.settings, self._on_end = settings, on_end
        self._lock = threading.Lock()
        self._frames: deque[KeptFrame] = deque()
        self._nbytes = 0
        self._diagnostics: deque[tuple[int, DiagnosticArray]] = deque()
        self._writing = ThreadPoolExecutor(1, "black box")
        self._last_writing: Future[None] | None = None
        self._written_on_failure: float | None = None

    def add(self, frame: KeptFrame) -> None:
        """Keep an image and its answer."""
        oldest = frame.received_ns - round(self.settings.black_box_seconds * 1e9)
        with self._lock:
            self._frames.append(frame)
            self._nbytes += len(frame.message.data)
            limit = self.settings.black_box_memory * _MEGABYTE
            while self._frames and (self._nbytes > limit or self._frames[0].received_ns <= oldest):
                self._nbytes -= len(self._frames.popleft().message.data)

    def add_diagnostics(self, message: DiagnosticArray) -> None:
        """Keep what the node said of itself."""
        now = time.time_ns()
        oldest = now - round(self.settings.black_box_seconds * 1e9)
        with self._lock:
            self._diagnostics.append((now, message))
            while self._diagnostics and self._diagnostics[0][0] <= oldest:
                self._diagnostics.popleft()

    def save(self, reason: str, parameters: Mapping[str, Any]) -> Path:
        """Have what is kept now written, in a thread of its own.

        Args:
            reason: in words; part of the bag's name.
            parameters: of the node, by name.

        Returns:
            The folder of the bag; it appears when it is whole.

        Raises:
            SourceError: when nothing is kept, a bag is being written still (what is being written
                stays in memory, so that two are not), or the folder is not to be had or has no
                room.
        """
        if self._last_writing is not None and not self._last_writing.done():
            raise SourceError("a bag is being written still; ask again when it is there")
        with self._lock:
            frames, diagnostics, nbytes = list(self._frames), list(self._diagnostics), self._nbytes
        if not frames:
            raise SourceError(
                "nothing is kept: no image has come yet, or black_box_seconds is 0 or "
                "black_box_memory is less than one image"
            )
        folder, limit = self.settings.folder, self.settings.black_box_limit
        if nbytes > limit * _MEGABYTE:
            raise SourceError(
                f"{folder}: a bag of {nbytes / _MEGABYTE:.0f} MB is more than black_box_limit, "
                f"{limit} MB; raise it, or lower black_box_memory"
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(folder).free
        except OSError as error:
            raise SourceError(
                f"{folder}: cannot be written to: {error.strerror}; set black_box_folder"
            ) from error
        if free < nbytes + _MEGABYTE:
            raise SourceError(
                f"{folder}: {free / _MEGABYTE:.0f} MB are free, but {nbytes / _MEGABYTE + 1:.0f} "
                "needed; free space there, or set black_box_folder"
            )
        now = datetime.now(timezone.utc)
        slug = _NOT_IN_A_NAME.sub("_", reason.lower()).strip("_")[:_LONGEST_REASON] or "asked"
        path = folder / f"{now:%Y%m%dT%H%M%S}_{now.microsecond // 1000:03d}Z_{slug}"
        # Not as /parameter_events: rosbags and Fast CDR disagree about empty sequences in it.
        custom_data = {PARAMETERS_KEY: json.dumps(dict(parameters) | _motion(frames))}
        self._last_writing = self._writing.submit(
            self._write, path, frames, diagnostics, custom_data, nbytes
        )
        return path

    def save_on_failure(self, reason: str, parameters: Mapping[str, Any]) -> None:
        """As :meth:`save`, unless that was done a short while ago."""
        now, interval = time.monotonic(), self.settings.black_box_interval
        last = self._written_on_failure
        if interval and (last is None or now - last >= interval):
            self._written_on_failure = now
            self.save(reason, parameters)

    def close(self) -> None:
        """Finish what is being written."""
        self._writing.shutdown()
        self._frames.clear()
        self._diagnostics.clear()

    def _write(
        self,
        path: Path,
        frames: list[KeptFrame],
        diagnostics: list[tuple[int, DiagnosticArray]],
        custom_data: Mapping[str, str],
        nbytes: int,
    ) -> None:
        try:
            self._make_room(path.parent, nbytes)
            with BagWriter(path, custom_data) as bag:
                calibrations: dict[str, CameraInfoMessage] = {}
                for frame in frames:
                    _write_ground_inputs(bag, frame, calibrations)
                    _write_frame(bag, frame)
                for received_ns, message in diagnostics:
                    bag.write(
                        "/diagnostics",
                        "diagnostic_msgs/msg/DiagnosticArray",
                        received_ns,
                        serialize_message(message),
                    )
        except Exception as error:
            self._on_end(path, error)
        else:
            self._on_end(path, None)

    def _make_room(self, folder: Path, nbytes: int) -> None:
        """Remove the oldest bags of ours until the rest is within the limit."""
        bags = sorted(path for path in folder.iterdir() if _is_ours(path))
        sizes = {
            bag: sum(file.stat().st_size for file in bag.rglob("*") if file.is_file())
            for bag in bags
        }
        total = sum(sizes.values())
        for bag in bags:
            if total + nbytes <= self.settings.black_box_limit * _MEGABYTE:
                return
            shutil.rmtree(bag)
            total -= sizes[bag]


def _is_ours(path: Path) -> bool:
    """Whether a folder is a bag of a black box, and nobody has put anything else into it."""
    if not _OURS.fullmatch(path.name) or path.is_symlink() or not path.is_dir():
        return False
    return {file.name for file in path.iterdir()} == {"metadata.yaml", f"{path.name}.mcap"}


def _motion(frames: list[KeptFrame]) -> dict[str, str]:
    """The frame that odometry named as standing still: the bag holds transforms in its place."""
    for frame in reversed(frames):
        if frame.ground_inputs is not None:
            return {"fixed_frame": frame.ground_inputs.fixed_frame}
    return {}


def _write_ground_inputs(
    bag: BagWriter, frame: KeptFrame, calibrations: dict[str, CameraInfoMessage]
) -> None:
    """The calibration, where it is not the one written last, and the transforms at the image."""
    inputs, header = frame.ground_inputs, frame.message.header
    if inputs is None:
        return
    if calibrations.get(frame.topic) is not inputs.calibration:
        calibrations[frame.topic] = inputs.calibration
        info = camera_info_message(inputs.calibration)
        info.header = header
        bag.write(
            camera_info_topic(frame.topic),
            "sensor_msgs/msg/CameraInfo",
            frame.received_ns,
            serialize_message(info),
        )
    transforms = [
        transform_to_message(parent, child, header.stamp, transform)
        for parent, child, transform in inputs.transforms
    ]
    if transforms:
        bag.write(
            "/tf",
            "tf2_msgs/msg/TFMessage",
            frame.received_ns,
            serialize_message(TFMessage(transforms=transforms)),
        )


def _write_frame(bag: BagWriter, frame: KeptFrame) -> None:
    compressed = isinstance(frame.message, CompressedImage)
    kind = "sensor_msgs/msg/CompressedImage" if compressed else "sensor_msgs/msg/Image"
    bag.write(frame.topic, kind, frame.received_ns, serialize_message(frame.message))
    result, header = frame.result, frame.message.header
    if result is None:
        return
    trajectories = trajectories_to_message(result, header, frame.model_id)
    bag.write(
        f"{frame.answers}/trajectories",
        TRAJECTORIES,
        frame.received_ns,
        serialize_message(trajectories),
    )
    if result.usable:
        detections = detections_to_message(result, header, frame.class_id)
        bag.write(
            f"{frame.answers}/detections",
            DETECTIONS,
            frame.received_ns,
            serialize_message(detections),
        )
