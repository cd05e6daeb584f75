"""ROS messages to images, and answers to ROS messages."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from builtin_interfaces.msg import Duration, Time
from convlstm_perception_msgs.msg import (
    PredictedTrajectory,
    PredictedTrajectoryArray,
    TrajectoryMode,
    TrajectoryPoint,
)
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as ImageMessage
from std_msgs.msg import Header
from vision_msgs.msg import (
    BoundingBox2D,
    Detection2D,
    Detection2DArray,
    ObjectHypothesisWithPose,
)

from convlstm_perception.data.image_message import decode_compressed, decode_image
from convlstm_perception.errors import ImageError
from convlstm_perception.types import (
    NANOSECONDS_PER_SECOND,
    Float32Array,
    Frame,
    Image,
    PerceptionResult,
    Tracks,
)


def stamp_to_ns(stamp: Time) -> int:
    """A stamp in integer nanoseconds."""
    return int(stamp.sec) * NANOSECONDS_PER_SECOND + int(stamp.nanosec)


def ns_to_stamp(nanoseconds: int) -> Time:
    """Integer nanoseconds as a stamp."""
    whole, rest = divmod(nanoseconds, NANOSECONDS_PER_SECOND)
    return Time(sec=whole, nanosec=rest)


def frame_from_message(message: ImageMessage | CompressedImage) -> Frame:
    """The image as blue, green, red; a view of the message's own data where it is that already.

    Raises:
        ImageError: when it cannot be used.
    """
    compressed = isinstance(message, CompressedImage)
    image = decode_compressed(message) if compressed else decode_image(message)
    return Frame(image, stamp_to_ns(message.header.stamp), message.header.frame_id)


def image_to_message(image: Image, header: Header) -> ImageMessage:
    """A (height, width, 3) blue, green, red image as bgr8."""
    message = _bridge().cv2_to_imgmsg(image, "bgr8")
    message.header = header
    return message


def detections_to_message(
    result: PerceptionResult, header: Header, class_id: str
) -> Detection2DArray:
    """The tracked pedestrians, in pixels; ``id`` is the track id."""
    tracks = result.tracks
    message = Detection2DArray(header=header)
    for row in range(len(tracks)):
        hypothesis = ObjectHypothesisWithPose()
        hypothesis.hypothesis.class_id = class_id
        hypothesis.hypothesis.score = float(tracks.scores[row])
        message.detections.append(
            Detection2D(
                header=header,
                results=[hypothesis],
                bbox=_box_to_message(tracks.boxes[row]),
                id=str(tracks.ids[row]),
            )
        )
    return message


def trajectories_to_message(
    result: PerceptionResult, header: Header, model_id: str
) -> PredictedTrajectoryArray:
    """The tracked pedestrians with their future boxes and covariances, in pixels."""
    tracks = result.tracks
    durations = [_duration(float(seconds)) for seconds in tracks.trajectories.times]
    message = PredictedTrajectoryArray(
        header=header,
        model_id=model_id,
        status=int(result.status),
        status_reason=result.status_reason,
    )
    for row in range(len(tracks)):
        mode = TrajectoryMode(probability=1.0, points=_points(tracks, row, durations))
        message.trajectories.append(
            PredictedTrajectory(
                track_id=str(tracks.ids[row]),
                score=float(tracks.scores[row]),
                coasting=bool(tracks.coasting[row]),
                bbox=_box_to_message(tracks.boxes[row]),
                modes=[mode],
            )
        )
    return message


def _points(tracks: Tracks, row: int, durations: list[Duration]) -> list[TrajectoryPoint]:
    trajectories = tracks.trajectories
    points = []
    for step, duration in enumerate(durations):
        point = TrajectoryPoint(
            time_from_start=duration, bbox=_box_to_message(trajectories.boxes[row, step])
        )
        point.covariance = np.diag(trajectories.variances[row, step].astype(np.float64)).ravel()
        points.append(point)
    return points


def _box_to_message(box: Float32Array) -> BoundingBox2D:
    message = BoundingBox2D()
    x, y, width, height = box.tolist()
    message.center.position.x, message.center.position.y = x, y
    message.size_x, message.size_y = width, height
    return message


def _duration(seconds: float) -> Duration:
    nanoseconds = round(seconds * NANOSECONDS_PER_SECOND)
    whole, rest = divmod(nanoseconds, NANOSECONDS_PER_SECOND)
    return Duration(sec=whole, nanosec=rest)


@lru_cache(maxsize=1)
def _bridge() -> Any:
    try:
        from cv_bridge import CvBridge
    except ImportError as error:
        raise ImageError(
            "cv_bridge is missing: apt install ros-$ROS_DISTRO-cv-bridge, or pip install "
            "cv-bridge with numpy<2"
        ) from error
    return CvBridge()
