"""PETS2009: xml, optional images, wrong values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from convlstm_perception.data.readers import read_sequences
from convlstm_perception.data.readers.pets import read_pets_xml
from convlstm_perception.errors import SourceError

PERSON = '<object id="{}"><box h="75.5" w="31" xc="514.75" yc="195.25"/></object>'
FRAME = '<frame number="{}"><objectlist>{}</objectlist></frame>'


def write(folder: Path, *frames: str) -> Path:
    path = folder / "gt.xml"
    path.write_text(f"<dataset>{''.join(frames)}</dataset>")
    return path


def test_boxes_without_images(tmp_path: Path) -> None:
    path = write(tmp_path, FRAME.format(0, PERSON.format(9)), FRAME.format(1, ""))
    for given in (path, tmp_path):
        (read,) = read_sequences("pets", given)
        assert (read.name, read.frame_rate) == (tmp_path.name, 7.0)
        assert (read.width, read.height, read.images) == (768, 576, None)
        assert read.truths[0].ids.tolist() == [9]
        assert read.truths[0].boxes.tolist() == [[514.75, 195.25, 31, 75.5]]
        assert read.truths[1].boxes.shape == (0, 4)


def test_images_beside(tmp_path: Path, write_image: Callable[..., None]) -> None:
    write(tmp_path, FRAME.format(0, PERSON.format(9)), FRAME.format(1, ""))
    write_image(tmp_path / "images" / "0.png", 768, 576)
    with pytest.raises(SourceError, match="images: has 1 frames, but frame 1 is annotated"):
        read_sequences("pets", tmp_path)
    write_image(tmp_path / "images" / "1.png", 768, 576)
    (read,) = read_sequences("pets", tmp_path)
    assert read.images is not None and read.images.frame_count == 2
    write_image(tmp_path / "images" / "0.png", 384, 288)
    with pytest.raises(SourceError, match=r"images: the images are 384x288 pixels"):
        read_sequences("pets", tmp_path)
    (tmp_path / "images" / "0.png").rename(tmp_path / "a.avi")
    (tmp_path / "images" / "1.png").rename(tmp_path / "b.avi")
    (tmp_path / "images").rmdir()
    with pytest.raises(SourceError, match=r"several videos \(a.avi, b.avi\)"):
        read_sequences("pets", tmp_path)


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        (PERSON.format(1) * 2, "frame 4: object 1: id 1 is in frame 4 twice"),
        (PERSON.format(1).replace('"31"', '"0"'), "frame 4: object 1: the box is 0 x 75.5"),
        (PERSON.format(1).replace('"31"', '"-31"'), "frame 4: object 1: the box is -31 x 75.5"),
        (PERSON.format(1).replace('w="31"', ""), "frame 4: object 1: w: '' is not a number"),
        (PERSON.format("x"), "frame 4: id of an object: 'x' is not a number"),
        ('<object id="2"/>', "frame 4: object 2 has no box"),
    ],
)
def test_wrong_object_is_named(tmp_path: Path, objects: str, said: str) -> None:
    path = write(tmp_path, FRAME.format(4, objects))
    with pytest.raises(SourceError, match=r"gt.xml: " + said):
        read_pets_xml(path)


def test_missing_parts(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gt.xml: no such annotation"):
        read_sequences("pets", tmp_path)
    path = write(tmp_path)
    with pytest.raises(SourceError, match="holds no <frame>"):
        read_pets_xml(path)
    path.write_text("<dataset>")
    with pytest.raises(SourceError, match="not xml"):
        read_pets_xml(path)
    with pytest.raises(SourceError, match="has no splits"):
        read_sequences("pets", tmp_path, "train")
