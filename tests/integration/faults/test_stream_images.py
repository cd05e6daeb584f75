"""Images that show nothing, are cut off, or are not what they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from convlstm_perception_msgs.msg import CameraStatus, PredictedTrajectoryArray
from sensor_msgs.msg import CompressedImage, Image

from tests.support.graphs import SLOTS
from tests.support.node import image_message, running_node
from tests.support.streams import Offline, Stream, at, bare, enlarged, filled, stamp_of

_PAST = 9  # frames after which a track's past, 0.8 s, holds none from before
_EPISODE = 100_000  # steps from one test's frames to the next one's


@pytest.fixture(scope="module")
def stream(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stream]:
    with running_node(tmp_path_factory.mktemp("node"), bundle=bundle, image_timeout=60.0) as node:
        stream = Stream(node)
        node.reach("active")
        node.settle()
        yield stream
        stream.balance()
        assert "Traceback" not in node.log


@pytest.fixture(scope="module")
def offline(bundle: Path) -> Offline:
    return Offline(bundle)


@pytest.fixture
def begin(stream: Stream, offline: Offline) -> int:
    """The first step of a test's frames, long after those of the test before."""
    stream.expected["episodes"] += 1
    offline.renew()
    return _EPISODE * stream.expected["episodes"]


def walk(first: int, count: int) -> list[Image]:
    return [image_message(step) for step in range(first, first + count)]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda step: filled(2, step), "black"),
        (lambda step: filled(255, step), "saturated"),
    ],
    ids=["black", "saturated"],
)
@pytest.mark.parametrize("count", [2, 9])
def test_images_that_show_nothing(
    stream: Stream,
    offline: Offline,
    begin: int,
    spoil: Callable[[int], Image],
    reason: str,
    count: int,
) -> None:
    """Black and saturated images: answered as unusable, nobody in them, and no trace left."""
    stream.play(walk(begin, 8), offline)
    stream.balance()
    before = stream.counts()["restarts"]
    for trajectories, detections in stream.play(
        [spoil(step) for step in range(begin + 8, begin + 8 + count)], offline
    ):
        assert trajectories.status == PredictedTrajectoryArray.UNUSABLE
        assert reason in trajectories.status_reason
        assert not trajectories.trajectories and detections is None
    stream.await_level(CameraStatus.WARN, f"the image is {reason}")
    # Two of them are a gap within the window, nine are longer than it: a fresh start.
    after = (SLOTS, _PAST) if count < SLOTS else (0, 0)
    following = walk(begin + 8 + count, 12)
    if count < SLOTS:
        (answer,) = stream.play(following[:1], offline)
        assert answer[0].trajectories, "the track does not go on over the gap"
        following = following[1:]
    stream.recover(following, offline, detections_after=after[0], after=after[1])
    stream.balance()
    assert stream.counts()["restarts"] == before + (count > SLOTS)


def test_a_frozen_camera(stream: Stream, offline: Offline, begin: int) -> None:
    """The same image to the last bit: after 0.3 s unusable, with no old box told again."""
    stream.play(walk(begin, 8), offline)
    still = [at(image_message(begin + 8), stamp_of(f)) for f in walk(begin + 8, 12)]
    answers = stream.play(still, offline)
    usable = PredictedTrajectoryArray.UNUSABLE
    assert [trajectories.status == usable for trajectories, _ in answers] == (
        [False] * 3 + [True] * 9
    )
    assert "the image is frozen" in answers[-1][0].status_reason
    assert not any(trajectories.trajectories for trajectories, _ in answers[3:])
    stream.recover(walk(begin + 20, 12), offline, detections_after=0, after=0)


def test_a_still_camera_whose_clock_jumps_back(
    stream: Stream, offline: Offline, begin: int
) -> None:
    """A frozen image while the clock jumps back: told as frozen all the same."""
    stream.play(walk(begin, 8), offline)
    back = begin - 36_000
    still = [
        at(image_message(begin + 8), stamp_of(f)) for f in [*walk(begin + 8, 2), *walk(back, 6)]
    ]
    answers = stream.play(still, offline)
    assert answers[-1][0].status == PredictedTrajectoryArray.UNUSABLE
    assert "frozen" in answers[-1][0].status_reason
    stream.recover(walk(back + 12, 12), offline, detections_after=0, after=0)


