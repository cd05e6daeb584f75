"""KITTI tracking: labels with images, the table, ignored types, wrong lines."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from convlstm_perception.data.readers import read_sequences
from convlstm_perception.errors import SourceError

TAIL = "1.5 0.5 0.5 0 0 0 0"
LABELS = f"""\
0 -1 DontCare -1 -1 -10 50 10 60 20 {TAIL}
0 -1 DontCare -1 -1 -10 70 10 80 20 {TAIL}
0 4 Pedestrian 0 0 0.1 10 20 20 60 {TAIL}
2 4 Pedestrian 0 0 0.1 12 20 22 60 {TAIL}
2 5 Cyclist 0 0 0.1 30 20 40 60 {TAIL}
2 6 Car 0 0 0.1 30 20 40 60 {TAIL}
"""


@pytest.fixture
def training(tmp_path: Path, write_image: Callable[..., None]) -> Path:
    folder = tmp_path / "training"
    (folder / "label_02").mkdir(parents=True)
    (folder / "label_02" / "0003.txt").write_text(LABELS)
    for frame in range(4):
        write_image(folder / "image_02" / "0003" / f"{frame:06d}.png", value=frame)
    return folder


def test_labels_with_images(training: Path) -> None:
    (read,) = read_sequences("kitti", training.parent, "training")
    assert (read.name, read.frame_rate, read.width, read.height) == ("0003", 10.0, 100, 80)
    assert list(read.truths) == [0, 1, 2]
    assert read.truths[0].ignored.tolist() == [[55, 15, 10, 10], [75, 15, 10, 10]]
    assert read.truths[1].boxes.shape == (0, 4)
    assert read.truths[2].ids.tolist() == [4]
    assert read.truths[2].boxes.tolist() == [[17, 40, 10, 40]]
    assert read.truths[2].ignored.tolist() == [[35, 40, 10, 40]]
    assert read.images is not None
    assert [int(image[0, 0, 0]) for image in read.images] == [0, 1, 2, 3]


def test_labels_without_images(training: Path) -> None:
    (training / "image_02").rename(training / "elsewhere")
    (read,) = read_sequences("kitti", training)
    assert read.images is None
    assert (read.width, read.height) == (1242, 375)


def test_table(tmp_path: Path) -> None:
    path = tmp_path / "pedestrian_boxes.csv.gz"
    with gzip.open(path, "wt") as stream:
        stream.write(
            "sequence,frame,id,type,truncated,occluded,x1,y1,x2,y2\n"
            "0002,1,3,Pedestrian,0,0,10,20,20,60\n0001,0,3,Person,0,0,10,20,20,60\n"
        )
    first, second = read_sequences("kitti", tmp_path)
    assert (first.name, second.name) == ("0001", "0002")
    assert first.truths[0].boxes.shape == (0, 4)
    assert first.truths[0].ignored.tolist() == [[15, 40, 10, 40]]
    assert list(second.truths) == [0, 1]
    assert second.truths[1].ids.tolist() == [3]
    assert len(read_sequences("kitti", path)) == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"1 4 Pedestrian 0 0 0 10 20 10 60 {TAIL}", "line 7: the box is 0 x 40"),
        (f"2 4 Pedestrian 0 0 0 10 20 20 60 {TAIL}", "line 7: id 4 is in frame 2 twice"),
        (f"1 a Pedestrian 0 0 0 10 20 20 60 {TAIL}", "line 7: 'a' is not a number"),
        ("1 4 Pedestrian 0 0 0 10 20 20 60", "line 7: 10 values; 17"),
    ],
)
def test_wrong_line_is_named(training: Path, line: str, said: str) -> None:
    (training / "label_02" / "0003.txt").write_text(f"{LABELS}{line}\n")
    with pytest.raises(SourceError, match=r"0003.txt: " + said):
        read_sequences("kitti", training)


def test_missing_parts(training: Path, tmp_path: Path) -> None:
    (training / "image_02" / "0003" / "000001.png").unlink()
    with pytest.raises(SourceError, match=r"no image 000001 \(frame 1"):
        read_sequences("kitti", training)
    for file in (training / "image_02" / "0003").iterdir():
        file.unlink()
    with pytest.raises(SourceError, match=r"holds no image \(frame 0\)"):
        read_sequences("kitti", training)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="holds neither label_02"):
        read_sequences("kitti", tmp_path / "empty")
