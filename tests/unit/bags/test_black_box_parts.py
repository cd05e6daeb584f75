"""What the black box keeps is bounded in time and bytes; so is its folder."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from convlstm_perception.bags.recent import RecentMessages, Recorded
from convlstm_perception.bags.settings import BlackBoxSettings
from convlstm_perception.bags.shelf import BagShelf
from convlstm_perception.bags.writer import workplace_name
from convlstm_perception.errors import BagError, ParameterError
from tests.support.bags import files_below


def times(recent: RecentMessages) -> list[int]:
    return [recorded.time_ns for recorded in recent.snapshot()]


def test_old_messages_go_by_the_monotonic_clock() -> None:
    recent = RecentMessages(seconds=1.0, capacity=1 << 20)
    for number in range(5):  # the node's clock runs backwards, as a simulator's does at its reset
        recent.add(Recorded("/image", object(), 100 - number), 100, now=0.4 * number)
    assert times(recent) == [96, 97, 98]


def test_bytes_are_bounded() -> None:
    recent = RecentMessages(seconds=60.0, capacity=10_000)
    for number in range(20):
        recent.add(Recorded("/image", object(), number), 2000, now=0.0)
        assert recent.nbytes <= 10_000
    assert times(recent) == [17, 18, 19] or times(recent) == [16, 17, 18, 19]
    recent.add(Recorded("/image", object(), 20), 10_001, now=0.0)
    assert times(recent) == [] and recent.nbytes == 0


def test_messages_are_the_objects_themselves() -> None:
    recent = RecentMessages(1.0, 10_000)
    message = object()
    recent.add(Recorded("/image", message, 1), 1, now=0.0)
    assert recent.snapshot()[0].message is message


def test_the_latched_come_first_and_never_alone() -> None:
    recent = RecentMessages(1.0, 10_000)
    recent.latch(Recorded("/parameter_events", "old", 1))
    recent.latch(Recorded("/parameter_events", "new", 2))
    assert recent.snapshot() == []
    recent.add(Recorded("/image", "image", 50), 1, now=100.0)
    assert [(one.message, one.time_ns) for one in recent.snapshot()] == [("new", 50), ("image", 50)]


def put(shelf: BagShelf, reason: str, nbytes: int = 1000) -> Path:
    path = shelf.new_path(reason)
    path.mkdir(parents=True)
    (path / "metadata.yaml").write_bytes(b"")
    (path / f"{path.name}.mcap").write_bytes(bytes(nbytes))
    time.sleep(0.002)
    return path


def test_names_tell_time_and_reason(tmp_path: Path) -> None:
    shelf = BagShelf(tmp_path / "bags", 5000)
    path = put(shelf, "Engine failed: ../../etc/passwd\n\0" + "x" * 300)
    assert path.parent == tmp_path / "bags"
    assert path.name.partition("_")[2].startswith("engine-failed-etc-passwd-xxx")
    assert len(path.name) < 80
    assert shelf.bags() == [path]
    assert shelf.new_path("///").name.endswith("Z_saved")


def test_two_at_once_have_two_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = BagShelf(tmp_path, 5000)
    first = shelf.new_path("why")

    class StoppedClock:
        @staticmethod
        def now(zone: object) -> object:
            from datetime import datetime

            return datetime.strptime(first.name[:19], "%Y%m%dT%H%M%S.%f")

    monkeypatch.setattr("convlstm_perception.bags.shelf.datetime", StoppedClock)
    assert shelf.new_path("why") == first
    first.mkdir()
    (tmp_path / workplace_name(f"{first.name}-2")).mkdir()
    assert shelf.new_path("why").name == f"{first.name}-3"


def test_the_oldest_of_our_own_make_room(tmp_path: Path) -> None:
    shelf = BagShelf(tmp_path, 5000)
    bags = [put(shelf, f"bag {number}") for number in range(4)]
    shelf.make_room(1000)
    assert shelf.bags() == bags
    shelf.make_room(2500)
    assert shelf.bags() == bags[2:]
    with pytest.raises(BagError, match="raise black_box_folder_limit"):
        shelf.make_room(5001)
    assert shelf.bags() == bags[2:]


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    shelf = BagShelf(tmp_path / "bags", 5000)
    ours = put(shelf, "ours", 4000)
    with_more = put(shelf, "with a note")
    (with_more / "note.txt").write_text("look here")
    foreign = tmp_path / "bags" / "20200101T000000_their_recording"
    foreign.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "metadata.yaml").write_text("")
    link = tmp_path / "bags" / "20200101T000000.000Z_link"
    link.symlink_to(elsewhere)
    (elsewhere / f"{link.name}.mcap").write_bytes(bytes(9000))
    before = files_below(tmp_path)
    assert shelf.bags() == [ours]
    shelf.make_room(4999)
    gone = set(before) - set(files_below(tmp_path))
    assert gone == {
        f"bags/{name}"
        for name in [
            ours.name,
            *(f"{ours.name}/{n}" for n in ("metadata.yaml", f"{ours.name}.mcap")),
        ]
    }


def test_what_a_killed_process_left_is_cleared_after_an_hour(tmp_path: Path) -> None:
    shelf = BagShelf(tmp_path, 5000)
    old, new = (tmp_path / workplace_name(f"20200101T00000{n}.000Z_x") for n in (0, 1))
    foreign = tmp_path / ".cache.writing"
    for folder in (old, new, foreign):
        folder.mkdir()
    for folder in (old, foreign):
        os.utime(folder, (1.0, 1.0))
    shelf.make_room(1)
    assert files_below(tmp_path) == sorted([new.name, foreign.name])


def test_the_folder_is_that_of_ros(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROS_HOME", "/data/ros")
    assert BlackBoxSettings().folder == Path("/data/ros/convlstm_perception/black_box")
    monkeypatch.delenv("ROS_HOME")
    monkeypatch.setenv("HOME", "/home/robot")
    assert BlackBoxSettings().folder == Path("/home/robot/.ros/convlstm_perception/black_box")
    assert BlackBoxSettings(black_box_folder="~/x").folder == Path("/home/robot/x")


def test_a_limit_that_no_full_bag_fits_is_refused() -> None:
    with pytest.raises(ParameterError, match="black_box_folder_limit"):
        BlackBoxSettings(black_box_memory=100, black_box_folder_limit=100)
