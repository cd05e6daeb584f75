"""From what was seen of a camera topic to what is wrong with it and how to mend it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from convlstm_perception.camera_check.pace import Pace
from convlstm_perception.camera_check.sight import (
    COMPRESSED_TYPE,
    IMAGE_TYPES,
    Expectations,
    Sight,
    TopicPublisher,
)

_LATE = 0.3  # seconds from stamp to arrival; at walking pace that is half a metre
_FAR = 1.0  # seconds; no image is under way for so long: the clocks differ
_AHEAD = 0.05  # seconds that a stamp may lie in the future: clocks are never quite the same
_MISSING_SHARE = 0.03  # of the images; one lost now and then is normal with best effort
_LARGE = 512 << 10  # bytes: Fast DDS's own shared-memory segment holds no more
_IMAGES_PER_SEGMENT = 4  # that a segment should hold, so that one is written while others are read
_SINCE_BOOT = 366 * 86_400  # seconds; a stamp below that does not count from 1970


@dataclass(frozen=True)
class Finding:
    """Something that is worth telling.

    Attributes:
        about: what part of the stream, one word for programs.
        problem: whether it must be mended before the node can do its work well; else a note.
        text: what was seen.
        mend: what to do about it.
    """

    about: str
    problem: bool
    text: str
    mend: str

    def __str__(self) -> str:
        return f"{self.text}. {self.mend}"


def judge(sight: Sight, expected: Expectations) -> tuple[Finding, ...]:
    """Everything that is wrong with a camera, the most fundamental first.

    Args:
        sight: what was seen.
        expected: what the node needs.
    """
    barred = tuple(_graph(sight, expected))
    if any(finding.problem for finding in barred) and not sight.images:
        return barred
    if not sight.images:
        return (*barred, _silent(sight))
    return (
        *barred,
        *_content(sight),
        *_order(sight),
        *_clock(sight),
        *_pace(sight, expected),
        *_header(sight),
        *_calibration(sight),
        *_transport(sight, expected),
    )


def image_publishers(sight: Sight) -> tuple[TopicPublisher, ...]:
    """Those that publish images."""
    return tuple(publisher for publisher in sight.publishers if publisher.type in IMAGE_TYPES)


def pace_of(sight: Sight) -> Pace | None:
    """How regularly the images came."""
    images = sight.images
    return Pace.of([image.arrived for image in images], [image.stamp_ns for image in images])


def _graph(sight: Sight, expected: Expectations) -> Iterator[Finding]:
    if not sight.publishers:
        others = ", ".join(sight.other_topics)
        yield Finding(
            "publisher",
            True,
            f"nobody publishes {sight.topic}",
            f"Images are published on {others}: name one of them"
            if others
            else "Start the camera's driver; if it runs, see that it has the same ROS_DOMAIN_ID "
            "and ROS_AUTOMATIC_DISCOVERY_RANGE as this shell, and the same RMW_IMPLEMENTATION",
        )
        return
    images = image_publishers(sight)
    if not images:
        types = ", ".join(sorted({publisher.type for publisher in sight.publishers}))
        yield Finding(
            "type",
            True,
            f"{sight.topic} carries {types}",
            f"The node reads {' or '.join(IMAGE_TYPES)}: name such a topic"
            + (f", one of {', '.join(sight.other_topics)}" if sight.other_topics else ""),
        )
        return
    if len(images) > 1:
        yield Finding(
            "publisher",
            True,
            f"{len(images)} publishers send images on {sight.topic}: "
            f"{', '.join(publisher.node for publisher in images)}",
            "Their images would be taken for those of one camera: give each a topic of its own",
        )
    offers = {publisher.reliability for publisher in images}
    if expected.reliability == "reliable" and "best_effort" in offers:
        yield Finding(
            "qos",
            True,
            f"{sight.topic} is offered best effort, but reliable is asked for: DDS brings nothing",
            "Set the node's parameter image_reliability to best_effort, its default",
        )
    elif expected.reliability == "best_effort" and offers == {"best_effort"}:
        yield Finding(
            "qos",
            False,
            "the camera offers best effort",
            "Leave the parameter image_reliability at best_effort; reliable would get nothing",
        )
    if images[0].type == COMPRESSED_TYPE:
        yield Finding(
            "type",
            False,
            "the images are compressed",
            "Set the node's parameter transport to compressed",
        )


def _silent(sight: Sight) -> Finding:
    return Finding(
        "silence",
        True,
        f"{image_publishers(sight)[0].node} publishes {sight.topic}, but no image came in "
        f"{sight.seconds:g} s",
        "See the driver's log: the camera may be unplugged, in use by another program, or waiting "
        "for a trigger. If `ros2 topic hz` sees images on the camera's machine, DDS loses them: "
        "convlstm-perception doctor --dds",
    )


def _content(sight: Sight) -> Iterator[Finding]:
    total = len(sight.images)
    unreadable = [image.unreadable for image in sight.images if image.unreadable]
    for reason, count in Counter(unreadable).items():
        yield Finding(
            "image",
            True,
            f"{count} of {total} images cannot be read: {reason}",
            "The driver's parameter for the pixel format, or image_proc between, makes others",
        )
    nothing = [image.shows_nothing for image in sight.images if image.shows_nothing]
    for kind, mend in (
        ("black", "Take off the lens cap, and see to exposure and light"),
        ("saturated", "Lower exposure or gain, or switch on automatic exposure"),
        (
            "frozen",
            "The driver repeats its last image, or nothing moves in a simulator without noise; for "
            "the latter set the node's parameter frozen_after to 0.0",
        ),
    ):
        of_kind = [reason for reason in nothing if f"is {kind}" in reason]
        if of_kind:
            yield Finding("image", True, f"{len(of_kind)} of {total} images: {of_kind[-1]}", mend)
    sizes = {(image.width, image.height) for image in sight.images if not image.unreadable}
    if len(sizes) > 1:
        words = ", ".join(f"{width}x{height}" for width, height in sorted(sizes))
        yield Finding(
            "size",
            True,
            f"the resolution changes: {words}",
            "One size a camera: fix it in the driver, and look for a second program that sets it. "
            "At each change the node's window begins anew",
        )


def _order(sight: Sight) -> Iterator[Finding]:
    stamps = [image.stamp_ns for image in sight.images]
    if not any(stamps):
        yield Finding(
            "stamps",
            True,
            "every stamp is zero",
            "The driver does not stamp its images: set header.stamp to the time of exposure. The "
            "node answers the first image and counts all others as double",
        )
        return
    back = sum(after <= before for before, after in pairwise(stamps))
    if back:
        yield Finding(
            "stamps",
            True,
            f"{back} of {len(stamps)} stamps are not later than the one before",
            "The node refuses such images. Look for a second publisher, a bag that is played in a "
            "loop, or a driver that stamps before it sorts",
        )


def _clock(sight: Sight) -> Iterator[Finding]:
    if not any(image.stamp_ns for image in sight.images):
        return
    age, ahead = median(image.age for image in sight.images), _AHEAD
    simulated = [image.simulated_age for image in sight.images if image.simulated_age is not None]
    if simulated and abs(median(simulated)) < abs(age):
        yield Finding(
            "clock",
            False,
            "the stamps follow /clock, as in a simulator",
            "Start the node with use_sim_time:=true",
        )
        # An image may overtake the /clock of its own step.
        age, ahead = median(simulated), _FAR
    elif simulated:
        yield Finding(
            "clock",
            False,
            "somebody publishes /clock, but the stamps follow the system's clock",
            "Leave the node's use_sim_time false, or let the camera use /clock too",
        )
    newest = max(image.stamp_ns for image in sight.images) / 1e9
    if -ahead <= age <= _LATE:
        return
    if newest < _SINCE_BOOT and not simulated:
        yield Finding(
            "clock",
            True,
            f"the stamps count from another beginning than 1970 (the newest is {newest:.1f} s)",
            "The driver stamps with the time since boot, or a simulator's without /clock. Let it "
            "use the system's clock, or let the simulator publish /clock and set use_sim_time",
        )
    elif age > _FAR or age < -ahead:
        where = "behind" if age > 0 else "ahead of"
        yield Finding(
            "clock",
            True,
            f"the stamps are {abs(age):.2f} s {where} the clock",
            "Synchronise the clocks of camera and computer (chrony, or PTP: docs/deployment.md). "
            "With max_age set the node would refuse the images, and transforms are not found",
        )
    else:
        yield Finding(
            "clock",
            True,
            f"images come {age:.2f} s after their stamp",
            "Look for a queue in the driver or the pipeline before it (GStreamer: drop=true "
            "max-buffers=1), and for a busy processor",
        )


def _pace(sight: Sight, expected: Expectations) -> Iterator[Finding]:
    pace = pace_of(sight)
    if pace is None:
        yield Finding(
            "rate",
            True,
            f"only {len(sight.images)} images in {sight.seconds:g} s",
            f"The model's window has a slot every {expected.step:g} s: let the camera send faster",
        )
        return
    # A period of 0.1 s that a clock measures as 0.1001 is no slower camera.
    if pace.period > expected.step + 0.2 * expected.tolerance:
        yield Finding(
            "rate",
            True,
            f"{1 / pace.period:.1f} images a second",
            f"The model's window has a slot every {expected.step:g} s, and those between stay "
            f"empty: let the camera send {1 / expected.step:g} a second or more. In poor light "
            "automatic exposure may hold it back",
        )
    total = len(sight.images) + pace.missing
    if pace.missing > _MISSING_SHARE * total:
        yield Finding(
            "gaps",
            True,
            f"{pace.missing} of {total} images are missing, by their stamps; the longest gap is "
            f"{pace.widest:.2f} s",
            "Lost on the way: convlstm-perception doctor --dds. Never sent: see the driver's log "
            "for dropped frames (bandwidth of the bus, a busy processor)",
        )
    if pace.jitter > max(expected.tolerance, 0.5 * pace.period):
        yield Finding(
            "jitter",
            True,
            f"images come in bursts: intervals stray by {1e3 * pace.jitter:.0f} ms from a period "
            f"of {1e3 * pace.period:.0f} ms",
            "Answers come as late as the images. Look for a busy processor, Wi-Fi on the way, or "
            "a buffer in the driver",
        )


def _header(sight: Sight) -> Iterator[Finding]:
    frames = {image.frame_id for image in sight.images}
    if "" in frames:
        yield Finding(
            "frame_id",
            True,
            "frame_id is empty",
            "Set it in the driver to the camera's optical frame: without it no transform can be "
            "found, and nothing is answered in metres",
        )
    elif len(frames) > 1:
        yield Finding(
            "frame_id",
            True,
            f"frame_id changes: {', '.join(sorted(frames))}",
            "One frame a camera: look for a second publisher",
        )


def _calibration(sight: Sight) -> Iterator[Finding]:
    topic = sight.calibration_topic
    if not sight.calibrations:
        text = (
            f"{topic} has a publisher, but brought nothing"
            if sight.calibration_publishers
            else f"nobody publishes {topic}"
        )
        yield Finding(
            "calibration",
            True,
            text,
            "Calibrate the camera (docs/your-camera.md) and let the driver publish it, or name the "
            "file in the node's parameter calibration. Without it people are answered in pixels, "
            "not in metres",
        )
        return
    newest = sight.calibrations[-1]
    if newest.problem:
        yield Finding(
            "calibration",
            True,
            f"{topic}: {newest.problem}",
            "How to calibrate: docs/your-camera.md",
        )
    sizes = {(image.width, image.height) for image in sight.images if not image.unreadable}
    if sizes and (newest.width, newest.height) not in sizes:
        width, height = min(sizes)
        yield Finding(
            "calibration",
            True,
            f"{topic} is for images of {newest.width}x{newest.height}, but these are "
            f"{width}x{height}",
            "Calibrate at the resolution that is used, or set the driver to the calibrated one",
        )
    stamps = {image.stamp_ns for image in sight.images}
    if stamps.isdisjoint(calibration.stamp_ns for calibration in sight.calibrations):
        yield Finding(
            "calibration",
            False,
            f"no message of {topic} has the stamp of an image",
            "This node takes the newest; image_proc and others that pair them get nothing",
        )


def _transport(sight: Sight, expected: Expectations) -> Iterator[Finding]:
    size = max(image.size for image in sight.images)
    if size <= _LARGE or (expected.segment or 0) >= _IMAGES_PER_SEGMENT * size:
        return
    has = (
        "no DDS profile with a shared-memory segment is in force in this shell"
        if expected.segment is None
        else f"the DDS profile's shared-memory segment has {expected.segment >> 20} MiB"
    )
    yield Finding(
        "dds",
        True,
        f"an image takes {size / (1 << 20):.1f} MiB, and {has}",
        "Most would be lost. In every process that sends or receives them, before it starts: "
        f"{expected.profile_command}",
    )
