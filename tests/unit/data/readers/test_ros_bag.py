"""ROS bags: written by rosbags, read back as a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer

from convlstm_perception.bags import message_types
from convlstm_perception.data.readers import read_sequences
from convlstm_perception.data.readers.ros_bag import DETECTIONS_TYPE
from convlstm_perception.errors import SourceError

IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
PERIOD_NS = 50_000_000
WIDTH, HEIGHT = 40, 30

STORE = message_types()
TYPES: dict[str, Any] = STORE.types

Message = tuple[str, str, Any]  # topic, type, message


def header(stamp_ns: int) -> Any:
    seconds, rest = divmod(stamp_ns, 1_000_000_000)
    stamp = TYPES["builtin_interfaces/msg/Time"](sec=seconds, nanosec=rest)
    return TYPES["std_msgs/msg/Header"](stamp=stamp, frame_id="camera")


def image(stamp_ns: int, encoding: str = "rgb8", topic: str = "/image", **more: Any) -> Message:
    """Blue, green, red are 10, 20, 30; a row has two bytes of padding."""
    pixel = {"rgb8": [30, 20, 10], "bgr8": [10, 20, 30], "bgra8": [10, 20, 30, 255]}[encoding]
    row = np.concatenate([np.tile(np.array(pixel, np.uint8), WIDTH), np.zeros(2, np.uint8)])
    values: dict[str, Any] = {"encoding": encoding, "step": len(row), **more}
    message = TYPES[IMAGE](
        header=header(stamp_ns),
        height=HEIGHT,
        width=WIDTH,
        is_bigendian=0,
        data=np.tile(row, HEIGHT),
        **values,
    )
    return topic, IMAGE, message


def compressed(stamp_ns: int) -> Message:
    picture = np.full((HEIGHT, WIDTH, 3), (10, 20, 30), np.uint8)
    data = cv2.imencode(".png", picture)[1].ravel()
    message = TYPES[COMPRESSED](header=header(stamp_ns), format="png", data=data)
    return "/image/compressed", COMPRESSED, message


def detections(stamp_ns: int, people: Sequence[tuple[str, float, float]]) -> Message:
    """Each person: id, centre x, width; all are at y 15 and 20 high."""
    point, pose = TYPES["vision_msgs/msg/Point2D"], TYPES["vision_msgs/msg/Pose2D"]
    box = TYPES["vision_msgs/msg/BoundingBox2D"]
    found = [
        TYPES["vision_msgs/msg/Detection2D"](
            header=header(stamp_ns),
            results=[],
            bbox=box(
                center=pose(position=point(x=x, y=15.0), theta=0.0), size_x=width, size_y=20.0
            ),
            id=identity,
        )
        for identity, x, width in people
    ]
    message = TYPES[DETECTIONS_TYPE](header=header(stamp_ns), detections=found)
    return "/perception/detections", DETECTIONS_TYPE, message


def write_bag(
    path: Path, messages: Sequence[Message], storage: StoragePlugin = StoragePlugin.MCAP
) -> Path:
    with Writer(path, version=9, storage_plugin=storage) as writer:
        connections: dict[str, Any] = {}
        for received, (topic, kind, message) in enumerate(messages):
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=STORE)
            data = STORE.serialize_cdr(message, kind)
            writer.write(connections[topic], 1_000_000_000 + received, data)
    return path


START = 7_000_000_000


def stamp(frame: int) -> int:
    return START + frame * PERIOD_NS


@pytest.mark.parametrize("storage", [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
def test_images_and_detections(tmp_path: Path, storage: StoragePlugin) -> None:
    bag = write_bag(
        tmp_path / "walk",
        [
            image(stamp(0)),
            detections(stamp(0), [("7", 10.0, 8.0), ("9", 30.0, 6.0)]),
            image(stamp(1)),
            image(stamp(2)),
            detections(stamp(2), []),
            image(stamp(5)),  # frames were lost, which must not change the frame rate
        ],
        storage,
    )
    (read,) = read_sequences("ros-bag", bag)
    assert (read.name, read.width, read.height) == ("walk", WIDTH, HEIGHT)
    assert read.frame_rate == pytest.approx(20.0)
    assert list(read.truths) == [0, 2]  # nobody annotated the image between
    assert read.truths[0].ids.tolist() == [7, 9]
    assert read.truths[0].boxes.tolist() == [[10, 15, 8, 20], [30, 15, 6, 20]]
    assert read.truths[2].boxes.shape == (0, 4)
    assert read.images is not None and read.images.frame_count == 4
    for _ in range(2):
        pictures = list(read.images)
        assert [picture.shape for picture in pictures] == [(HEIGHT, WIDTH, 3)] * 4
        assert pictures[3][-1, -1].tolist() == [10, 20, 30]


@pytest.mark.parametrize("encoding", ["bgr8", "bgra8", "compressed"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    pictures = [
        compressed(stamp(frame)) if encoding == "compressed" else image(stamp(frame), encoding)
        for frame in range(2)
    ]
    bag = write_bag(tmp_path / "bag", [*pictures, detections(stamp(1), [("1", 10.0, 8.0)])])
    (read,) = read_sequences("ros-bag", bag)
    assert list(read.truths) == [1]
    assert read.images is not None
    assert [picture[0, 0].tolist() for picture in read.images] == [[10, 20, 30]] * 2


PAIR = [image(stamp(0)), image(stamp(1))]
FINE = detections(stamp(0), [("1", 10.0, 8.0)])


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([*PAIR, detections(stamp(3), [])], r"detections of stamp 7.150000000: no image has"),
        ([*PAIR, detections(stamp(0), [("", 1.0, 1.0)])], r"stamp 7.000000000: id '' is not"),
        ([*PAIR, detections(stamp(1), [("1", 1.0, 0.0)])], r"\(frame 1\): the box is 0 x 20"),
        (
            [*PAIR, detections(stamp(1), [("1", 9.0, 8.0), ("1", 30.0, 8.0)])],
            r"stamp 7.050000000 \(frame 1\): id 1 is in frame 1 twice",
        ),
        ([*reversed(PAIR), FINE], r"the image of stamp 7.000000000 is not later"),
        ([image(stamp(0)), FINE], r"/image has 1 images"),
        (PAIR, r"one topic of vision_msgs/msg/Detection2DArray .* found none"),
        ([FINE], r"one topic of sensor_msgs/msg/Image .* found none"),
        ([*PAIR, image(stamp(0), topic="/other"), FINE], r"found /image, /other"),
        (
            [image(stamp(0), encoding="bgr8", step=3), PAIR[1], FINE],
            r"step 3 is less than a row of 40 pixels",
        ),
    ],
)
def test_wrong_bag(tmp_path: Path, messages: list[Message], said: str) -> None:
    bag = write_bag(tmp_path / "bag", messages)
    with pytest.raises(SourceError, match=said) as raised:
        read_sequences("ros-bag", bag)
    assert str(bag) in str(raised.value)


def test_unknown_encoding(tmp_path: Path) -> None:
    topic, kind, odd = image(stamp(0))
    odd.encoding = "16UC7"
    bag = write_bag(tmp_path / "bag", [(topic, kind, odd), PAIR[1], FINE])
    with pytest.raises(SourceError, match=r"/image: stamp 7.000000000: encoding '16UC7'"):
        read_sequences("ros-bag", bag)


def test_not_a_bag(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not a bag that can be read"):
        read_sequences("ros-bag", tmp_path)
    (tmp_path / "x.mcap").write_bytes(b"no mcap")
    with pytest.raises(SourceError, match=r"x.mcap: not a bag"):
        read_sequences("ros-bag", tmp_path / "x.mcap")
    bag = write_bag(tmp_path / "cut", [*PAIR, FINE])
    (file,) = bag.glob("*.mcap")
    file.write_bytes(file.read_bytes()[:3000])
    with pytest.raises(SourceError, match=r"cut: "):
        read_sequences("ros-bag", bag)
