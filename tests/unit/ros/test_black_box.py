"""The black box with real messages: written on demand, read back to the last bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from convlstm_perception_msgs.msg import (
    PredictedTrajectory,
    PredictedTrajectoryArray,
    TrajectoryMode,
    TrajectoryPoint,
)
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import Parameter, ParameterEvent, ParameterValue
from rclpy.serialization import deserialize_message
from rosbags.rosbag2 import Reader
from sensor_msgs.msg import CompressedImage
from vision_msgs.msg import Detection2D, Detection2DArray

from convlstm_perception.bags import BagReader
from convlstm_perception.bags.settings import BlackBoxSettings
from convlstm_perception.errors import BagError
from convlstm_perception.ros.black_box import BlackBox
from tests.support.bags import files_below, full_disk
from tests.support.node import image_message

START = 100_000_000_000


def black_box(folder: Path, **settings: object) -> BlackBox:
    return BlackBox(BlackBoxSettings(black_box_folder=str(folder), **settings))


def trajectories() -> PredictedTrajectoryArray:
    point = TrajectoryPoint(covariance=np.arange(16) / 3.0)
    point.bbox.center.position.x = float(np.float32(0.1))
    person = PredictedTrajectory(track_id="7", modes=[TrajectoryMode(points=[point] * 3)])
    return PredictedTrajectoryArray(model_id="m", status=1, trajectories=[person])


def parameter_event() -> ParameterEvent:
    value = ParameterValue(type=3, double_value=0.1)
    return ParameterEvent(node="/n", new_parameters=[Parameter(name="tolerance", value=value)])


def test_every_kind_of_message_is_read_back(tmp_path: Path) -> None:
    box = black_box(tmp_path)
    diagnostics = DiagnosticArray(status=[DiagnosticStatus(values=[KeyValue(key="a", value="b")])])
    messages = [
        ("/parameter_events", parameter_event()),
        ("/image", image_message(0)),
        ("/image/compressed", CompressedImage(format="png", data=b"\x01\x02\x03")),
        ("/n/trajectories", trajectories()),
        ("/n/detections", Detection2DArray(detections=[Detection2D(id="7")])),
        ("/diagnostics", diagnostics),
    ]
    box.latch(*messages[0], 1)
    for number, (topic, message) in enumerate(messages[1:]):
        add = box.add_image if topic.startswith("/image") else box.add_output
        add(topic, message, START + number)
    path = box.save("asked for")
    with Reader(path) as reader:
        read = [(entry.topic, bytes(data)) for entry, _, data in reader.messages()]
    assert len(read) == len(messages)
    for topic, message in messages:  # not their bytes: ROS leaves those between fields as they were
        (data,) = (data for name, data in read if name == topic)
        assert deserialize_message(data, type(message)) == message, topic
    with BagReader(path) as bag:
        (answer,) = (message for _, _, message in bag.messages(("/n/trajectories",)))
    assert answer.status == 1
    (mode,) = answer.trajectories[0].modes
    assert mode.points[2].bbox.center.position.x == float(np.float32(0.1))


def test_only_the_last_seconds_and_megabytes_are_saved(tmp_path: Path) -> None:
    box = black_box(tmp_path, black_box_memory=1, black_box_folder_limit=8)
    for step in range(200):
        box.add_image("/image", image_message(step), START + step)
        assert box.nbytes <= 1 << 20
    path = box.save("full")
    with BagReader(path) as bag:
        times = [time for _, time, _ in bag.messages(("/image",))]
    assert times == list(range(START + 200 - len(times), START + 200))
    assert 15 < len(times) < 25  # of 46 kB each
    assert sum(file.stat().st_size for file in path.iterdir()) < (1 << 20) + (1 << 18)


def test_the_folder_never_holds_more_than_its_limit(tmp_path: Path) -> None:
    box = black_box(tmp_path, black_box_memory=1, black_box_folder_limit=3)
    for step in range(30):
        box.add_image("/image", image_message(step), START + step)
    saved = [box.save(f"number {number}") for number in range(5)]
    total = sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
    assert total <= 3 << 20
    assert sorted(path.name for path in tmp_path.iterdir()) == [path.name for path in saved[-2:]]


def test_nothing_to_save_is_told(tmp_path: Path) -> None:
    box = black_box(tmp_path / "never")
    box.latch("/parameter_events", parameter_event(), 1)
    with pytest.raises(BagError, match="the black box is empty"):
        box.save("early")
    off = black_box(tmp_path / "never", black_box_seconds=0.0)
    off.add_image("/image", image_message(0), START)
    assert off.nbytes == 0
    assert files_below(tmp_path) == []


def test_a_full_disk_is_told_and_the_box_goes_on(tmp_path: Path) -> None:
    box = black_box(tmp_path / "disk")
    for step in range(40):
        box.add_image("/image", image_message(step), START + step)
    with full_disk(tmp_path, 900_000) as place:
        with pytest.raises(BagError, match="cannot be written"):
            box.save("full disk")
        assert files_below(place) == []
    assert box.save("again").is_dir()


def test_errors_save_no_oftener_than_the_interval(tmp_path: Path) -> None:
    box = black_box(tmp_path, black_box_interval=3600.0)
    assert [box.claim_automatic() for _ in range(3)] == [True, False, False]
    eager = black_box(tmp_path, black_box_interval=0.0)
    assert [eager.claim_automatic() for _ in range(3)] == [True, True, True]
    assert not black_box(tmp_path, black_box_on_error=False).claim_automatic()
