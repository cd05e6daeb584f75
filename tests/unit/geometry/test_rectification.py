"""Rectified images against OpenCV's own mapping of points, for every model of distortion."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from convlstm_perception.errors import CalibrationError, ImageError
from convlstm_perception.geometry import CameraModel, Rectifier, read_calibration

HEIGHT, WIDTH = 240, 320
K = np.array([[250.0, 0, 158], [0, 252, 121], [0, 0, 1]])
DISTORTIONS = {
    "plumb_bob": [-0.28, 0.07, 0.001, -0.0008, 0.0],
    "rational_polynomial": [-0.28, 0.07, 0.001, -0.0008, 0.0, 0.02, 0.01, 0.001],
    "equidistant": [-0.02, 0.004, -0.001, 0.0002],
}


def camera_info(model: str = "plumb_bob", **fields: Any) -> Any:
    projection = np.hstack([K * [[0.9], [0.9], [1]], np.zeros((3, 1))])
    facts = {
        "width": WIDTH,
        "height": HEIGHT,
        "distortion_model": model,
        "d": DISTORTIONS.get(model, []),
        "k": K.ravel(),
        "r": cv2.Rodrigues(np.array([0.01, -0.02, 0.005]))[0].ravel(),
        "p": projection.ravel(),
    }
    return SimpleNamespace(**facts | fields)


@pytest.mark.parametrize("model", list(DISTORTIONS))
def test_points_land_where_opencv_says(model: str) -> None:
    info = camera_info(model)
    camera = CameraModel.from_message(info)
    where = np.array([[60, 50], [160, 120], [250, 190], [40, 200]], np.float64)
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for x, y in where.astype(int):
        cv2.circle(image, (int(x), int(y)), 3, (255, 255, 255), -1)
    rectified = Rectifier(camera).rectify(image)
    undistort = cv2.fisheye.undistortPoints if model == "equidistant" else cv2.undistortPoints
    expected = undistort(
        where[:, None],
        camera.intrinsics,
        camera.distortion,
        R=camera.rectification,
        P=camera.projection[:, :3],
    )[:, 0]
    for x, y in expected:
        patch = rectified[round(y) - 5 : round(y) + 6, round(x) - 5 : round(x) + 6, 0].astype(float)
        rows, columns = np.indices(patch.shape)
        centre = np.array([(patch * columns).sum(), (patch * rows).sum()]) / patch.sum()
        assert np.abs(centre - 5 - ([x, y] - np.round([x, y]))).max() < 0.3


def test_an_ideal_camera_changes_nothing() -> None:
    info = camera_info(d=[], r=[0.0] * 9, p=[0.0] * 12)
    image = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    assert np.array_equal(Rectifier(CameraModel.from_message(info)).rectify(image), image)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"k": [0.0] * 9}, "the camera is not calibrated"),
        ({"distortion_model": "wobbly"}, "distortion model 'wobbly' is not known, only plumb_bob"),
        ({"d": [0.1] * 3}, "plumb_bob has 4 or 5 coefficients, but there are 3"),
        ({"k": [1.0] * 8}, "K of the calibration is not 3 x 3"),
        ({"p": [float("nan")] * 12}, "P of the calibration is not 3 x 4 finite numbers"),
    ],
)
def test_what_is_no_calibration_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(CalibrationError, match=words):
        CameraModel.from_message(camera_info(**fields))


def test_an_image_of_another_size_is_refused() -> None:
    rectifier = Rectifier(CameraModel.from_message(camera_info()))
    with pytest.raises(ImageError, match="image is 320x200, but the calibration is for 320x240"):
        rectifier.rectify(np.zeros((200, WIDTH, 3), np.uint8))


def write_file(path: Path, **changes: Any) -> Path:
    info = camera_info()
    values = {
        "image_width": WIDTH,
        "image_height": HEIGHT,
        "distortion_model": "plumb_bob",
        "distortion_coefficients": {"data": list(info.d)},
        "camera_matrix": {"data": info.k.tolist()},
        "rectification_matrix": {"data": info.r.tolist()},
        "projection_matrix": {"data": info.p.tolist()},
    }
    path.write_text(yaml.safe_dump(values | changes))
    return path


def test_a_file_says_the_same_as_the_message(tmp_path: Path) -> None:
    read = CameraModel.from_message(read_calibration(write_file(tmp_path / "camera.yaml")))
    told = CameraModel.from_message(camera_info())
    assert (read.width, read.height) == (told.width, told.height)
    for name in ("intrinsics", "distortion", "rectification", "projection"):
        assert np.array_equal(getattr(read, name), getattr(told, name))


def test_a_file_that_is_no_calibration_is_named(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match=r"gone\.yaml: the calibration cannot be read"):
        read_calibration(tmp_path / "gone.yaml")
    for changes in ({"camera_matrix": {"data": [1.0]}}, {"image_width": "wide"}):
        path = write_file(tmp_path / "bad.yaml", **changes)
        with pytest.raises(CalibrationError, match=r"bad\.yaml: not a calibration"):
            read_calibration(path)
