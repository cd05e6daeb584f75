"""Cameras that die and come back, clocks that ROS gives, and signals."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from convlstm_perception_msgs.msg import CameraStatus
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image

from convlstm_perception.demo.processes import Child, isolated_environment
from tests.support.camera_program import picture
from tests.support.graphs import SLOTS
from tests.support.node import PROFILE, end_by, image_message, running_node
from tests.support.streams import (
    PERIOD_NS,
    Answer,
    Offline,
    Stream,
    at,
    bare,
    enlarged,
    filled,
    stamp_of,
)

_PAST = 9  # frames after which a track's past, 0.8 s, holds none from before
_STALE_WITHIN = 1.0  # seconds after the last image's stamp


def test_a_camera_killed_and_started_again(bundle: Path, tmp_path: Path) -> None:
    """A camera's process killed: told as stale within 1 s; started again: as a fresh start."""
    offline = Offline(bundle)
    with running_node(tmp_path, bundle=bundle) as node:
        stream = Stream(node)
        node.reach("active")
        domain = str(node.node.context.get_domain_id())
        environment = {**os.environ, **isolated_environment(int(domain), PROFILE)}
        program = [sys.executable, "-m", "tests.support.camera_program", "/image"]
        delays = []
        for turn in range(2):
            before = len(stream.published)
            with Child("camera", program, tmp_path / "camera.log", environment) as camera:
                seen = before + 10
                node.wait_until(lambda seen=seen: len(stream.published) > seen, "answers")
                stream.await_level(CameraStatus.OK)
                os.kill(camera.pid, signal.SIGKILL)
                told = stream.await_level(CameraStatus.STALE, "no image for")
            stamps = stream.published[before:]
            assert stamps == sorted(set(stamps))
            delays.append(told - stamps[-1] / 1e9)
            expected = offline.fresh([picture(stamp) for stamp in stamps])
            assert [bare(stream.given(stamp)) for stamp in stamps] == [bare(e) for e in expected]
            node.wait_until(lambda turn=turn: stream.status.restarts == turn, "restarts")
        # The quicker of two, for other programs of this machine may hold the node up.
        assert min(delays) <= _STALE_WITHIN


def test_a_camera_silent_for_a_while(bundle: Path, tmp_path: Path) -> None:
    """A camera silent for longer than image_timeout: stale, then OK again with no restart."""
    offline = Offline(bundle)
    with running_node(tmp_path, bundle=bundle, image_timeout=0.3) as node:
        stream = Stream(node)
        node.reach("active")
        node.settle()
        first = time.time_ns() // PERIOD_NS * PERIOD_NS
        frames = [picture(first + PERIOD_NS * count) for count in range(40)]
        stream.play(frames[:6], offline)
        stream.await_level(CameraStatus.STALE, "no image for")
        # By its stamps the camera has lost nothing: the frames were late, so the window goes on.
        for frame in frames[6:12]:
            stream.play([frame], offline)
            node.spin(0.05)
        stream.await_level(CameraStatus.OK)
        stream.recover(frames[12:24], offline, detections_after=SLOTS, after=_PAST)
        stream.balance()
        assert stream.counts()["restarts"] == 0


def test_frames_older_than_max_age(bundle: Path, tmp_path: Path) -> None:
    """Frames older than max_age: not answered, counted as expired and told with the mend."""
    offline = Offline(bundle)
    with running_node(tmp_path, bundle=bundle, max_age=5.0, image_timeout=60.0) as node:
        stream = Stream(node)
        node.reach("active")
        node.settle()
        now = time.time_ns() // PERIOD_NS * PERIOD_NS
        for count in range(4):
            stream.refuse(picture(now + (count - 100) * PERIOD_NS), "expired")
        stream.await_level(CameraStatus.WARN, "more than max_age 5.0 s; synchronise")
        now = time.time_ns() // PERIOD_NS * PERIOD_NS
        frames = [picture(now + (count - 12) * PERIOD_NS) for count in range(12)]
        stream.recover(frames, offline, detections_after=0, after=0)
        stream.balance()


