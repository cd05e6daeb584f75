"""Bags are whole or not there; what was written is read."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

import numpy as np
import pytest

from convlstm_perception.bags import BagReader, BagWriter, message_types
from convlstm_perception.errors import SourceError
from tests.support.disks import files_below, full_disk

STRING = "std_msgs/msg/String"
STATUS = "convlstm_perception_msgs/msg/CameraStatus"


def text(words: str) -> object:
    return message_types().types[STRING](data=words)


def test_what_was_written_is_read_in_the_order_of_time(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        bag.write("/a", STRING, 3, text("third"))
        bag.write("/b", STRING, 1, bytes(message_types().serialize_cdr(text("first"), STRING)))
        bag.write("/a", STRING, 2, text("second"))
    with BagReader(tmp_path / "bag") as bag:
        assert bag.topics(STRING) == ["/a", "/b"]
        read = [(m.topic, m.received_ns, m.message.data) for m in bag.messages(["/a", "/b"])]
        assert read == [("/b", 1, "first"), ("/a", 2, "second"), ("/a", 3, "third")]
        assert [m.message.data for m in bag.messages(["/b"])] == ["first"]
        assert list(bag.messages([])) == []


def test_our_own_messages_are_known_as_their_packages_define_them() -> None:
    types = message_types().types
    array = types["convlstm_perception_msgs/msg/PredictedTrajectoryArray"]
    assert (array.OK, array.DEGRADED, array.UNUSABLE) == (0, 1, 2)
    assert "slots_filled" in types[STATUS].__dataclass_fields__
    assert "vision_msgs/msg/Detection2DArray" in types


def test_nothing_is_left_of_a_bag_whose_writing_failed(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), BagWriter(tmp_path / "bag") as bag:
        bag.write("/a", STRING, 1, text("first"))
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    """A limit of the process stands for the disk: writing past it fails in the same way."""
    noise = np.random.default_rng(0).integers(0, 256, 4_000_000, np.uint8).tobytes()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
        with (
            pytest.raises(SourceError, match=r"bag: the bag cannot be written: File too large"),
            BagWriter(tmp_path / "bag") as bag,
        ):
            for number in range(4):
                bag.write("/a", STRING, number, noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []


def test_a_bag_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "bag").mkdir()
    with (
        pytest.raises(SourceError, match="there is something already"),
        BagWriter(tmp_path / "bag"),
    ):
        pass


def test_what_is_no_bag_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not a bag that can be read"), BagReader(tmp_path):
        pass


IMAGE = "sensor_msgs/msg/Image"


def write_images(path: Path, count: int = 3) -> Path:
    types = message_types().types
    pixels = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    with BagWriter(path) as bag:
        for number in range(count):
            stamp = types["builtin_interfaces/msg/Time"](sec=number, nanosec=0)
            image = types[IMAGE](
                header=types["std_msgs/msg/Header"](stamp=stamp, frame_id="camera"),
                height=200,
                width=300,
                encoding="bgr8",
                is_bigendian=0,
                step=900,
                data=pixels.ravel(),
            )
            bag.write("/image", IMAGE, number, image)
    return path


def test_a_bag_and_its_files_have_one_name(tmp_path: Path) -> None:
    write_images(tmp_path / "bag")
    assert files_below(tmp_path) == ["bag", "bag/bag.mcap", "bag/metadata.yaml"]


@pytest.mark.parametrize("free", [20_000, 400_000, 1_500_000])
def test_a_real_disk_that_is_full_is_told_and_left_as_it_was(tmp_path: Path, free: int) -> None:
    """At the beginning, at the end and in the middle of the writing."""
    with full_disk(tmp_path, free) as place:
        with pytest.raises(SourceError, match=r"bag: the bag cannot be written: .* (left|large)"):
            write_images(place / "bag", 30)
        assert files_below(place) == []


def test_damage_anywhere_is_told_or_does_no_harm(tmp_path: Path) -> None:
    """Whatever bytes are wrong, there is one error to expect, and no message is lost unseen."""
    path = write_images(tmp_path / "bag") / "bag.mcap"
    sound, random, told = path.read_bytes(), np.random.default_rng(1), 0
    for trial in range(150):
        spoiled = bytearray(sound)
        if trial % 3 == 0:
            spoiled = spoiled[: random.integers(0, len(sound))]
        else:  # at either end, where the structure is; between are pixels
            at = int(random.integers(0, 4000)) * (1 if trial % 3 == 1 else -1)
            spoiled[at : at + 4] = random.bytes(4)
        path.write_bytes(spoiled)
        try:
            with BagReader(tmp_path / "bag") as bag:
                topics = bag.topics(IMAGE)
                read = list(bag.messages(topics))
        except SourceError as error:
            assert "bag" in str(error)
            told += 1
        else:
            assert len(read) == 3 or not topics
    assert told > 40
