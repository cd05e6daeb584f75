"""Annotated recordings as training material."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from convlstm_perception.data.recordings import read_recordings
from convlstm_perception.errors import SourceError

FRAMES, RATE = 50, 10


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A MOTChallenge sequence of 5 s: 1 walks through all of it, 2 comes at its end."""
    folder = tmp_path / "corner"
    (folder / "img1").mkdir(parents=True)
    (folder / "gt").mkdir()
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname=corner\nframeRate={RATE}\nseqLength={FRAMES}\n"
        "imWidth=1920\nimHeight=1080\nimDir=img1\nimExt=.jpg\n"
    )
    lines = []
    for number in range(FRAMES):
        image = np.full((1080, 1920, 3), 4 * number, np.uint8)
        cv2.imwrite(str(folder / "img1" / f"{number + 1:06}.jpg"), image)
        lines.append(f"{number + 1},1,{100 + 10 * number},400,100,300,1,1,1")
        if number >= 42:
            lines.append(f"{number + 1},2,1000,400,100,300,1,1,1")
    lines.append("1,9,1600,0,200,200,1,8,1")  # a distractor, to be ignored
    (folder / "gt" / "gt.txt").write_text("\n".join(lines) + "\n")
    return folder


def test_the_end_of_a_recording_is_held_out(recording: Path) -> None:
    training, validation = read_recordings({str(recording): "mot"})
    assert [track.id for track in training.tracks] == [1]
    assert [track.id for track in validation.tracks] == [2]
    shades = [
        [round(float(photograph.image[-1].mean()) / 4) for photograph in material.photographs]
        for material in (training, validation)
    ]
    assert shades == [[0, 10, 20, 30], [40]]  # one a second


def test_photographs_are_small_and_their_boxes_fit(recording: Path) -> None:
    training, _ = read_recordings({str(recording): "mot"})
    first, second = training.photographs[:2]
    assert first.image.shape == (360, 640, 3)
    np.testing.assert_allclose(first.boxes, [[100 / 3, 400 / 3, 200 / 3, 700 / 3]], atol=1.0)
    np.testing.assert_allclose(second.boxes, [[200 / 3, 400 / 3, 100, 700 / 3]], atol=1.0)
    assert (first.image[5:60, 540:595] == 114).all()  # what is to be ignored is painted over


def test_a_wrong_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nowhere"):
        read_recordings({str(tmp_path / "nowhere"): "mot"})
    with pytest.raises(SourceError, match="'film': unknown"):
        read_recordings({str(tmp_path): "film"})


def test_no_recordings_give_nothing() -> None:
    training, validation = read_recordings({})
    assert not training.photographs and not training.tracks
    assert not validation.photographs and not validation.tracks