def test_a_simulators_clock(bundle: Path, tmp_path: Path) -> None:
    """use_sim_time: ages are by /clock, it may jump back, and without it staleness is told."""
    offline = Offline(bundle)
    with running_node(tmp_path, bundle=bundle, use_sim_time="true", max_age=1.0) as node:
        stream = Stream(node)
        clock = node.node.create_publisher(Clock, "/clock", 10)
        node.reach("active")
        node.settle()

        def play(first: int) -> None:
            for step in range(first, first + 10):
                frame = image_message(step)
                clock.publish(Clock(clock=frame.header.stamp))
                node.spin(0.05)
                answers.append(stream.answer(frame))

        answers: list[Answer] = []
        play(5000)
        assert [bare(a) for a in answers] == [
            bare(e) for e in offline.fresh(image_message(s) for s in range(5000, 5010))
        ]
        # The clock stands still from here: who looks after the camera must not.
        looks = len(stream.statuses)
        stream.node.wait_until(lambda: len(stream.statuses) > looks + 1, "the next two reports")
        stream.await_level(CameraStatus.STALE, "no image for")
        answers.clear()
        play(1000)  # the simulation begins again
        assert [bare(a) for a in answers] == [
            bare(e) for e in offline.fresh(image_message(s) for s in range(1000, 1010))
        ]
        stream.refuse(image_message(900), "expired")
        stream.balance()
        assert stream.counts()["restarts"] == 1


@pytest.mark.parametrize("state", ["unconfigured", "inactive", "active", "answering"])
def test_sigterm(bundle: Path, tmp_path: Path, state: str) -> None:
    """SIGTERM in every state, and amid an answer: exit code 0 and no traceback."""
    # The shipped networks take long enough to be met at work.
    chosen = {} if state == "answering" else {"bundle": bundle}
    with running_node(tmp_path, **chosen) as node:
        node.reach("active" if state == "answering" else state)
        if state == "answering":
            stream = Stream(node)
            node.settle()
            stream.answer(image_message(0, 384, 640))
            stream.send(image_message(1, 384, 640))
            time.sleep(0.03)
        assert end_by(node, signal.SIGTERM) == 0
        assert "Traceback" not in node.log and "terminate called" not in node.log


def test_one_cameras_faults_are_its_own(bundle: Path, tmp_path: Path) -> None:
    """Two cameras, every fault on one: the other's answers stay the same bit for bit."""
    left_alone, right_alone = Offline(bundle), Offline(bundle)
    with running_node(
        tmp_path, bundle=bundle, cameras="['left', 'right']", image_timeout=60.0
    ) as node:
        left, right = Stream(node, "left"), Stream(node, "right")
        assert node.change_state("configure") and node.change_state("activate")
        node.settle()
        faults: list[Callable[[int], Image]] = [
            lambda step: filled(0, step),
            lambda step: filled(255, step),
            lambda step: Image(header=image_message(step).header),
            lambda step: at(image_message(step), stamp_of(image_message(step - 4))),
            lambda step: enlarged(image_message(step)),
            lambda step: image_message(step - 36_000),
            lambda step: image_message(step + 36_000),
        ]
        for count in range(28):
            step = 1_000_000 + count
            # A fault, then two good frames.
            fault = faults[count // 3 % len(faults)] if count % 3 == 2 else image_message
            right.play([fault(step)], right_alone)
            left.play([image_message(step)], left_alone)
        left.balance()
        right.balance()
        assert left.counts()["restarts"] == 0 < right.counts()["restarts"]
        following = [image_message(2_000_000 + count) for count in range(6)]
        right.recover(following, right_alone, detections_after=0, after=0)


def test_the_shipped_model_recovers(tmp_path: Path) -> None:
    """The shipped networks after black frames and a gap: bit for bit as a fresh start."""
    from convlstm_perception.engine import default_bundle_path

    offline = Offline(Path(default_bundle_path()))
    with running_node(tmp_path, image_timeout=60.0) as node:
        stream = Stream(node)
        node.reach("active")
        node.settle()
        walk = [image_message(step, 384, 640) for step in range(4)]
        stream.play(walk, offline)
        black = filled(0, 4)
        stream.play([black], offline)
        stream.repeat(
            [image_message(step, 384, 640) for step in range(100, 100 + offline.slots + 1)], offline
        )
