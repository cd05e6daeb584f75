"""Bags are written whole or not at all, and read back to the last bit."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from rosbags.rosbag2 import Reader
from rosbags.typesys import get_types_from_msg

from convlstm_perception.bags import BagReader, BagWriter, type_store
from convlstm_perception.errors import BagError, SourceError
from convlstm_perception.shipped import find_shipped
from tests.support.bags import IMAGE, files_below, full_disk, header, image

PIXELS = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)


def write(path: Path, images: int = 3) -> list[bytes]:
    store = type_store()
    written = []
    with BagWriter(path, {"reason": "a test"}) as bag:
        for number in range(images):
            data = bytes(store.serialize_cdr(image(number, PIXELS + number), IMAGE))
            bag.write("/image", IMAGE, 10 * number, data)
            bag.write("/header", "std_msgs/msg/Header", 10 * number + 1, header(number))
            written.append(data)
    return written


def test_what_is_written_is_read_back_to_the_last_bit(tmp_path: Path) -> None:
    written = write(tmp_path / "bag")
    assert files_below(tmp_path) == ["bag", "bag/bag.mcap", "bag/metadata.yaml"]
    with Reader(tmp_path / "bag") as reader:
        assert reader.message_count == 6
        read = [bytes(data) for entry, _, data in reader.messages() if entry.topic == "/image"]
    assert read == written
    assert "reason: a test" in (tmp_path / "bag" / "metadata.yaml").read_text()
    with BagReader(tmp_path / "bag") as bag:
        assert {name: topic.count for name, topic in bag.topics.items()} == {
            "/header": 3,
            "/image": 3,
        }
        times = [(topic, time) for topic, time, _ in bag.messages(("/image", "/header"))]
        assert times[:3] == [("/image", 0), ("/header", 1), ("/image", 10)]
        assert not list(bag.messages(()))


@pytest.mark.parametrize("package", ["convlstm_perception_msgs", "vision_msgs"])
def test_types_are_those_of_the_message_packages(package: str) -> None:
    place = {"vision_msgs": "underlay"}.get(package, "src")
    folder = find_shipped(Path("ros2_ws") / place / package / "msg", "look in the checkout")
    paths = sorted(folder.glob("*.msg"))
    assert paths
    for path in paths:
        name = f"{package}/msg/{path.stem}"
        assert type_store().fielddefs[name] == get_types_from_msg(path.read_text(), name)[name]


def test_hashes_are_those_that_ros_computes() -> None:
    """By which a subscriber of a played bag knows the type."""
    module = pytest.importorskip("convlstm_perception_msgs.msg", reason="no ROS 2 here")
    share = Path(module.__file__).parents[5] / "share"
    found = sorted(share.glob("convlstm_perception_msgs/msg/*.json"))
    if not found:
        pytest.skip("the messages were built without type descriptions")
    for path in found:
        name = f"convlstm_perception_msgs/msg/{path.stem}"
        assert type_store().hash_rihs01(name) in path.read_text()


def test_an_error_in_the_block_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), BagWriter(tmp_path / "bag") as bag:
        bag.write("/header", "std_msgs/msg/Header", 1, header(1))
        assert files_below(tmp_path)
        _ = 1 / 0
    assert files_below(tmp_path) == []


def test_an_unfinished_bag_is_not_seen(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        bag.write("/header", "std_msgs/msg/Header", 1, header(1))
        assert not (tmp_path / "bag").exists()
    assert (tmp_path / "bag").is_dir()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "bag").mkdir()
    with pytest.raises(BagError, match="is there already; give a path"):
        BagWriter(tmp_path / "bag")


def test_a_type_that_is_not_known_is_named(tmp_path: Path) -> None:
    with pytest.raises(BagError, match="no_msgs"), BagWriter(tmp_path / "bag") as bag:
        bag.write("/x", "no_msgs/msg/Nothing", 1, b"")
    assert files_below(tmp_path) == []


@pytest.mark.parametrize("free", [20_000, 400_000, 1_500_000])
def test_a_full_disk_is_told_and_left_as_it_was(tmp_path: Path, free: int) -> None:
    with full_disk(tmp_path, free) as place:
        with pytest.raises(BagError, match=r"bag: the bag cannot be written: .*; (free|raise)"):
            write(place / "bag", 30)
        assert files_below(place) == []
        write(place / "small", 0 if free < 200_000 else 1)


def test_a_place_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BagError, match="file/bag: the bag cannot be written"):
        BagWriter(tmp_path / "file" / "bag")


def test_a_missing_library_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "bag")
    monkeypatch.setitem(sys.modules, "rosbags.rosbag2", None)
    with pytest.raises(BagError, match=r"pip install 'convlstm-perception\[bags\]'"):
        BagReader(tmp_path / "bag")
    with pytest.raises(BagError, match="rosbags, which is missing"):
        BagWriter(tmp_path / "new")
    assert files_below(tmp_path) == ["bag", "bag/bag.mcap", "bag/metadata.yaml"]


def test_damage_anywhere_is_a_source_error_or_no_harm(tmp_path: Path) -> None:
    """Whatever bytes are wrong, a caller has one error to expect."""
    write(tmp_path / "bag", 2)
    path = tmp_path / "bag" / "bag.mcap"
    sound = path.read_bytes()
    random = np.random.default_rng(1)
    told = 0
    for trial in range(120):
        spoiled = bytearray(sound)
        if trial % 3 == 0:
            spoiled = spoiled[: random.integers(0, len(sound))]
        else:
            # At either end, where the structure is; the middle is pixels.
            at = int(random.integers(0, 4000)) * (1 if trial % 3 == 1 else -1)
            spoiled[at : at + 4] = random.bytes(4)
        path.write_bytes(spoiled)
        try:
            with BagReader(tmp_path / "bag") as bag:
                list(bag.messages(bag.topics))
        except SourceError as error:
            assert "bag" in str(error)
            told += 1
    assert told > 40
