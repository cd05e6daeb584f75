"""Tsai calibrations: the camera made of one agrees with the closed form, wrong values are named."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from convlstm_perception.data.locate import FOLDERS, data_folder
from convlstm_perception.data.readers.tsai import read_tsai
from convlstm_perception.errors import SourceError
from convlstm_perception.evaluation.ground.view import largest_disagreement
from convlstm_perception.geometry import GroundCamera, GroundPlane, lens_of
from tests.support.tsai import PLACE, rotation, write_tsai

MILLIMETRE = 1e-3


@pytest.fixture(params=["own", "pets"])
def calibration(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """One of our own, and the one of PETS where it is on this machine."""
    if request.param == "own":
        return write_tsai(tmp_path / "View_001.xml")
    data = data_folder()
    path = data / FOLDERS["pets"] / "View_001.xml" if data is not None else None
    if path is None or not path.exists():
        pytest.skip("the calibration of PETS2009 is not on this machine")
    return path


def fields_of(path: Path) -> dict[str, float]:
    return {
        key: float(value)
        for element in ElementTree.parse(path).getroot()
        for key, value in element.attrib.items()
    }


def every_pixel(width: int, height: int) -> NDArray[np.float64]:
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    return np.stack([columns.ravel(), rows.ravel()], -1).astype(float)


def sensor_plane(values: dict[str, float], pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 2) undistorted sensor coordinates in mm: equations 7 and 5 of Tsai 1987."""
    x = values["dpx"] * (pixels[:, 0] - values["cx"]) / values["sx"]
    y = values["dpy"] * (pixels[:, 1] - values["cy"])
    factor = 1 + values["kappa1"] * (x**2 + y**2)
    return np.stack([x * factor, y * factor], -1)


def test_the_lens_undistorts_as_tsai_does(calibration: Path) -> None:
    camera, values = read_tsai(calibration), fields_of(calibration)
    pixels = every_pixel(camera.width, camera.height)
    directions = lens_of(camera.model).rays(pixels.T).directions
    expected = sensor_plane(values, pixels) / values["focal"]
    assert np.abs(directions[:2].T / directions[2:].T - expected).max() < 1e-7
    assert np.abs(expected - (pixels - camera.centre) / camera.focal).max() > 0.01  # it distorts


def test_the_ground_is_where_tsai_has_it(calibration: Path) -> None:
    """Forwards, from the world: Tsai's model has a closed form of that up to the distortion."""
    camera, values = read_tsai(calibration), fields_of(calibration)
    pixels = every_pixel(camera.width, camera.height)
    ground = GroundCamera(lens_of(camera.model), camera.pose, GroundPlane.of())
    located = ground.locate_pixels(pixels, np.zeros_like(pixels)).positions
    seen = np.isfinite(located).all(-1)
    assert seen.mean() > 0.9
    # R = Rz Ry Rx, p_camera = R p_world + T, in mm.
    turns = []
    for axis, name in enumerate(("rx", "ry", "rz")):
        first, second = [(1, 2), (2, 0), (0, 1)][axis]
        turn = np.eye(3)
        turn[[first, second], [first, second]] = np.cos(values[name])
        turn[first, second], turn[second, first] = -np.sin(values[name]), np.sin(values[name])
        turns.append(turn)
    r = turns[2] @ turns[1] @ turns[0]
    t = np.array([values["tx"], values["ty"], values["tz"]])
    # The plane's two coordinates solve X_u z = f x and Y_u z = f y, which are linear in them.
    plain = sensor_plane(values, pixels)
    matrices = values["focal"] * r[None, :2, :2] - plain[:, :, None] * r[None, 2:, :2]
    right = plain * t[2] - values["focal"] * t[:2]
    expected = np.linalg.solve(matrices, right[..., None])[..., 0] * 1e-3
    assert np.linalg.norm(located[seen, :2] - expected[seen], axis=-1).max() < MILLIMETRE
    assert np.abs(located[seen, 2]).max() < 1e-9
    assert np.linalg.norm(camera.on_ground(pixels)[seen, :2] - expected[seen], axis=-1).max() < 1e-6
    assert largest_disagreement(ground, camera) < MILLIMETRE


