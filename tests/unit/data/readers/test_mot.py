"""MOTChallenge: classes, numbering from 0, images, and what is said of wrong files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from convlstm_perception.data.readers import read_sequences
from convlstm_perception.data.readers.mot import read_mot_truths
from convlstm_perception.errors import SourceError

INFO = "[Sequence]\nname={}\nframeRate=14\nseqLength=3\nimWidth=100\nimHeight=80\nimExt=.png\n"
ROWS = """\
1,5,10,20,10,30,1,1,1.0
1,6,50,20,10,30,0,1,0.2
1,7,60,20,10,30,0,8,1.0
1,8,70,20,10,30,0,3,1.0
3,5,12,20,10,30,1,1,1.0
"""


@pytest.fixture
def sequence(tmp_path: Path, write_image: Callable[..., None]) -> Path:
    folder = tmp_path / "train" / "MOT-02"
    (folder / "gt").mkdir(parents=True)
    (folder / "gt" / "gt.txt").write_text(ROWS)
    (folder / "seqinfo.ini").write_text(INFO.format("MOT-02"))
    for number in (1, 2, 3):
        write_image(folder / "img1" / f"{number:06d}.png", value=number)
    return folder


def test_one_sequence(sequence: Path) -> None:
    (read,) = read_sequences("mot", sequence)
    assert (read.name, read.frame_rate, read.width, read.height) == ("MOT-02", 14.0, 100, 80)
    assert list(read.truths) == [0, 1, 2]
    assert read.truths[0].ids.tolist() == [5]
    assert read.truths[0].boxes.tolist() == [[15, 35, 10, 30]]
    # Confidence 0 and a distractor are forgiven; a car is not a person to be forgiven.
    assert read.truths[0].ignored.tolist() == [[55, 35, 10, 30], [65, 35, 10, 30]]
    assert read.truths[1].boxes.shape == (0, 4)
    assert read.truths[2].boxes[0, 0] == 17
    assert read.images is not None
    assert [int(image[0, 0, 0]) for image in read.images] == [1, 2, 3]


def test_folder_of_sequences_by_split(sequence: Path) -> None:
    other = sequence.parent / "MOT-01" / "gt"
    other.mkdir(parents=True)
    (other / "gt.txt").write_text(ROWS)
    (other.parent / "seqinfo.ini").write_text(INFO.format("MOT-01"))
    read = read_sequences("mot", sequence.parents[1], "train")
    assert [one.name for one in read] == ["MOT-01", "MOT-02"]
    assert read[0].images is None and read[1].images is not None


@pytest.mark.parametrize("rest", ["1", "1,-4.1,-7.3,0"], ids=["7 columns", "10 columns"])
def test_mot15_has_no_classes(tmp_path: Path, rest: str) -> None:
    (tmp_path / "seqinfo.ini").write_text(INFO.format("S"))
    (tmp_path / "gt.txt").write_text(f"2,9,10,20,10,30,{rest}\n2,8,40,20,10,30,0{rest[1:]}\n")
    (read,) = read_sequences("mot", tmp_path / "gt.txt")
    assert read.images is None
    assert read.truths[1].ids.tolist() == [9]
    assert read.truths[1].ignored.tolist() == [[45, 35, 10, 30]]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1,5,10,20,0,30,1,1,1", "line 2: the box is 0 x 30"),
        ("1,5,10,20,10,-3,1,1,1", "line 2: the box is 10 x -3"),
        ("1,5,10,20,10,nan,1,1,1", "line 2: the box is 10 x nan"),
        ("1,5,nan,20,10,30,1,1,1", r"line 2: the box is 10 x 30 pixels at \(nan, 35\)"),
        ("2,5,1,1,10,10,1,1,1", "line 2: id 5 is in frame 1 twice"),
        ("1,5,10,20,x,30,1,1,1", "line 2: 'x' is not a number"),
        ("1.5,5,10,20,10,30,1,1,1", "line 2: '1.5' is not a whole number"),
        ("1,5,10,20,10,30,1,1", "line 2: 8 values"),
        ("0,5,10,20,10,30,1,1,1", "line 2: frame -1 is before the first"),
        ("9,5,10,20,10,30,1,1,1", "line 2: frame 9 is after the last"),
    ],
)
def test_wrong_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "gt.txt"
    path.write_text(f"2,5,10,20,10,30,1,1,1\n{line}\n")
    with pytest.raises(SourceError, match="gt.txt: " + said):
        read_mot_truths(path, 100, 80, frames=3)


def test_box_partly_outside_stays_whole_and_one_wholly_outside_goes(tmp_path: Path) -> None:
    path = tmp_path / "gt.txt"
    path.write_text("1,1,-5,20,10,30,1,1,1\n1,2,-10,20,10,30,1,1,1\n1,3,100,20,10,30,1,1,1\n")
    (truth,) = read_mot_truths(path, 100, 80).values()
    assert truth.ids.tolist() == [1]
    assert truth.boxes.tolist() == [[0, 35, 10, 30]]


def test_missing_image_is_named_with_its_frame(sequence: Path) -> None:
    (sequence / "img1" / "000002.png").unlink()
    with pytest.raises(
        SourceError, match=r"no image 000002 \(frame 1, counted from 0\) of .*gt.txt"
    ):
        read_sequences("mot", sequence)


def test_images_of_another_size(sequence: Path, write_image: Callable[..., None]) -> None:
    write_image(sequence / "img1" / "000001.png", 50, 40)
    with pytest.raises(SourceError, match=r"images are 50x40 pixels, those of .*ini 100x80"):
        read_sequences("mot", sequence)


def test_missing_parts(tmp_path: Path, sequence: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=r"no gt/gt.txt in it"):
        read_sequences("mot", tmp_path / "empty")
    (sequence / "gt" / "gt.txt").write_text("\n")
    (sequence / "seqinfo.ini").write_text("[Sequence]\nframeRate=0\nimWidth=1\nimHeight=1\n")
    with pytest.raises(SourceError, match=r"seqinfo.ini: frameRate"):
        read_sequences("mot", sequence)
    (sequence / "seqinfo.ini").unlink()
    with pytest.raises(SourceError, match=r"seqinfo.ini: no such file"):
        read_sequences("mot", sequence)
    with pytest.raises(SourceError, match=r"gt.txt: no seqinfo.ini beside it"):
        read_sequences("mot", sequence / "gt" / "gt.txt")
    with pytest.raises(SourceError, match="holds no line"):
        read_mot_truths(sequence / "gt" / "gt.txt", 100, 80)
