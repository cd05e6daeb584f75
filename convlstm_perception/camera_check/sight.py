"""What was seen of a camera topic in some seconds; facts only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reliability = Literal["best_effort", "reliable"]

RAW_TYPE = "sensor_msgs/msg/Image"
COMPRESSED_TYPE = "sensor_msgs/msg/CompressedImage"
IMAGE_TYPES = (RAW_TYPE, COMPRESSED_TYPE)


@dataclass(frozen=True)
class TopicPublisher:
    """Who publishes.

    Attributes:
        node: its full name.
        type: of its messages.
        reliability: that it offers.
    """

    node: str
    type: str
    reliability: Reliability


@dataclass(frozen=True)
class SightedImage:
    """An image that came.

    Attributes:
        arrived: monotonic seconds.
        stamp_ns: of its header.
        age: seconds from its stamp to the system's clock when it came.
        simulated_age: the same to the newest /clock; None where there is none.
        frame_id: of its header.
        width, height: in pixels; 0 where it could not be decoded.
        size: of its data in bytes.
        unreadable: why it cannot be decoded; empty where it can.
        shows_nothing: that it is black, saturated or frozen, in words; empty where it is not.
    """

    arrived: float
    stamp_ns: int
    age: float
    simulated_age: float | None
    frame_id: str
    width: int
    height: int
    size: int
    unreadable: str = ""
    shows_nothing: str = ""


@dataclass(frozen=True)
class Calibration:
    """A CameraInfo that came.

    Attributes:
        stamp_ns: of its header.
        width, height: of the images that it is for.
        problem: why it cannot be used; empty where it can.
    """

    stamp_ns: int
    width: int
    height: int
    problem: str = ""


@dataclass(frozen=True)
class Expectations:
    """What the node needs of a camera, and what this process's DDS is set to.

    Attributes:
        reliability: that the node asks for; its parameter image_reliability.
        step: seconds between the slots of the model's window.
        tolerance: seconds by which a frame may miss its slot.
        segment: bytes of the largest shared-memory segment that the DDS profile sets; None where
            none is in force. Not None where profiles of Fast DDS do not apply.
        profile_command: sets the shipped profile in a shell.
    """

    reliability: Reliability
    step: float
    tolerance: float
    segment: int | None
    profile_command: str


@dataclass(frozen=True)
class Sight:
    """What was seen.

    Attributes:
        topic: of the images, resolved.
        publishers: of it, of any type.
        other_topics: image topics that have a publisher, for who mistook the name.
        images: in the order in which they came.
        calibration_topic: of the CameraInfo beside it.
        calibration_publishers: how many publish that.
        calibrations: in the order in which they came.
        seconds: for which it was watched.
    """

    topic: str
    publishers: tuple[TopicPublisher, ...]
    other_topics: tuple[str, ...]
    images: tuple[SightedImage, ...]
    calibration_topic: str
    calibration_publishers: int
    calibrations: tuple[Calibration, ...]
    seconds: float