def test_above_the_horizon_there_is_no_ground(tmp_path: Path) -> None:
    # Looking ahead: the upper half of the image is sky.
    camera = read_tsai(write_tsai(tmp_path / "ahead.xml", ahead()))
    ground = GroundCamera(lens_of(camera.model), camera.pose, GroundPlane.of())
    pixels = every_pixel(camera.width, camera.height)
    seen = np.isfinite(camera.on_ground(pixels)).all(-1)
    assert 0.3 < seen.mean() < 0.7
    assert np.array_equal(seen, ground.locate_pixels(pixels, np.zeros_like(pixels)).valid)


def ahead() -> dict[str, str | None]:
    """World z up, 6 m above the origin, along the world's y axis: x right, y down, z ahead."""
    return {
        "rx": str(np.pi / 2), "ry": "0", "rz": "0", "tx": "0", "ty": "6000", "tz": "0",
    }  # fmt: skip


def test_a_camera_of_another_place_disagrees(tmp_path: Path) -> None:
    own = read_tsai(write_tsai(tmp_path / "own.xml"))
    other = read_tsai(write_tsai(tmp_path / "other.xml", {"cx": "332.5"}))
    ground = GroundCamera(lens_of(other.model), other.pose, GroundPlane.of())
    assert 0.005 < largest_disagreement(ground, own) < 1.0  # a pixel, in metres
    sky = read_tsai(write_tsai(tmp_path / "sky.xml", ahead()))
    assert largest_disagreement(ground, sky) == np.inf


def test_the_pose_is_in_metres(tmp_path: Path) -> None:
    camera = read_tsai(write_tsai(tmp_path / "View_001.xml"))
    assert camera.pose.translation == pytest.approx(PLACE / 1000)
    assert camera.pose.matrix == pytest.approx(rotation().T)
    assert (camera.model.width, camera.model.height) == (640, 480)
    assert camera.model.distortion_model == "rational_polynomial"
    assert camera.model.intrinsics[0, 0] == pytest.approx(1.04 * 4.2 / 0.0056)
    assert camera.model.intrinsics[1, 1] == pytest.approx(4.2 / 0.005)
    assert camera.model.projection[:, :3] == pytest.approx(camera.model.intrinsics)


def test_without_distortion_the_lens_has_none(tmp_path: Path) -> None:
    camera = read_tsai(write_tsai(tmp_path / "View_001.xml", {"kappa1": "0"}))
    assert not camera.model.distortion.any()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"Geometry": None}, "no <Geometry>; give a Tsai calibration"),
        ({"Extrinsic": None}, "no <Extrinsic>"),
        ({"width": "0"}, "Geometry: width is 0; it must be above 0"),
        ({"height": "480.5"}, "Geometry: height: '480.5' is not a whole number"),
        ({"dpx": "-0.005"}, "Geometry: dpx is -0.005; it must be above 0"),
        ({"focal": None}, "Intrinsic: focal is missing; copy"),
        ({"focal": "long"}, "Intrinsic: focal: 'long' is not a number"),
        ({"sx": "0"}, "Intrinsic: sx is 0; it must be above 0"),
        ({"cx": "inf"}, "Intrinsic: cx is inf; it must be a finite number"),
        ({"kappa1": "-0.1"}, "Intrinsic: kappa1 folds the image back"),
        ({"kappa1": "50"}, "Intrinsic: kappa1 distorts more than a rational polynomial can follow"),
        ({"rz": "nan"}, "Extrinsic: rz is nan; it must be a finite number"),
        ({"tx": "", "ty": "1"}, "Extrinsic: tx: '' is not a number"),
        ({**ahead(), "ty": "-6000"}, r"Extrinsic: the camera is -6.00 m above the plane z = 0"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, str | None], said: str) -> None:
    path = write_tsai(tmp_path / "View_001.xml", changes)
    with pytest.raises(SourceError, match=r"View_001.xml: " + said):
        read_tsai(path)


def test_no_calibration_at_all(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"absent.xml: no such"):
        read_tsai(tmp_path / "absent.xml")
    (tmp_path / "cut.xml").write_text("<Camera><Geometry")
    with pytest.raises(SourceError, match=r"cut.xml: not xml"):
        read_tsai(tmp_path / "cut.xml")