def test_images_that_cannot_be_read(stream: Stream, offline: Offline, begin: int) -> None:
    """Cut off, empty, of absurd size or encoding: refused with the reason, no answer changed."""

    def spoiled(message: Image, fields: dict[str, object]) -> Image:
        for name, value in fields.items():
            setattr(message, name, value)
        return message

    stream.play(walk(begin, 4), offline)
    most = 2**32 - 1
    faults: list[dict[str, object]] = [
        {"data": b"\0" * 100},
        {"data": b""},
        {"height": 0},
        {"width": 0, "height": 0, "data": b"", "step": 0},
        {"height": most},
        {"width": most},
        {"width": most, "height": most, "step": most},
        {"step": 1},
        {"encoding": ""},
        {"encoding": "nonsense"},
    ]
    for index, fields in enumerate(faults):
        # Between two good frames and stamped between them, so that no frame is missing.
        step = begin + 4 + index
        message = spoiled(image_message(step), fields)
        stream.refuse(at(message, stamp_of(message) - 50_000_000), "rejected")
        stream.play(walk(step, 1), offline)
    stream.await_level(CameraStatus.WARN, "frames rejected")
    stream.recover(walk(begin + 14, 12), offline, detections_after=SLOTS, after=_PAST)


def test_a_stamp_before_the_epoch(stream: Stream, offline: Offline, begin: int) -> None:
    """A stamp before 1970, which is no time: refused with the reason, and the node lives."""
    stream.play(walk(begin, 4), offline)
    message = image_message(begin + 4)
    message.header.stamp.sec = -5
    stream.refuse(message, "rejected")
    stream.await_level(CameraStatus.WARN, "its stamp is no time: sec -5")
    stream.recover(walk(begin + 5, 12), offline, detections_after=SLOTS, after=_PAST)


def test_the_resolution_changes(stream: Stream, offline: Offline, begin: int) -> None:
    """Another resolution in mid-stream: a fresh start, and boxes in the new image's pixels."""
    stream.play(walk(begin, 8), offline)
    larger = [enlarged(image) for image in walk(begin + 8, 12)]
    stream.recover(larger, offline, detections_after=0, after=0)
    stream.recover(walk(begin + 20, 12), offline, detections_after=0, after=0)
    thin = [image_message(begin + 32, 100, 100), image_message(begin + 33, 71, 3000)]
    offline.renew()
    stream.play(thin, offline)
    stream.recover(walk(begin + 34, 6), offline, detections_after=0, after=0)


def test_the_encoding_changes(stream: Stream, offline: Offline, begin: int) -> None:
    """Another encoding of the same picture in mid-stream: the answers stay the same."""
    for step in range(begin, begin + 12):
        message = image_message(step)
        expected = bare(offline.answer(message))
        pixels = np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)
        if step % 3 == 1:
            message.encoding, message.data = "rgb8", pixels[..., ::-1].tobytes()
        elif step % 3 == 2:
            message.encoding, message.step = "mono8", message.width
            message.data = pixels[..., 0].tobytes()
        assert bare(stream.answer(message)) == expected


def test_garbage_on_the_compressed_topic(bundle: Path, tmp_path: Path) -> None:
    """Garbage in place of JPEGs: refused with the reason, and no answer changed."""
    offline = Offline(bundle)

    def jpeg(step: int) -> CompressedImage:
        raw = image_message(step)
        pixels = np.frombuffer(raw.data, np.uint8).reshape(raw.height, raw.width, 3)
        data = cv2.imencode(".jpg", pixels)[1].tobytes()
        return CompressedImage(header=raw.header, format="jpeg", data=data)

    with running_node(tmp_path, bundle=bundle, transport="compressed", image_timeout=60.0) as node:
        stream = Stream(node, kind=CompressedImage)
        assert node.change_state("configure") and node.change_state("activate")
        node.settle()
        noise = np.random.default_rng(1)
        good = jpeg(0).data
        garbage = [b"", b"\xff\xd8", noise.bytes(5000), bytes(good[:40]), b"\x89PNG\r\n\x1a\n" * 9]
        for step, data in enumerate(garbage):
            stream.play([jpeg(step)], offline)
            message = jpeg(step)
            message.data = data
            stamp = stamp_of(message) + 50_000_000
            stream.refuse(at(message, stamp), "rejected")
        stream.await_level(CameraStatus.WARN, "cannot be decoded")
        following = [jpeg(step) for step in range(len(garbage), len(garbage) + 12)]
        stream.recover(following, offline, detections_after=SLOTS, after=_PAST)
        stream.balance()
        assert "Traceback" not in node.log
