"""What holds for every reader, and the checks of a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from convlstm_perception.data.checks import check_sequence
from convlstm_perception.data.readers import DATASETS, read_sequences, read_tracks
from convlstm_perception.data.sequence import AnnotatedSequence, FrameTruth
from convlstm_perception.errors import SourceError


@pytest.mark.parametrize("kind", DATASETS)
def test_empty_folder_is_named(tmp_path: Path, kind: str) -> None:
    with pytest.raises(SourceError, match=str(tmp_path)):
        read_sequences(kind, tmp_path)


@pytest.mark.parametrize("kind", DATASETS)
def test_missing_folder_is_named(tmp_path: Path, kind: str) -> None:
    with pytest.raises(SourceError, match="nowhere: no such file or folder"):
        read_sequences(kind, tmp_path / "nowhere")


def test_unknown_kind_tells_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"'mots': unknown; one of coco, .*yolo"):
        read_sequences("mots", tmp_path)


def test_still_images_have_no_tracks(tmp_path: Path) -> None:
    from cv2 import imwrite

    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    imwrite(str(tmp_path / "images" / "a.png"), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(SourceError, match="still images have no tracks"):
        read_tracks("yolo", tmp_path)


def sequence(
    people: Sequence[tuple[int, int, float]], frame_rate: float | None = 10.0
) -> AnnotatedSequence:
    """People: frame, id, centre x; all are 10 x 20 pixels."""
    truths = {
        frame: FrameTruth(
            np.array([identity for at, identity, _ in people if at == frame], np.int64),
            np.array([[x, 50, 10, 20] for at, _, x in people if at == frame], np.float32).reshape(
                -1, 4
            ),
        )
        for frame in sorted({frame for frame, _, _ in people})
    }
    return AnnotatedSequence("walk", frame_rate, 640, 480, truths)


def test_nothing_to_say_of_a_good_sequence() -> None:
    assert check_sequence(sequence([(0, 1, 10), (0, 2, 300), (1, 1, 69), (1, 2, 310)])) == []


def test_jumping_id_is_named_with_its_frame() -> None:
    # Only every fifth frame is annotated; id 4 moves by 61 pixels, three heights and a little.
    (warning,) = check_sequence(sequence([(0, 4, 10), (0, 5, 10), (5, 4, 71), (5, 5, 60)]))
    assert "walk: frame 5: id 4" in warning


def test_an_id_that_comes_back_later_does_not_jump() -> None:
    assert check_sequence(sequence([(0, 4, 10), (1, 5, 10), (2, 4, 400)])) == []


def test_frames_further_apart_than_the_models_step() -> None:
    slow = sequence([(0, 1, 10)], frame_rate=7.0)
    (warning,) = check_sequence(slow)
    assert "walk: 7 frames a second" in warning
    assert check_sequence(slow, step=0.15) == []


def test_nobody_annotated() -> None:
    (warning,) = check_sequence(sequence([], frame_rate=None))
    assert "nobody is annotated" in warning
