"""ROS messages to images, and answers to ROS messages."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
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

from convlstm_perception.errors import ImageError
from convlstm_perception.types import (
    NANOSECONDS_PER_SECOND,
    Float32Array,
    Frame,
    Image,
    PerceptionResult,
    Tracks,
)

_BYTES_PER_PIXEL = {
    "bgr8": 3,
    "rgb8": 3,
    "bgra8": 4,
    "rgba8": 4,
    "mono8": 1,
    "8UC1": 1,
    "8UC3": 3,
    "8UC4": 4,
    "bayer_rggb8": 1,
    "bayer_bggr8": 1,
    "bayer_gbrg8": 1,
    "bayer_grbg8": 1,
    "yuv422": 2,
    "uyvy": 2,
    "yuv422_yuy2": 2,
    "yuyv": 2,
}
_AS_IT_IS = ("bgr8", "8UC3")  # already blue, green, red
_OTHER_NAMES = {"8UC1": "mono8", "8UC4": "bgra8"}
# Not every release of cv_bridge, on PyPI or apt, knows these.
_BY_OPENCV = {
    "bayer_grbg8": cv2.COLOR_BayerGB2BGR,
    "yuv422": cv2.COLOR_YUV2BGR_UYVY,
    "uyvy": cv2.COLOR_YUV2BGR_UYVY,
    "yuv422_yuy2": cv2.COLOR_YUV2BGR_YUY2,
    "yuyv": cv2.COLOR_YUV2BGR_YUY2,
}


def stamp_to_ns(stamp: Time) -> int:
    """A stamp in integer nanoseconds."""
    return int(stamp.sec) * NANOSECONDS_PER_SECOND + int(stamp.nanosec)


def ns_to_stamp(nanoseconds: int) -> Time:
    """Integer nanoseconds as a stamp."""
    whole, rest = divmod(nanoseconds, NANOSECONDS_PER_SECOND)
    return Time(sec=whole, nanosec=rest)


def frame_from_image(message: ImageMessage) -> Frame:
    """The image as blue, green, red; a view of the message's own data where it is that already.

    Raises:
        ImageError: for an empty image, an encoding that is not supported, or too little data.
    """
    height, width, step = message.height, message.width, message.step
    if not height or not width:
        raise ImageError(f"the image is {width}x{height} pixels; check the camera driver")
    if message.encoding not in _BYTES_PER_PIXEL:
        raise ImageError(
            f"encoding {message.encoding!r} is not supported; "
            f"let the camera send one of {', '.join(_BYTES_PER_PIXEL)}"
        )
    row = width * _BYTES_PER_PIXEL[message.encoding]
    if step < row:
        raise ImageError(f"step {step} is less than a row of {width} pixels ({row} bytes)")
    data = np.frombuffer(message.data, np.uint8)
    if data.size < height * step:
        raise ImageError(
            f"the image holds {data.size} bytes, fewer than height x step = {height} x {step} = "
            f"{height * step}; it was cut off, check the camera driver"
        )
    rows = data[: height * step].reshape(height, step)[:, :row]
    if message.encoding in _AS_IT_IS:
        image = rows.reshape(height, width, 3)
    else:
        try:
            image = _converted(message, rows)
        except Exception as error:  # cv_bridge raises whatever its parts do
            raise ImageError(
                f"a {width}x{height} image of encoding {message.encoding!r} cannot be "
                f"converted: {str(error) or repr(error)}; let the camera send bgr8"
            ) from error
    return Frame(image, stamp_to_ns(message.header.stamp), message.header.frame_id)


def _converted(message: ImageMessage, rows: Image) -> Image:
    height, width, encoding = message.height, message.width, message.encoding
    if encoding in _BY_OPENCV:
        pixels = rows if rows.shape[1] == width else rows.reshape(height, width, -1)
        return cv2.cvtColor(pixels, _BY_OPENCV[encoding])  # type: ignore[return-value]
    if rows.shape[1] == message.step and encoding not in _OTHER_NAMES:
        return _bridge().imgmsg_to_cv2(message, "bgr8")
    # cv_bridge from PyPI knows neither padded rows nor OpenCV's names.
    plain = ImageMessage(height=height, width=width, step=rows.shape[1], data=rows.tobytes())
    plain.encoding = _OTHER_NAMES.get(encoding, encoding)
    return _bridge().imgmsg_to_cv2(plain, "bgr8")


def frame_from_compressed(message: CompressedImage) -> Frame:
    """Decode a JPEG or PNG.

    Raises:
        ImageError: when it cannot be decoded.
    """
    data = np.frombuffer(message.data, np.uint8)
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:  # a header that promises more pixels than OpenCV takes
        image = None
    if image is None:
        raise ImageError(
            f"a compressed image of {data.size} bytes, format {message.format!r}, cannot be "
            "decoded; JPEG and PNG can"
        )
    return Frame(
        image,  # type: ignore[arg-type]
        stamp_to_ns(message.header.stamp),
        message.header.frame_id,
    )


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
