"""Photographs with boxes.csv: Penn-Fudan and people of COCO."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from convlstm_perception.data.readers import read_sequences
from convlstm_perception.errors import SourceError


@pytest.fixture
def penn_fudan(tmp_path: Path, write_image: Callable[..., None]) -> Path:
    for number in (1, 2):
        write_image(tmp_path / "images" / f"Fudan{number}.jpg", 100 * number, 80)
    (tmp_path / "boxes.csv").write_text(
        "image,instance,x1,y1,x2,y2\n"
        "Fudan2.jpg,1,10,20,30,60\nFudan2.jpg,2,90,20,120,70\nFudan2.jpg,3,200,20,220,60\n"
    )
    return tmp_path


def test_penn_fudan(penn_fudan: Path) -> None:
    (read,) = read_sequences("penn-fudan", penn_fudan)
    assert read.frame_rate is None
    assert (read.width, read.height) == (100, 80)
    assert read.truths[0].boxes.shape == (0, 4)
    # The third lies outside its image; the second would in an image of the first one's size.
    assert read.truths[1].boxes.tolist() == [[20, 40, 20, 40], [105, 45, 30, 50]]
    assert read.truths[1].ids.tolist() == [0, 1]
    assert read.images is not None
    assert [image.shape[1] for image in read.images] == [100, 200]


def test_coco_persons_by_split(tmp_path: Path, write_image: Callable[..., None]) -> None:
    for split in ("train2017", "val2017"):
        write_image(tmp_path / "images" / split / "a.jpg")
    (tmp_path / "boxes.csv").write_text(
        "split,image,x1,y1,x2,y2\ntrain2017,a.jpg,1,2,11,22\nval2017,a.jpg,5,2,15,22\n"
    )
    (train,) = read_sequences("coco-persons", tmp_path, "train2017")
    assert train.truths[0].boxes.tolist() == [[6, 12, 10, 20]]
    both = read_sequences("coco-persons", tmp_path)
    assert [read.name for read in both] == ["train2017", "val2017"]
    assert both[1].truths[0].boxes.tolist() == [[10, 12, 10, 20]]
    with pytest.raises(SourceError, match="test2017: no such folder"):
        read_sequences("coco-persons", tmp_path, "test2017")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("Fudan1.jpg,9,10,20,10,60", "line 5: the box is 0 x 40"),
        ("Fudan1.jpg,9,10,20,20,15", "line 5: the box is 10 x -5"),
        ("Fudan1.jpg,9,10,20,a,60", "line 5: 'a' is not a number"),
        ("Fudan1.jpg,9,10", "line 5: not as many values"),
        ("Fudan1.jpg,9,1,2,3,4,5", "line 5: not as many values"),
        ("Fudan3.jpg,9,1,2,3,4", "line 5: no image Fudan3.jpg"),
    ],
)
def test_wrong_line_is_named(penn_fudan: Path, row: str, said: str) -> None:
    with (penn_fudan / "boxes.csv").open("a") as stream:
        stream.write(f"{row}\n")
    with pytest.raises(SourceError, match=r"boxes.csv: " + said):
        read_sequences("penn-fudan", penn_fudan)


def test_missing_parts(penn_fudan: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has no splits"):
        read_sequences("penn-fudan", penn_fudan, "train")
    (penn_fudan / "boxes.csv").write_text("image,x1,y1,x2\n")
    with pytest.raises(SourceError, match="line 1: no column y2"):
        read_sequences("penn-fudan", penn_fudan)
    (penn_fudan / "boxes.csv").unlink()
    with pytest.raises(SourceError, match=r"boxes.csv: no such file"):
        read_sequences("penn-fudan", penn_fudan)
