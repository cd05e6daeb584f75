"""The player as a process, seen by a subscriber over DDS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest

from convlstm_perception.data.synthetic_scene import SyntheticScene, write_video
from convlstm_perception.demo.processes import find_profile, free_domain, isolated_environment

rclpy = pytest.importorskip("rclpy", reason="needs ROS 2's rclpy")

from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.node import Node  # noqa: E402
from rclpy.qos import QoSProfile, QoSReliabilityPolicy  # noqa: E402
from sensor_msgs.msg import CameraInfo, CompressedImage, Image  # noqa: E402

pytestmark = pytest.mark.ros

RATE = 20.0
FRAMES = 30

CALIBRATION = """
image_width: {width}
image_height: {height}
camera_name: test
camera_matrix: {{rows: 3, cols: 3, data: [300, 0, 160, 0, 300, 120, 0, 0, 1]}}
distortion_model: plumb_bob
distortion_coefficients: {{rows: 1, cols: 5, data: [0.1, 0, 0, 0, 0]}}
rectification_matrix: {{rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}}
projection_matrix: {{rows: 3, cols: 4, data: [300, 0, 160, 0, 0, 300, 120, 0, 0, 0, 1, 0]}}
"""


@dataclass
class Received:
    """What a subscriber received."""

    images: list[Image] = field(default_factory=list)
    infos: list[CameraInfo] = field(default_factory=list)
    compressed: list[CompressedImage] = field(default_factory=list)

    def stamps(self) -> np.ndarray:
        """Stamps of the images in nanoseconds."""
        headers = [message.header.stamp for message in self.images]
        return np.array([stamp.sec * 10**9 + stamp.nanosec for stamp in headers])


class Listener:
    """Subscribes to a player's topics in a ROS domain of its own."""

    def __init__(self, *, reliable: bool = True) -> None:
        self.domain = free_domain()
        self.environment = {**os.environ, **isolated_environment(self.domain, find_profile())}
        self.received = Received()
        self._context = rclpy.Context()
        rclpy.init(context=self._context, domain_id=self.domain)
        self._node = Node("listener", context=self._context)
        policy = QoSReliabilityPolicy
        reliability = policy.RELIABLE if reliable else policy.BEST_EFFORT
        qos = QoSProfile(depth=50, reliability=reliability)
        topics: list[tuple[type, str, Callable[[object], None]]] = [
            (Image, "/camera/image", self.received.images.append),
            (CameraInfo, "/camera/camera_info", self.received.infos.append),
            (CompressedImage, "/camera/image/compressed", self.received.compressed.append),
        ]
        for kind, topic, store in topics:
            self._node.create_subscription(kind, topic, store, qos)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)

    def play(self, source: Path, *options: str) -> subprocess.Popen[str]:
        """Start a player that waits for this listener."""
        command = [sys.executable, "-m", "convlstm_perception.cli.main", "play", str(source)]
        # Fast DDS repeats a lost announcement after three seconds: until then this listener may
        # be known to the player and not know it.
        command += ["--wait-for-subscribers", "1", "--start-delay", "3.5", *options]
        return subprocess.Popen(
            command,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def node_names(self) -> list[str]:
        """Names of the nodes discovered so far."""
        return list(self._node.get_node_names())

    def listen(self, until: Callable[[], bool], longest: float = 30.0) -> None:
        """Receive until something holds."""
        deadline = time.monotonic() + longest
        while not until() and time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=0.05)
        assert until(), f"not within {longest} s; {len(self.received.images)} images so far"

    def hear_out(self, player: subprocess.Popen[str]) -> str:
        """Receive until the player has ended; its output. It must have ended well."""
        self.listen(lambda: player.poll() is not None)
        for _ in range(20):
            self._executor.spin_once(timeout_sec=0.02)
        output, _ = player.communicate()
        assert player.returncode == 0, output
        return output

    def close(self) -> None:
        """Leave the domain."""
        self._executor.shutdown()
        self._node.destroy_node()
        self._context.try_shutdown()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("player") / "scene.avi"
    scene = SyntheticScene(width=320, height=240, frame_rate=RATE, frame_count=FRAMES)
    write_video(scene, path)
    return path


