"""Which images of a bag are answered as which camera."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from convlstm_perception.bags.reader import BagReader, stamp_of
from convlstm_perception.errors import SourceError

IMAGE_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
ANSWERS_TYPE = "convlstm_perception_msgs/msg/PredictedTrajectoryArray"
DEFAULT_NODE = "/convlstm_perception"
_ANSWERS = "/trajectories"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_MEND = "name each camera's images with --camera NAME=TOPIC"


@dataclass(frozen=True)
class RecordedAnswer:
    """An answer of the node in the bag.

    Attributes:
        stamp_ns: of the image answered.
        frame_id: of the image answered.
        model_id: that answered.
        content: the message serialised.
    """

    stamp_ns: int
    frame_id: str
    model_id: str
    content: bytes


@dataclass(frozen=True)
class CameraPlan:
    """One camera of the replay.

    Attributes:
        name: of the camera; may be empty.
        image_topic: of its images in the bag.
        prefix: of its answers' topics, for example ``/convlstm_perception/front``.
        answers: of the node in the bag, in their order.
    """

    name: str
    image_topic: str
    prefix: str
    answers: Sequence[RecordedAnswer] = field(default=(), repr=False)


def plan_cameras(bag: BagReader, cameras: Mapping[str, str] | None = None) -> list[CameraPlan]:
    """The cameras of a bag, in the order of their answers' topics.

    Whose answers a topic holds is known by the stamps and frame ids, which are those of the images.

    Args:
        bag: of images and, where the node was recorded too, of its answers.
        cameras: topic of the images by the camera's name; None finds them.

    Raises:
        SourceError: when there are no images, or it cannot be told whose an answer is.
    """
    images = bag.topics_of(*IMAGE_TYPES)
    if not images:
        raise SourceError(
            f"{bag.path}: no images; a topic of {' or '.join(IMAGE_TYPES)} is needed, found "
            f"{', '.join(bag.topics) or 'no messages at all'}"
        )
    answers = _recorded_answers(bag)
    if cameras is not None:
        return _given(bag, cameras, images, answers)
    if answers:
        topics = _matched(bag, images, answers)
        several = len(answers) > 1
        return [
            CameraPlan(
                prefix.rpartition("/")[2] if several else "", topics[prefix], prefix, recorded
            )
            for prefix, recorded in answers.items()
        ]
    names = [topic.split("/")[1] for topic in images] if len(images) > 1 else [""]
    if len(set(names)) < len(names) or (names != [""] and not all(map(_NAME.fullmatch, names))):
        raise SourceError(
            f"{bag.path}: images on {', '.join(images)}, of which no names of cameras can be made; "
            f"{_MEND}"
        )
    return [
        CameraPlan(name, topic, _default_prefix(name))
        for name, topic in zip(names, images, strict=True)
    ]


def _recorded_answers(bag: BagReader) -> dict[str, list[RecordedAnswer]]:
    """The node's answers by the prefix of their topic."""
    topics = [topic for topic in bag.topics_of(ANSWERS_TYPE) if topic.endswith(_ANSWERS)]
    found: dict[str, list[RecordedAnswer]] = {topic.removesuffix(_ANSWERS): [] for topic in topics}
    for topic, _, message in bag.messages(topics):
        found[topic.removesuffix(_ANSWERS)].append(
            RecordedAnswer(
                stamp_of(message),
                message.header.frame_id,
                message.model_id,
                bag.serialised(ANSWERS_TYPE, message),
            )
        )
    return found


def _given(
    bag: BagReader,
    cameras: Mapping[str, str],
    images: Sequence[str],
    answers: Mapping[str, Sequence[RecordedAnswer]],
) -> list[CameraPlan]:
    missing = [topic for topic in cameras.values() if topic not in images]
    if missing:
        raise SourceError(
            f"{bag.path}: no images on {', '.join(missing)}; there are some on {', '.join(images)}"
        )
    _refuse_shared(bag, list(cameras.values()))
    plans = []
    for name, topic in cameras.items():
        prefixes = [prefix for prefix in answers if prefix.rpartition("/")[2] == name]
        if len(answers) == len(cameras) == 1:
            prefixes = list(answers)
        if len(prefixes) > 1:
            raise SourceError(
                f"{bag.path}: several nodes have answered a camera {name!r}: "
                f"{', '.join(prefixes)}; cut the bag with `ros2 bag convert`"
            )
        prefix = prefixes[0] if prefixes else _default_prefix(name)
        plans.append(CameraPlan(name, topic, prefix, answers.get(prefix, ())))
    return plans


def _matched(
    bag: BagReader, images: Sequence[str], answers: Mapping[str, Sequence[RecordedAnswer]]
) -> dict[str, str]:
    """For each prefix the topic of the images whose stamps and frame ids its answers have."""
    if len(images) == len(answers) == 1:
        return {next(iter(answers)): images[0]}
    seen: dict[str, Counter[Any]] = {topic: Counter() for topic in images}
    for topic, _, message in bag.messages(images):
        seen[topic][stamp_of(message), message.header.frame_id] += 1
    topics = {}
    for prefix, recorded in answers.items():
        asked = Counter((answer.stamp_ns, answer.frame_id) for answer in recorded)
        shares = {topic: (asked & seen[topic]).total() for topic in images}
        best = [topic for topic in images if shares[topic] == max(shares.values())]
        name = prefix.rpartition("/")[2]
        if len(best) > 1:
            best = [topic for topic in best if f"/{name}/" in topic]
        if len(best) != 1 or not shares[best[0]]:
            raise SourceError(
                f"{bag.path}: it cannot be told which of {', '.join(images)} the answers on "
                f"{prefix}{_ANSWERS} are for: stamps and frame ids fit "
                f"{'none' if not max(shares.values()) else 'several'}; {_MEND}"
            )
        topics[prefix] = best[0]
    _refuse_shared(bag, list(topics.values()))
    return topics


def _refuse_shared(bag: BagReader, topics: Sequence[str]) -> None:
    shared = sorted({topic for topic in topics if topics.count(topic) > 1})
    if shared:
        raise SourceError(
            f"{bag.path}: {', '.join(shared)} would be answered as several cameras; leave one of "
            "them, or the answers of one node, with `ros2 bag convert`"
        )


def _default_prefix(name: str) -> str:
    return f"{DEFAULT_NODE}/{name}" if name else DEFAULT_NODE
