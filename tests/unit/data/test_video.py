"""Videos and folders of images as sources of frames."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from convlstm_perception.data.synthetic_scene import SyntheticScene, write_video
from convlstm_perception.data.video import ReadAhead, natural_key, open_source
from convlstm_perception.errors import SourceError


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "scene.avi"
    write_video(SyntheticScene(width=160, height=96, frame_rate=12.0, frame_count=9), path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index in (10, 2, 1):
        cv2.imwrite(str(tmp_path / f"frame_{index}.png"), np.full((6, 8, 3), index, np.uint8))
    (tmp_path / "notes.txt").write_text("not an image")
    return tmp_path


def test_video_tells_its_size_rate_and_length(video: Path) -> None:
    with open_source(video) as source:
        assert (source.width, source.height) == (160, 96)
        assert source.frame_rate == pytest.approx(12.0)
        assert source.frame_count == 9


def test_video_yields_every_frame_each_time(video: Path) -> None:
    with open_source(video) as source:
        first = list(source)
        second = list(source)
    assert len(first) == len(second) == 9
    assert all(image.shape == (96, 160, 3) and image.dtype == np.uint8 for image in first)
    np.testing.assert_array_equal(first[0], second[0])


def test_folder_is_read_in_natural_order(folder: Path) -> None:
    with open_source(folder) as source:
        assert source.frame_count == 3
        assert source.frame_rate is None
        assert [int(image[0, 0, 0]) for image in source] == [1, 2, 10]


def test_natural_key_compares_numbers_as_numbers() -> None:
    names = ["b1", "a10", "A2", "7", "a2b"]
    assert sorted(names, key=natural_key) == ["7", "A2", "a2b", "a10", "b1"]


def test_missing_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere\.mp4: no such file or folder"):
        open_source(tmp_path / "nowhere.mp4")


def test_file_that_is_no_video_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.avi"
    path.write_text("this is no video\n" * 100)
    with pytest.raises(SourceError, match=r"text\.avi: not a video .* no frame decoded"):
        open_source(path)


def test_header_without_frames_is_refused(video: Path, tmp_path: Path) -> None:
    path = tmp_path / "truncated.avi"
    path.write_bytes(video.read_bytes()[:400])
    with pytest.raises(SourceError, match="not a video"):
        open_source(path)


def test_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="the folder holds no image"):
        open_source(tmp_path)


def test_single_image_is_refused(folder: Path) -> None:
    with pytest.raises(SourceError, match=r"a single image\. Give the folder"):
        open_source(folder / "frame_1.png")


def test_unreadable_image_is_named(folder: Path) -> None:
    (folder / "frame_3.png").write_bytes(b"broken")
    with open_source(folder) as source, pytest.raises(SourceError, match=r"frame_3\.png"):
        list(source)


def test_read_ahead_keeps_order_and_prepares(folder: Path) -> None:
    with open_source(folder) as source, ReadAhead(source, lambda image: int(image.max())) as ahead:
        assert list(ahead) == [1, 2, 10]


def test_read_ahead_loops(folder: Path) -> None:
    with (
        open_source(folder) as source,
        ReadAhead(source, lambda image: int(image.max()), loop=True) as ahead,
    ):
        items = iter(ahead)
        assert [next(items) for _ in range(7)] == [1, 2, 10, 1, 2, 10, 1]


def test_read_ahead_hands_on_errors_and_stops_at_once(folder: Path) -> None:
    (folder / "frame_3.png").write_bytes(b"broken")
    started = time.monotonic()
    with (
        open_source(folder) as source,
        ReadAhead(source, lambda image: image, loop=True, depth=1) as ahead,
        pytest.raises(SourceError, match=r"frame_3\.png"),
    ):
        list(ahead)
    assert time.monotonic() - started < 5.0
