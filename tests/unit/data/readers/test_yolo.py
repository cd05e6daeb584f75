"""YOLO text: normalised boxes, the class of people, images without labels, wrong lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convlstm_perception.data.readers import read_sequences
from convlstm_perception.errors import SourceError


@pytest.fixture
def dataset(tmp_path: Path, write_image: Callable[..., None]) -> Path:
    write_image(tmp_path / "images" / "train" / "10.png", 200, 100)
    write_image(tmp_path / "images" / "train" / "2.png", 100, 80)
    labels = tmp_path / "labels" / "train"
    labels.mkdir(parents=True)
    (labels / "10.txt").write_text(
        "0 0.5 0.5 0.1 0.4\n\n0 0.25 0.5 0.1 0.2\n1 0.5 0.5 0.2 0.2\n0 1.5 0.5 0.1 0.2\n"
    )
    return tmp_path


def test_boxes_in_pixels(dataset: Path) -> None:
    (read,) = read_sequences("yolo", dataset, "train")
    assert (read.name, read.frame_rate, read.width, read.height) == ("train", None, 100, 80)
    assert read.truths[0].boxes.shape == (0, 4)  # 2.png has no label file
    assert read.truths[1].ids.tolist() == [0, 1]
    assert read.truths[1].boxes == pytest.approx(np.array([[100, 50, 20, 40], [50, 50, 20, 20]]))
    assert read.images is not None and read.images.frame_count == 2


@pytest.mark.parametrize("names", ["[car, Person]", "{0: car, 1: pedestrian}"])
def test_class_from_data_yaml(dataset: Path, names: str) -> None:
    (dataset / "data.yaml").write_text(f"names: {names}\n")
    (read,) = read_sequences("yolo", dataset, "train")
    assert read.truths[1].boxes == pytest.approx(np.array([[100, 50, 40, 20]]))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("names: [car]", "no class is named person or pedestrian"),
        ("path: x", "no readable list or mapping 'names'"),
        ("names: [", "no readable list"),
    ],
)
def test_wrong_data_yaml(dataset: Path, text: str, said: str) -> None:
    (dataset / "data.yaml").write_text(text)
    with pytest.raises(SourceError, match="data.yaml: " + said):
        read_sequences("yolo", dataset, "train")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0 0.5 0.5 0 0.1", "line 2: the box is 0 x 8"),
        ("0 0.5 0.5 0.1 -0.1", "line 2: the box is 10 x -8"),
        ("0 0.5 0.5 0.1", "line 2: 4 values"),
        ("0 0.5 0.5 0.1 y", "line 2: 'y' is not a number"),
        ("0 50 40 10 30", "line 2: .*are these pixels"),
    ],
)
def test_wrong_line_is_named(dataset: Path, line: str, said: str) -> None:
    (dataset / "labels" / "train" / "2.txt").write_text(f"0 0.5 0.5 0.1 0.1\n{line}\n")
    with pytest.raises(SourceError, match=r"2.txt: " + said):
        read_sequences("yolo", dataset, "train")


def test_missing_parts(dataset: Path, tmp_path: Path) -> None:
    (dataset / "labels" / "train" / "3.txt").write_text("")
    with pytest.raises(SourceError, match=r"3.txt: no image 3 in"):
        read_sequences("yolo", dataset, "train")
    with pytest.raises(SourceError, match="no such folder"):
        read_sequences("yolo", dataset, "val")
    with pytest.raises(SourceError, match="images: holds no image; give the split"):
        read_sequences("yolo", dataset)
    (dataset / "labels" / "train" / "3.txt").unlink()
    (dataset / "images" / "train" / "2.png").write_bytes(b"no image")
    with pytest.raises(SourceError, match=r"2.png: missing or not an image"):
        read_sequences("yolo", dataset, "train")
