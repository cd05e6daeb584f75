"""What the black box may remove, and how much it may hold while it writes."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from convlstm_perception.errors import SourceError
from convlstm_perception.ros.black_box import BlackBox, KeptFrame
from convlstm_perception.ros.settings import BlackBoxSettings
from tests.support.disks import files_below
from tests.support.node import image_message


def kept(step: int) -> KeptFrame:
    message = image_message(step, 480, 640)  # 0.92 MB
    return KeptFrame("/image", "/node", message, 10**9 + step, None, None, "pedestrian", "m")


def saved(box: BlackBox) -> Path:
    path = box.save("asked", {})
    assert box._last_writing is not None
    box._last_writing.result(20.0)
    return path


def test_bags_with_foreign_files_and_links_stay(tmp_path: Path) -> None:
    problems: list[Exception | None] = []
    folder = tmp_path / "boxes"
    settings = BlackBoxSettings(black_box_folder=str(folder), black_box_limit=2)
    box = BlackBox(settings, lambda path, error: problems.append(error))
    box.add(kept(0))
    noted, plain = saved(box), saved(box)
    (noted / "note.txt").write_text("look here")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = folder / "20200101T000000_000Z_link"
    link.symlink_to(elsewhere)
    for name in ("metadata.yaml", f"{link.name}.mcap"):
        (elsewhere / name).write_bytes(bytes(3_000_000))
    newest = saved(box)
    newest = saved(box)
    assert problems == [None] * 4
    assert (noted / "note.txt").exists() and len(list(noted.iterdir())) == 3
    assert len(files_below(elsewhere)) == 2 and link.is_symlink()
    assert newest.exists() and not plain.exists()
    box.close()


def test_one_bag_is_written_at_a_time(tmp_path: Path) -> None:
    """Each that is being written holds what it writes in memory."""
    go_on, ended = threading.Event(), threading.Event()

    def wait(path: Path, error: Exception | None) -> None:
        go_on.wait(20.0)
        ended.set()

    box = BlackBox(BlackBoxSettings(black_box_folder=str(tmp_path)), wait)
    box.add(kept(0))
    box.save("asked", {})
    with pytest.raises(SourceError, match="being written still"):
        box.save("asked", {})
    go_on.set()
    assert ended.wait(20.0)
    box.close()


def test_more_than_the_folder_may_hold_is_refused_and_nothing_removed(tmp_path: Path) -> None:
    settings = BlackBoxSettings(black_box_folder=str(tmp_path), black_box_limit=1)
    box = BlackBox(settings, lambda path, error: None)
    box.add(kept(0))
    path = saved(box)
    box.add(kept(1))
    with pytest.raises(SourceError, match="more than black_box_limit"):
        box.save("asked", {})
    assert path.exists()
    box.close()