def test_video_is_published_as_a_camera(listener: Listener, video: Path, tmp_path: Path) -> None:
    calibration = tmp_path / "camera.yaml"
    calibration.write_text(CALIBRATION.format(width=320, height=240))
    report = tmp_path / "report.json"
    options = ["--frame-id", "front", "--compressed", "--camera-info", str(calibration)]
    started_ns = time.time_ns()
    listener.hear_out(listener.play(video, *options, "--report", str(report)))
    received, stamps = listener.received, listener.received.stamps()
    assert len(received.images) == FRAMES
    message = received.images[0]
    assert (message.width, message.height, message.step) == (320, 240, 960)
    assert message.encoding == "bgr8"
    assert message.header.frame_id == "front"
    assert len(message.data) == 240 * 960
    assert (np.diff(stamps) > 0).all()
    assert started_ns < stamps[0] and stamps[-1] < time.time_ns()
    np.testing.assert_allclose(np.diff(stamps).mean() * 1e-9, 1.0 / RATE, rtol=0.1)
    assert [info.header.stamp for info in received.infos] == [
        image.header.stamp for image in received.images
    ]
    assert received.infos[0].k[0] == 300.0 and received.infos[0].d[0] == pytest.approx(0.1)
    assert len(received.compressed) == FRAMES
    decoded = cv2.imdecode(np.frombuffer(received.compressed[0].data, np.uint8), cv2.IMREAD_COLOR)
    image = np.frombuffer(message.data, np.uint8).reshape(240, 320, 3)
    assert np.abs(decoded.astype(int) - image).mean() < 4.0
    assert json.loads(report.read_text())["images"] == FRAMES


def test_nominal_stamps_are_exactly_one_period_apart(listener: Listener, video: Path) -> None:
    listener.hear_out(listener.play(video, "--rate", "40", "--stamps", "nominal", "--frames", "12"))
    assert set(np.diff(listener.received.stamps())) == {25_000_000}
    info = listener.received.infos[0]
    assert (info.width, info.height) == (320, 240)
    assert info.k[0] == 0.0, "without a calibration the camera must say so"


def test_max_rate_loses_nothing_and_outruns_the_source(listener: Listener, video: Path) -> None:
    listener.hear_out(listener.play(video, "--rate", "max"))
    stamps = listener.received.stamps()
    assert len(stamps) == FRAMES
    assert (np.diff(stamps) > 0).all()
    assert (stamps[-1] - stamps[0]) * 1e-9 < 0.7 * FRAMES / RATE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_a_player_that_waits_for_subscribers(
    listener: Listener, video: Path, number: signal.Signals
) -> None:
    # A reliable subscriber cannot be served best effort, so the player waits for ever.
    player = listener.play(video, "--best-effort")
    listener.listen(lambda: "camera_player" in listener.node_names())
    player.send_signal(number)
    assert "published 0 images" in listener.hear_out(player)
    assert not listener.received.images


def test_best_effort_loop_reaches_a_best_effort_subscriber(tmp_path: Path) -> None:
    for index in range(3):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.full((24, 32, 3), 40 * index, np.uint8))
    listener = Listener(reliable=False)
    try:
        player = listener.play(tmp_path, "--loop", "--rate", "30", "--best-effort")
        listener.listen(lambda: len(listener.received.images) >= 7)
        player.send_signal(signal.SIGINT)
        output = listener.hear_out(player)
        assert "published" in output and "Traceback" not in output
        values = [int(message.data[0]) for message in listener.received.images]
        assert set(values) == {0, 40, 80}
    finally:
        listener.close()


@pytest.mark.parametrize("kind", ["missing", "text", "empty folder", "calibration", "topic"])
def test_bad_input_ends_with_exit_code_2_and_the_mend(
    kind: str, video: Path, tmp_path: Path
) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    empty = tmp_path / "empty"
    empty.mkdir()
    calibration = tmp_path / "other.yaml"
    calibration.write_text(CALIBRATION.format(width=640, height=480))
    words, expected = {
        "missing": ([str(tmp_path / "none.mp4")], "no such file or folder. Give"),
        "text": ([str(text)], "not a video that OpenCV can decode"),
        "empty folder": ([str(empty)], "the folder holds no image"),
        "calibration": ([str(video), "--camera-info", str(calibration)], "640 x 480"),
        "topic": ([str(video), "--topic", "/camera/1 image"], "no valid topic name"),
    }[kind]
    environment = {**os.environ, **isolated_environment(free_domain(), None)}
    result = subprocess.run(
        [sys.executable, "-m", "convlstm_perception.cli.main", "play", *words],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )
    assert result.returncode == 2, result.stderr
    assert expected in result.stderr
    assert "Traceback" not in result.stderr
