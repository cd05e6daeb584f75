"""The ground of a replay: calibrations, transforms and odometry as a bag has them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from convlstm_perception.bags import BagReader
from convlstm_perception.bags.reader import BagMessage
from convlstm_perception.errors import TransformError
from convlstm_perception.geometry import RigidTransform, TransformBuffer, camera_info_topic
from convlstm_perception.geometry.camera_model import CameraInfoMessage, same_calibration
from convlstm_perception.ground import GroundEstimator
from convlstm_perception.messages import stamp_to_ns
from convlstm_perception.replay.settings import ReplaySettings
from convlstm_perception.types import Float32Array, PerceptionResult

if TYPE_CHECKING:
    from typing_extensions import Self

_CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
_TF = "tf2_msgs/msg/TFMessage"
_ODOMETRY = "nav_msgs/msg/Odometry"
# Nanoseconds after an image was recorded up to which transforms are read before it is answered:
# the node, too, answers some time after the image came.
_AHEAD = 100_000_000


class ReplayGround:
    """Brings the answers of a replay to the ground; open while its block runs.

    Args:
        bag: that is replayed.
        settings: of the replay.
        topics: of the images.
        times: (H,) seconds of the trajectories.
    """

    def __init__(
        self, bag: Path, settings: ReplaySettings, topics: Collection[str], times: Float32Array
    ) -> None:
        self._reader, self._settings = BagReader(bag), settings.ground
        self._estimators = {
            topic: GroundEstimator(
                settings.ground, camera.mount, rectified=camera.rectify, times=times
            )
            for topic in topics
            if (camera := settings.camera(topic)).mount.height or settings.ground.target_frame
        }
        self._infos = {camera_info_topic(topic): topic for topic in topics}
        self._calibrations: dict[str, CameraInfoMessage] = {}
        self._transforms = TransformBuffer()
        self._fixed_frame = settings.ground.fixed_frame
        self._waiting: BagMessage | None = None

    def __enter__(self) -> Self:
        self._reader.__enter__()
        reader = self._reader
        topics = [topic for topic in reader.topics(_CAMERA_INFO) if topic in self._infos]
        topics += reader.topics(_TF)
        topics += [t for t in reader.topics(_ODOMETRY) if t == self._settings.odometry_topic]
        self._messages: Iterator[BagMessage] = reader.messages(topics)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._reader.__exit__(kind, error, trace)

    def answer(
        self, topic: str, received_ns: int, result: PerceptionResult, image_size: tuple[int, int]
    ) -> PerceptionResult:
        """The same answer with the ground, or with the reason why there is none.

        Args:
            topic: of the image.
            received_ns: when it was recorded; never before the last one.
            result: in pixels.
            image_size: width and height of the image.

        Raises:
            SourceError: when the bag is damaged.
        """
        estimator = self._estimators.get(topic)
        if estimator is None:
            return result
        self._read_until(received_ns + _AHEAD)
        calibration = self._calibrations.get(topic)
        return estimator.answer(
            result, image_size, calibration, self._transforms, self._fixed_frame
        )

    def _read_until(self, time_ns: int) -> None:
        while True:
            entry = self._waiting or next(self._messages, None)
            self._waiting = entry
            if entry is None or entry.received_ns > time_ns:
                return
            self._waiting = None
            self._take(entry)

    def _take(self, entry: BagMessage) -> None:
        message: Any = entry.message
        if entry.kind == _CAMERA_INFO:
            topic = self._infos[entry.topic]
            known = self._calibrations.get(topic)
            if known is None or not same_calibration(known, message):
                self._calibrations[topic] = message
            return
        if entry.kind == _ODOMETRY:
            pose = message.pose.pose
            transform = _read(pose.orientation, pose.position)
            if transform is not None:
                frame = message.header.frame_id
                self._fixed_frame = self._settings.fixed_frame or frame
                self._transforms.set(
                    frame, message.child_frame_id, stamp_to_ns(message.header.stamp), transform
                )
            return
        for each in message.transforms:
            transform = _read(each.transform.rotation, each.transform.translation)
            if transform is None:
                continue
            parent, child = each.header.frame_id, each.child_frame_id
            if entry.topic.endswith("tf_static"):
                self._transforms.set_static(parent, child, transform)
            else:
                self._transforms.set(parent, child, stamp_to_ns(each.header.stamp), transform)


def _read(rotation: Any, translation: Any) -> RigidTransform | None:
    """None where it is no transform: what rests on it is told as missing."""
    try:
        return RigidTransform.from_message(rotation, translation)
    except TransformError:
        return None
