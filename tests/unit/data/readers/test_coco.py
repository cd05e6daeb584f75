"""COCO instances: people, crowds, the order of the images, and wrong annotations."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convlstm_perception.data.readers import read_sequences
from convlstm_perception.errors import SourceError


def annotation(identity: int, image: int, bbox: list[float], **more: Any) -> dict[str, Any]:
    return {"id": identity, "image_id": image, "category_id": 1, "bbox": bbox, **more}


def content() -> dict[str, Any]:
    return {
        "categories": [{"id": 3, "name": "car"}, {"id": 1, "name": "person"}],
        "images": [
            {"id": 70, "file_name": "10.png", "width": 100, "height": 80},
            {"id": 50, "file_name": "2.png", "width": 60, "height": 40},
            {"id": 60, "file_name": "9.png", "width": 100, "height": 80},
        ],
        "annotations": [
            annotation(901, 70, [10, 20, 30, 40]),
            annotation(902, 50, [1, 2, 3, 4], iscrowd=0),
            annotation(903, 50, [5, 6, 7, 8], iscrowd=1),
            annotation(904, 50, [5, 6, 7, 8], category_id=3),
            annotation(905, 50, [61, 6, 7, 8]),
        ],
    }


@pytest.fixture
def dataset(tmp_path: Path, write_image: Callable[..., None]) -> Callable[[dict[str, Any]], Path]:
    def write(values: dict[str, Any]) -> Path:
        (tmp_path / "annotations").mkdir(exist_ok=True)
        (tmp_path / "annotations" / "instances_val2017.json").write_text(json.dumps(values))
        for value, image in enumerate(values["images"]):
            path = tmp_path / "val2017" / image["file_name"]
            write_image(path, image["width"], image["height"], value)
        return tmp_path

    return write


def test_people_and_crowds(dataset: Callable[[dict[str, Any]], Path]) -> None:
    (read,) = read_sequences("coco", dataset(content()), "val2017")
    assert read.frame_rate is None
    assert (read.name, read.width, read.height) == ("instances_val2017", 60, 40)
    first, second, third = (read.truths[frame] for frame in range(3))
    assert first.ids.tolist() == [902]  # without the car, and without the box outside the image
    assert first.boxes.tolist() == [[2.5, 4, 3, 4]]
    assert first.ignored.tolist() == [[8.5, 10, 7, 8]]
    assert second.boxes.shape == (0, 4)
    assert third.boxes.tolist() == [[25, 40, 30, 40]]
    assert read.images is not None
    assert [int(image[0, 0, 0]) for image in read.images] == [1, 2, 0]


def test_file_without_split(dataset: Callable[[dict[str, Any]], Path]) -> None:
    folder = dataset(content())
    (by_folder,) = read_sequences("coco", folder)
    (by_file,) = read_sequences("coco", folder / "annotations" / "instances_val2017.json")
    assert by_folder.truths.keys() == by_file.truths.keys() == {0, 1, 2}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (annotation(7, 70, [1, 2, 0, 4]), "annotation 7: the box is 0 x 4"),
        (annotation(7, 70, [1, 2, 3, -4]), "annotation 7: the box is 3 x -4"),
        (annotation(901, 70, [1, 2, 3, 4]), "annotation 901: id 901 is in frame 2 twice"),
        (annotation(7, 71, [1, 2, 3, 4]), "annotation 7: no image has the id 71"),
        (annotation(7, 70, [1, 2, 3]), "annotation 7: bbox must be four numbers"),
        ({"id": 7, "category_id": 1}, "entry of id 7: no usable image_id, bbox"),
    ],
)
def test_wrong_annotation_is_named(
    dataset: Callable[[dict[str, Any]], Path], wrong: dict[str, Any], said: str
) -> None:
    values = content()
    values["annotations"].append(wrong)
    with pytest.raises(SourceError, match=r"instances_val2017.json: .*" + said):
        read_sequences("coco", dataset(values))


def test_missing_image_is_named_with_its_frame(dataset: Callable[[dict[str, Any]], Path]) -> None:
    folder = dataset(content())
    (folder / "val2017" / "9.png").unlink()
    with pytest.raises(SourceError, match=r"9.png: no such image \(frame 1\)"):
        read_sequences("coco", folder)
    (folder / "val2017" / "2.png").unlink()
    with pytest.raises(SourceError, match=r"2.png \(frame 0\) is in none of"):
        read_sequences("coco", folder)


def test_not_coco(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="one json file is needed, found none"):
        read_sequences("coco", tmp_path)
    with pytest.raises(SourceError, match=r"instances_x.json: not readable"):
        read_sequences("coco", tmp_path, "x")
    path = tmp_path / "a.json"
    path.write_text("{")
    with pytest.raises(SourceError, match=r"a.json: not readable as json"):
        read_sequences("coco", path)
    path.write_text("[]")
    with pytest.raises(SourceError, match=r"a.json: no list 'categories'"):
        read_sequences("coco", path)
    path.write_text('{"categories": []}')
    with pytest.raises(SourceError, match="no category is named 'person'"):
        read_sequences("coco", path)
