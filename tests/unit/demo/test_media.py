"""The pictures and files made of a recording."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from convlstm_perception.data.synthetic_scene import SyntheticScene
from convlstm_perception.data.video import open_source
from convlstm_perception.demo.media import draw_recording
from convlstm_perception.demo.page import summary, write_detections, write_page
from convlstm_perception.demo.recording import Answer, Recording
from convlstm_perception.demo.statistics import gather, judge
from convlstm_perception.types import GroundTracks, Tracks, Trajectories

PERIOD_NS = 100_000_000
TIMES = np.array([0.5, 1.0], np.float32)


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    """Ten frames, of which the fourth was not answered."""
    folder = tmp_path / "frames"
    folder.mkdir()
    made = Recording(folder)
    scene = SyntheticScene(width=160, height=120, walkers=2)
    for index in range(10):
        stamp = 1_000_000_000 + index * PERIOD_NS
        made.add_image(stamp, scene.image(index))
        if index == 3:
            continue
        boxes = scene.boxes(index)
        future = np.stack([scene.boxes(index + 5), scene.boxes(index + 10)], axis=1)
        tracks = Tracks(
            np.array([1, 2]),
            boxes,
            np.array([0.9, 0.8], np.float32),
            np.array([False, False]),
            Trajectories(TIMES, future, np.full_like(future, 4.0)),
        )
        ground = GroundTracks.unknown(len(tracks), len(TIMES), "no ground")
        made.add_answer(Answer(stamp, stamp + 30_000_000, "camera", "model-1", tracks, ground))
        made.add_detections(stamp, 2)
    return made


def test_pictures_and_page(recording: Recording, tmp_path: Path) -> None:
    advanced: list[None] = []
    videos, sheet = draw_recording(recording, tmp_path, 10.0, lambda: advanced.append(None))
    assert [video.name for video in videos] == ["overlay.mp4", "overlay.webm"]
    for video in videos:
        with open_source(video) as source:
            assert (source.width, source.height) == (160, 120)
            assert source.frame_rate == pytest.approx(10.0)
            assert sum(1 for _ in source) == 10
    assert len(advanced) == 10
    assert sheet is not None
    picture = cv2.imread(str(sheet))
    assert picture.shape[1] > 4 * 480
    run = gather(recording, 10.0, 10, 10.0)
    page = tmp_path / "summary.html"
    write_page(page, run, judge(run), "a <source>", recording.answers, videos, sheet)
    text = page.read_text()
    assert "a &lt;source&gt;" in text and "overlay.webm" in text and "data:image/jpeg" in text


def test_detections_are_one_line_an_answer(recording: Recording, tmp_path: Path) -> None:
    path = tmp_path / "detections.jsonl"
    write_detections(path, recording)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["frame"] for line in lines] == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    track = lines[0]["tracks"][0]
    assert track["id"] == 1 and len(track["box"]) == 4
    assert [point["horizon"] for point in track["predicted"]] == [0.5, 1.0]
    assert track["predicted"][0]["std"] == [2.0] * 4


def test_summary_counts(recording: Recording) -> None:
    run = gather(recording, 10.0, 10, 9.9)
    values = summary(run, judge(run), "source")
    assert values["frames_in"] == 10
    assert values["frames_answered"] == 9
    assert values["frames_skipped"] == 1
    assert values["stamp_to_answer"]["p50_ms"] == 30.0
    assert values["detections_per_frame"] == 2.0
    assert values["track_ids"] == 2
    assert values["passed"] is False
    assert json.loads(json.dumps(values)) == values


def test_nothing_recorded_gives_no_picture(tmp_path: Path) -> None:
    assert draw_recording(Recording(tmp_path), tmp_path, 10.0, lambda: None) == ([], None)
