"""ROS 2 bags of images and corrected detections, read without ROS by the library rosbags.

The detections are what the node publishes (``vision_msgs/Detection2DArray``, id = track id),
recorded beside the images and then corrected; each has the stamp of the image it belongs to.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from convlstm_perception.bags import BagReader
from convlstm_perception.data.compressed_image import decode_message
from convlstm_perception.data.readers.common import TruthBuilder, no_split
from convlstm_perception.data.sequence import AnnotatedSequence
from convlstm_perception.data.video import ClosingSource
from convlstm_perception.errors import ImageError, SourceError
from convlstm_perception.messages import stamp_to_ns
from convlstm_perception.types import NANOSECONDS_PER_SECOND, Image

IMAGE_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
DETECTIONS_TYPE = "vision_msgs/msg/Detection2DArray"


def read_ros_bag(path: Path, split: str | None = None) -> list[AnnotatedSequence]:
    """Read a bag, mcap or sqlite3.

    Args:
        path: folder of the bag (with ``metadata.yaml``), or its ``.mcap`` or ``.db3`` file. It
            holds one topic of images, raw or compressed, and one of ``Detection2DArray``.
        split: None; there are no splits.

    Returns:
        One sequence. Frames are counted by the images; an image without a message of detections
        is not annotated. The frame rate is that of the median distance of the stamps.

    Raises:
        SourceError: when the bag is damaged, lacks a topic, or a message is wrong; with its stamp.
    """
    no_split(path, split)
    stamps: list[int] = []
    detections: list[Any] = []
    with BagReader(path) as reader:
        image_topic = _only_topic(reader, IMAGE_TYPES)
        for entry in reader.messages([image_topic, _only_topic(reader, (DETECTIONS_TYPE,))]):
            if entry.topic == image_topic:
                stamps.append(stamp_to_ns(entry.message.header.stamp))
            else:
                detections.append(entry.message)
    if len(stamps) < 2:
        raise SourceError(
            f"{path}: {image_topic} has {len(stamps)} images; two are needed at least"
        )
    steps = np.diff(np.array(stamps, np.int64))
    if steps.min() <= 0:
        at = stamps[int(steps.argmin()) + 1]
        raise SourceError(
            f"{path}: {image_topic}: the image of stamp {_text(at)} is not later than the one "
            "before; record each camera under a topic of its own"
        )
    images = BagImages(path, len(stamps), NANOSECONDS_PER_SECOND / float(np.median(steps)))
    builder = TruthBuilder(path, images.width, images.height)
    frames = {stamp: frame for frame, stamp in enumerate(stamps)}
    for message in detections:
        _add_detections(path, builder, frames, message)
    truths = builder.truths()
    return [
        AnnotatedSequence(path.stem, images.frame_rate, images.width, images.height, truths, images)
    ]


class BagImages(ClosingSource):
    """The images of a bag, in the order of recording.

    Args:
        path: of the bag.
        frame_count: number of its images.
        frame_rate: frames a second.
    """

    def __init__(self, path: Path, frame_count: int, frame_rate: float) -> None:
        self.name = str(path)
        self.frame_count: int | None = frame_count
        self.frame_rate: float | None = frame_rate
        self._path = path
        self.height, self.width = next(iter(self)).shape[:2]

    def __iter__(self) -> Iterator[Image]:
        with BagReader(self._path) as reader:
            for entry in reader.messages([_only_topic(reader, IMAGE_TYPES)]):
                message = entry.message
                where = (
                    f"{self._path}: {entry.topic}: stamp {_text(stamp_to_ns(message.header.stamp))}"
                )
                yield _image(where, message)

    def close(self) -> None:
        """The bag is open only while it is read."""


def _only_topic(reader: BagReader, kinds: tuple[str, ...]) -> str:
    topics = reader.topics(*kinds)
    if len(topics) != 1:
        raise SourceError(
            f"{reader.path}: one topic of {' or '.join(kinds)} with messages is needed, found "
            f"{', '.join(topics) or 'none'}; cut the bag with `ros2 bag convert`"
        )
    return topics[0]


def _add_detections(
    path: Path, builder: TruthBuilder, frames: dict[int, int], message: Any
) -> None:
    stamp = stamp_to_ns(message.header.stamp)
    where = f"detections of stamp {_text(stamp)}"
    if stamp not in frames:
        raise SourceError(
            f"{path}: {where}: no image has this stamp; record both, and copy the image's stamp"
        )
    builder.expect(frames[stamp])
    for detection in message.detections:
        if not detection.id.isdecimal():
            raise SourceError(
                f"{path}: {where}: id {detection.id!r} is not a whole number; "
                "give every person the number of the track"
            )
        box, centre = detection.bbox, detection.bbox.center.position
        builder.add(
            frames[stamp],
            int(detection.id),
            (centre.x, centre.y, box.size_x, box.size_y),
            f"{where} (frame {frames[stamp]})",
        )


def _image(where: str, message: Any) -> Image:
    try:
        return decode_message(message)
    except ImageError as error:
        raise SourceError(f"{where}: {error}") from error


def _text(stamp_ns: int) -> str:
    seconds, rest = divmod(stamp_ns, NANOSECONDS_PER_SECOND)
    return f"{seconds}.{rest:09d}"
