"""Frames that are lost, late, double or out of order, and clocks that jump."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from convlstm_perception_msgs.msg import PredictedTrajectoryArray
from sensor_msgs.msg import Image

from tests.support.graphs import SLOTS
from tests.support.node import image_message, running_node
from tests.support.streams import PERIOD_NS, Offline, Stream, at, bare, stamp_of

_PAST = 9  # frames after which a track's past, 0.8 s, holds none from before
_HOUR = 36_000  # steps of 0.1 s
_EPISODE = 100_000  # steps from one test's frames to the next one's


@pytest.fixture(scope="module")
def stream(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stream]:
    with running_node(tmp_path_factory.mktemp("node"), bundle=bundle) as node:
        stream = Stream(node)
        node.reach("active")
        node.settle()
        yield stream
        stream.balance()


@pytest.fixture(scope="module")
def offline(bundle: Path) -> Offline:
    return Offline(bundle)


@pytest.fixture
def begin(request: pytest.FixtureRequest, stream: Stream, offline: Offline) -> int:
    """The first step of a test's frames, long after those of the test before."""
    first = _EPISODE * (1 + stream.expected["episodes"])
    stream.expected["episodes"] += 1
    offline.renew()
    return first


def walk(first: int, count: int) -> list[Image]:
    return [image_message(step) for step in range(first, first + count)]


def restarts(stream: Stream) -> int:
    stream.balance()
    return stream.counts()["restarts"]


def test_thirty_percent_of_the_frames_lost(stream: Stream, offline: Offline, begin: int) -> None:
    """30 % of the frames lost: the others answered with their true intervals, then as if fresh."""
    chance = random.Random(7)
    frames = walk(begin, 25)
    kept = [frame for frame in frames if chance.random() > 0.3]
    assert len(kept) < 21
    answers = stream.play(kept, offline)
    assert {answer[0].status for answer in answers} == {
        PredictedTrajectoryArray.OK,
        PredictedTrajectoryArray.DEGRADED,
    }
    stream.recover(walk(begin + 25, 12), offline, detections_after=SLOTS, after=_PAST)


def test_arrival_jitters_by_200_ms(stream: Stream, offline: Offline, begin: int) -> None:
    """Arrival 200 ms late and bunched: the newest answered by its stamp, the overtaken counted."""
    chance = random.Random(3)
    frames = walk(begin, 16)
    before = len(stream.published)
    arrivals = sorted((0.04 * index + 0.2 * chance.random(), index) for index in range(len(frames)))
    waited, newest, sent = 0.0, -1, 0
    for moment, index in arrivals:
        if index < newest:  # overtaken on its way: refused, or never looked at
            continue
        newest = index
        stream.node.spin(moment - waited)
        waited = moment
        stream.send(frames[index])
        sent += 1
    last = stamp_of(frames[newest])
    stream.node.wait_until(lambda: stream.published[-1] == last, "the newest answer")
    answered = stream.published[before:]
    assert answered == sorted(answered)
    stream.expected["answered"] += len(answered)
    stream.expected["skipped"] += sent - len(answered)
    for frame in frames:
        if stamp_of(frame) in answered:
            offline.answer(frame)
    following = walk(begin + 16, 12)
    stream.play(following[:3], offline)
    stream.recover(following[3:], offline, detections_after=SLOTS, after=8)


def test_stamps_jitter_by_200_ms(stream: Stream, offline: Offline, begin: int) -> None:
    """Stamps off by up to 200 ms: those not rising refused and counted, the others answered."""
    chance = random.Random(5)
    frames = [
        at(frame, stamp_of(frame) + chance.randrange(2 * PERIOD_NS)) for frame in walk(begin, 20)
    ]
    before = stream.expected["disordered"]
    stream.play(frames, offline)
    assert stream.expected["disordered"] > before
    stream.recover(walk(begin + 23, 12), offline, detections_after=SLOTS, after=_PAST)


def test_double_and_older_frames(stream: Stream, offline: Offline, begin: int) -> None:
    """Frames double or in another order: the older refused and counted, no answer changed."""
    order = [0, 1, 1, 2, 4, 3, 5, 6, 4, 7, 7, 7, 9, 8]
    before = stream.expected["disordered"]
    answers = stream.play([image_message(begin + step) for step in order], offline)
    assert stream.expected["disordered"] == before + 6
    assert len(answers) == 8
    stream.recover(walk(begin + 10, 12), offline, detections_after=SLOTS, after=_PAST)


@pytest.mark.parametrize("jump", [-_HOUR, _HOUR], ids=["back", "forward"])
def test_the_clock_jumps_an_hour(stream: Stream, offline: Offline, begin: int, jump: int) -> None:
    """The camera's clock jumps an hour: a fresh start at once, said once in the log."""
    stream.play(walk(begin, 8), offline)
    said = "time jumped back by 3599.900 s" if jump < 0 else "no usable frame for 3600.100 s"
    before = restarts(stream)
    # The log says a thing of one kind once in five seconds, and each test begins with a restart.
    stream.node.spin(5.0)
    stream.recover(walk(begin + 8 + jump, 12), offline, detections_after=0, after=0)
    assert restarts(stream) == before + 1
    assert stream.node.log.count(said) == 1, stream.node.log


def test_a_bag_that_loops(stream: Stream, offline: Offline, begin: int) -> None:
    """A bag played in a loop: every turn answered as the first."""
    first = [bare(answer) for answer in stream.play(walk(begin, 10), offline)]
    before = restarts(stream)
    for _ in range(2):
        stream.forget()
        assert [bare(stream.answer(frame)) for frame in walk(begin, 10)] == first
    assert restarts(stream) == before + 2


def test_a_gap_of_ten_seconds(stream: Stream, offline: Offline, begin: int) -> None:
    """10 s without a frame: buffer and tracks begin anew, as a fresh start from its first frame."""
    stream.play(walk(begin, 8), offline)
    before = restarts(stream)
    stream.recover(walk(begin + 108, 12), offline, detections_after=0, after=0)
    assert restarts(stream) == before + 1


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_short_gap(stream: Stream, offline: Offline, begin: int, lost: int) -> None:
    """1 to 3 frames lost: answered as degraded with the slots that are missing, tracks go on."""
    stream.play(walk(begin, 8), offline)
    before = restarts(stream)
    (trajectories, _), *_ = stream.play([image_message(begin + 8 + lost)], offline)
    assert trajectories.status == PredictedTrajectoryArray.DEGRADED
    assert f"no usable frame for {0.1 * (lost + 1):.2f} s of the window" in (
        trajectories.status_reason
    )
    stream.node.wait_until(
        lambda: stream.status.slots_filled == SLOTS - lost, "the slots that are filled"
    )
    assert stream.values["window slots filled"] == f"{SLOTS - lost} of {SLOTS}"
    assert [trajectory.coasting for trajectory in trajectories.trajectories] == [False]
    stream.recover(walk(begin + 9 + lost, 12), offline, detections_after=SLOTS, after=_PAST)
    assert restarts(stream) == before
