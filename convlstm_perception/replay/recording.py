"""What a bag holds for a replay: cameras, and what the node had answered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from convlstm_perception.bags import PARAMETERS_KEY, BagReader
from convlstm_perception.data.compressed_image import decode_message
from convlstm_perception.errors import SourceError
from convlstm_perception.messages import TRAJECTORIES, stamp_to_ns
from convlstm_perception.types import NANOSECONDS_PER_SECOND, Image

IMAGES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
_NODE = "/convlstm_perception"
_OVERLAY = "/overlay"
_VIDEO_RATES = (1.0, 240.0)  # that players take, frames a second


@dataclass(frozen=True)
class RecordedCamera:
    """One camera of a bag.

    Attributes:
        name: short, for files and for the pipeline.
        topic: of its images.
        answers: prefix of the topics of its answers, as ``/convlstm_perception/front``.
        answered: stamps of the images that the node had answered, in nanoseconds, with a digest of
            the trajectories that it published for each, None for those of another version's
            messages; None where the bag does not tell.
        models: that the node answered with, by name and version.
        rate: images a second, by the median of the stamps; of what the node answered, where the bag
            tells.
    """

    name: str
    topic: str
    answers: str
    answered: Mapping[int, bytes | None] | None
    models: frozenset[str]
    rate: float


@dataclass(frozen=True)
class RecordedImage:
    """One image of a bag, still as a message.

    Attributes:
        topic: of the image.
        received_ns: when it was recorded, in nanoseconds.
        message: the image.
    """

    topic: str
    received_ns: int
    message: Any

    @property
    def stamp_ns(self) -> int:
        """Of its header, in nanoseconds."""
        return stamp_to_ns(self.message.header.stamp)

    def decode(self) -> Image:
        """(height, width, 3) uint8, blue, green, red.

        Raises:
            ImageError: when it cannot be used.
        """
        return decode_message(self.message)


def find_cameras(path: Path, wanted: Collection[str] = ()) -> list[RecordedCamera]:
    """The cameras of a bag.

    An image topic's answers are the trajectories whose every stamp is that of one of its images.

    Args:
        path: of the bag.
        wanted: image topics; all when empty.

    Raises:
        SourceError: when the bag cannot be read, or holds no such topic.
    """
    with BagReader(path) as bag:
        topics = [topic for topic in bag.topics(*IMAGES) if not topic.endswith(_OVERLAY)]
        missing = set(wanted) - set(topics)
        if missing or not topics:
            raise SourceError(
                f"{path}: no images on {', '.join(sorted(missing)) or 'any topic'}; it has images "
                f"on {', '.join(topics) or 'none'}"
            )
        topics = [topic for topic in topics if not wanted or topic in wanted]
        answered = {topic: dict[int, bytes | None]() for topic in bag.topics(TRAJECTORIES)}
        models = {topic: set[str]() for topic in answered}
        stamps = {topic: set[int]() for topic in topics}
        for entry in bag.messages([*topics, *answered]):
            stamp = stamp_to_ns(entry.message.header.stamp)
            if entry.topic in stamps:
                stamps[entry.topic].add(stamp)
            else:
                answered[entry.topic][stamp] = (
                    None
                    if entry.foreign
                    else trajectories_digest(bag.in_cdr(entry.message, TRAJECTORIES))
                )
                models[entry.topic].add(entry.message.model_id)
    names = _short_names(topics)
    cameras = []
    for topic in topics:
        own = [source for source, known in answered.items() if known.keys() <= stamps[topic]]
        if len(own) > 1:
            raise SourceError(
                f"{path}: {', '.join(own)} all answer {topic}; cut the bag to one node's answers"
            )
        name = names[topic]
        prefix = f"{_NODE}/{name}" if name else _NODE
        recorded, own_models = None, frozenset[str]()
        if own:
            prefix = own[0].rsplit("/", 1)[0]
            recorded, own_models = answered[own[0]], frozenset(models[own[0]])
        rate = _rate(recorded or stamps[topic])
        cameras.append(RecordedCamera(name, topic, prefix, recorded, own_models, rate))
    return cameras


def read_images(path: Path, topics: Collection[str]) -> Iterator[RecordedImage]:
    """The images of some topics in the order in which they were recorded.

    Raises:
        SourceError: when the bag is damaged.
    """
    with BagReader(path) as bag:
        for entry in bag.messages(topics):
            yield RecordedImage(entry.topic, entry.received_ns, entry.message)


def recorded_parameters(path: Path) -> dict[str, Any]:
    """The node's parameters by name, where the bag tells them: a black box does.

    Raises:
        SourceError: when the bag is damaged.
    """
    with BagReader(path) as bag:
        text = bag.custom_data.get(PARAMETERS_KEY, "{}")
    try:
        values: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise SourceError(
            f"{path}: {PARAMETERS_KEY} in its metadata is no JSON: {error}"
        ) from error
    return values


def first_camera_info(path: Path, topic: str) -> Any | None:
    """The first CameraInfo of a topic, or None."""
    with BagReader(path) as bag:
        if topic in bag.topics(CAMERA_INFO):
            return next(bag.messages([topic])).message
    return None


def trajectories_digest(in_cdr: bytes) -> bytes:
    """What tells trajectories from others, to the bit."""
    return hashlib.sha256(in_cdr).digest()


def _rate(stamps: Collection[int]) -> float:
    lowest, highest = _VIDEO_RATES
    steps = [after - before for before, after in pairwise(sorted(stamps))]
    return min(max(NANOSECONDS_PER_SECOND / median(steps), lowest), highest) if steps else lowest


def _short_names(topics: list[str]) -> dict[str, str]:
    """The part of each topic that tells the cameras apart; empty for an only camera."""
    if len(topics) == 1:
        return {topics[0]: ""}
    parts = {topic: topic.strip("/").split("/") for topic in topics}
    for length in range(1, max(map(len, parts.values())) + 1):
        names = {topic: "_".join(part[:length]) for topic, part in parts.items()}
        if len(set(names.values())) == len(topics):
            return names
    return {topic: topic.strip("/").replace("/", "_") for topic in topics}
