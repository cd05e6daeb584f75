"""JAAD: table and xml give the same, crowds are ignored, splits, wrong rows."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from convlstm_perception.data.readers import read_sequences, read_tracks
from convlstm_perception.errors import SourceError

COLUMNS = "video,width,height,frame,id,label,x1,y1,x2,y2,occlusion"
# Video, frame, id, label, left: every box is 10 x 40 pixels.
ROWS = [
    ("video_0001", 0, "0_1_3b", "pedestrian", 10),
    ("video_0001", 1, "0_1_3b", "pedestrian", 12),
    ("video_0001", 3, "0_1_3b", "pedestrian", 16),
    ("video_0001", 3, "0_1_4", "ped", 40),
    ("video_0001", 3, "0_1_5p", "people", 70),
    ("video_0002", 0, "0_2_1", "ped", 20),
]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    folder = tmp_path / "table"
    for subset, videos in (("default", "video_0002"), ("all_videos", "video_0001\nvideo_0002")):
        (folder / "split_ids" / subset).mkdir(parents=True)
        (folder / "split_ids" / subset / "test.txt").write_text(videos)
    write_table(folder, [row_text(*row) for row in ROWS])
    return folder


def row_text(video: str, frame: int, identity: str, label: str, left: float) -> str:
    return f"{video},200,100,{frame},{identity},{label},{left},20,{left + 10},60,none"


def write_table(folder: Path, rows: list[str]) -> None:
    with gzip.open(folder / "jaad_boxes.csv.gz", "wt") as stream:
        stream.write("\n".join([COLUMNS, *rows, ""]))


def write_xml(folder: Path, video: str, frames: int) -> Path:
    tracks = "".join(
        f'<track label="{label}"><box frame="{frame}" outside="0" xtl="{left}" ytl="20" '
        f'xbr="{left + 10}" ybr="60"><attribute name="id">{identity}</attribute></box>'
        f'<box frame="{frame}" outside="1" xtl="0" ytl="0" xbr="9" ybr="9"></box></track>'
        for name, frame, identity, label, left in ROWS
        if name == video
    )
    path = folder / "annotations" / f"{video}.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"<annotations><meta><task><size>{frames}</size><original_size><width>200</width>"
        f"<height>100</height></original_size></task></meta>{tracks}</annotations>"
    )
    return path


def test_table(table: Path) -> None:
    first, second = read_sequences("jaad", table)
    assert (first.name, first.frame_rate, first.width, first.height) == (
        "video_0001",
        30.0,
        200,
        100,
    )
    assert list(first.truths) == [0, 1, 2, 3]
    assert first.truths[2].boxes.shape == (0, 4)
    assert first.truths[3].ids.tolist() == [0, 1]
    assert first.truths[3].boxes.tolist() == [[21, 40, 10, 40], [45, 40, 10, 40]]
    assert first.truths[3].ignored.tolist() == [[75, 40, 10, 40]]
    assert second.truths[0].ids.tolist() == [0]


def test_splits(table: Path) -> None:
    assert [one.name for one in read_sequences("jaad", table, "test")] == ["video_0002"]
    assert len(read_sequences("jaad", table, "all_videos/test")) == 2
    with pytest.raises(SourceError, match=r"default/train.txt: no such file"):
        read_sequences("jaad", table, "train")


def test_tracks_end_at_a_gap(table: Path) -> None:
    tracks = read_tracks("jaad", table)
    assert [(track.id, track.first, len(track.boxes)) for track in tracks] == [
        (0, 0, 2),
        (0, 3, 1),
        (1, 3, 1),
        (0, 0, 1),
    ]


def test_xml_gives_what_the_table_gives(table: Path, tmp_path: Path) -> None:
    folder = tmp_path / "xml"
    write_xml(folder, "video_0001", frames=6)
    write_xml(folder, "video_0002", frames=1)
    for from_xml, from_table in zip(
        read_sequences("jaad", folder), read_sequences("jaad", table), strict=True
    ):
        assert from_xml.name == from_table.name
        for frame, truth in from_table.truths.items():
            assert from_xml.truths[frame].ids.tolist() == truth.ids.tolist()
            assert from_xml.truths[frame].boxes.tolist() == truth.boxes.tolist()
            assert from_xml.truths[frame].ignored.tolist() == truth.ignored.tolist()
    assert list(read_sequences("jaad", folder / "annotations")[0].truths) == list(range(6))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("video_0002,200,100,1,a,ped,10,20,10,60,none", "line 3: the box is 0 x 40"),
        ("video_0002,200,100,0,0_2_1,ped,1,2,3,4,none", "line 3: id 0 is in frame 0 twice"),
        ("video_0002,200,100,1,a,dog,10,20,20,60,none", "line 3: label 'dog'"),
        ("video_0003,wide,100,1,a,ped,10,20,20,60,none", "line 3: 'wide' is not a number"),
    ],
)
def test_wrong_row_is_named(table: Path, row: str, said: str) -> None:
    write_table(table, [row_text(*ROWS[-1]), row])
    with pytest.raises(SourceError, match=r"jaad_boxes.csv.gz: " + said):
        read_sequences("jaad", table)


def test_damaged_files(table: Path, tmp_path: Path) -> None:
    whole = (table / "jaad_boxes.csv.gz").read_bytes()
    (table / "jaad_boxes.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match=r"jaad_boxes.csv.gz: cannot be read"):
        read_sequences("jaad", table)
    write_table(table, [])
    with pytest.raises(SourceError, match="holds no box"):
        read_sequences("jaad", table)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="holds neither jaad_boxes"):
        read_sequences("jaad", tmp_path / "empty")
    xml = write_xml(tmp_path, "video_0001", frames=4)
    text = xml.read_text()
    for old, new, said in (
        ("<size>4</size>", "", "<size>: '' is not a number"),
        ('xbr="20"', 'xbr="10"', "frame 0: the box is 0 x 40"),
        ('xbr="20"', "", "frame 0: '' is not a number"),
        ('name="id"', 'name="old"', "frame 0: a box has no attribute id"),
        ("</annotations>", "", "not xml"),
        ("meta>", "data>", "no <meta><task>"),
    ):
        xml.write_text(text.replace(old, new))
        with pytest.raises(SourceError, match=r"video_0001.xml: " + said):
            read_sequences("jaad", tmp_path / "annotations")
