"""Every format gives the same frames, missing values are known, and errors name the mend."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
import xarray

from convlstm_perception.errors import SourceError
from convlstm_perception.forecasting import Packing, StoredArray, open_array, open_series, register
from convlstm_perception.forecasting.readers import READERS
from convlstm_perception.types import Float32Array

try:
    import zarr
except ImportError:  # its third version begins with Python 3.11
    zarr = None
needs_zarr = pytest.mark.skipif(zarr is None, reason="zarr is not installed")
Write = Callable[[Path, Float32Array], Path]


def _npy(folder: Path, values: Float32Array) -> Path:
    np.save(folder / "a.npy", values)
    return folder / "a.npy"


def _npz(folder: Path, values: Float32Array) -> Path:
    np.savez(folder / "a.npz", values, table=np.zeros((2, 2)))
    return folder / "a.npz"


def _zarr_array(folder: Path, values: Float32Array) -> Path:
    store = zarr.create_array(store=str(folder / "a.zarr"), data=values, chunks=(1, 5, 4))
    assert store.chunks == (1, 5, 4)
    return folder / "a.zarr"


def _zarr_group(folder: Path, values: Float32Array) -> Path:
    group = zarr.open_group(store=str(folder / "a.zarr"), mode="w")
    group.create_array("rain", data=values)
    group.create_array("heights", data=np.zeros((5, 4)))
    return folder / "a.zarr"


def _xarray(values: Float32Array) -> xarray.Dataset:
    times = np.datetime64("2020-01-01T00:00", "ns") + np.arange(6) * np.timedelta64(300, "s")
    coordinates = {"time": times, "lat": np.linspace(50, 54, 5), "lon": np.linspace(3, 6, 4)}
    field = xarray.DataArray(values, coordinates, ("time", "lat", "lon"), attrs={"units": "mm"})
    return xarray.Dataset({"rain": field, "orography": (("lat", "lon"), np.zeros((5, 4)))})


def _zarr_xarray(folder: Path, values: Float32Array) -> Path:
    _xarray(values).to_zarr(folder / "a.zarr", zarr_format=2, consolidated=False)
    return folder / "a.zarr"


def _netcdf4(folder: Path, values: Float32Array) -> Path:
    _xarray(values).to_netcdf(folder / "a.nc", engine="h5netcdf")
    return folder / "a.nc"


def _netcdf3(folder: Path, values: Float32Array) -> Path:
    _xarray(values).to_netcdf(folder / "a.nc", engine="scipy")
    return folder / "a.nc"


def _netcdf_in_another_order(folder: Path, values: Float32Array) -> Path:
    _xarray(values).transpose("lat", "lon", "time").to_netcdf(folder / "a.nc", engine="h5netcdf")
    return folder / "a.nc"


def _hdf5(folder: Path, values: Float32Array) -> Path:
    with h5py.File(folder / "a.h5", "w") as file:
        file["group/rain"] = values
        file["table"] = np.zeros((2, 2))
    return folder / "a.h5"


@pytest.mark.parametrize(
    "write",
    [
        _npy,
        _npz,
        pytest.param(_zarr_array, marks=needs_zarr),
        pytest.param(_zarr_group, marks=needs_zarr),
        pytest.param(_zarr_xarray, marks=needs_zarr),
        _netcdf4,
        _netcdf3,
        _netcdf_in_another_order,
        _hdf5,
    ],
)
def test_every_format_gives_the_same_frames(
    write: Write, tmp_path: Path, numbered: Float32Array
) -> None:
    (series,) = open_series(write(tmp_path, numbered))
    assert series.shape == (6, 1, 5, 4)
    np.testing.assert_array_equal(series.read(0, 6)[:, 0], numbered)
    part = series.read(2, 4, slice(1, 3), slice(2, 4))
    assert part.dtype == np.float32 and part.flags.writeable
    np.testing.assert_array_equal(part[:, 0], numbered[2:4, 1:3, 2:4])
    # As processes that load batches get it.
    copied = pickle.loads(pickle.dumps(series))
    np.testing.assert_array_equal(copied.read(3, 4)[0, 0], numbered[3])


def test_a_npy_file_is_mapped_and_not_read(tmp_path: Path, numbered: Float32Array) -> None:
    assert isinstance(open_array(_npy(tmp_path, numbered)).values, np.memmap)


@pytest.mark.parametrize("write", [_netcdf4, pytest.param(_zarr_xarray, marks=needs_zarr)])
def test_coordinates_and_attributes_are_kept(
    write: Write, tmp_path: Path, numbered: Float32Array
) -> None:
    (series,) = open_series(write(tmp_path, numbered), reduce=2)
    labels = series.labels
    assert labels.times is not None and labels.rows is not None and labels.columns is not None
    assert labels.times[1] == np.datetime64("2020-01-01T00:05")
    np.testing.assert_allclose(labels.rows, [50.5, 52.5])  # of 50, 51 and of 52, 53
    assert (labels.variable, labels.units, labels.axis_names[1]) == ("rain", "mm", "lat")


def test_channels_are_last_unless_the_layout_says_otherwise(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random((6, 5, 4, 3)).astype(np.float32)
    (last,) = open_series(_npy(tmp_path, values))
    np.testing.assert_array_equal(last.read(1, 3), values[1:3].transpose(0, 3, 1, 2))
    np.save(tmp_path / "first.npy", values.transpose(0, 3, 1, 2))
    (first,) = open_series(tmp_path / "first.npy", layout="TCHW")
    np.testing.assert_array_equal(first.read(1, 3), last.read(1, 3))


def test_an_axis_of_sequences_gives_a_series_each(tmp_path: Path, numbered: Float32Array) -> None:
    both = np.stack([numbered, numbered + 500], axis=1)  # as Moving MNIST is published: T N H W
    series = open_series(_npy(tmp_path, both), layout="TNHW")
    assert [one.shape for one in series] == [(6, 1, 5, 4)] * 2
    np.testing.assert_array_equal(series[1].read(0, 6)[:, 0], numbered + 500)
    assert series[0].name != series[1].name


def test_reduction_is_the_mean_of_what_is_known(tmp_path: Path) -> None:
    values = np.arange(2 * 4 * 5, dtype=np.float32).reshape(2, 4, 5)
    values[0, 0, 0] = np.nan
    values[1, :2, :2] = np.nan
    (series,) = open_series(_npy(tmp_path, values), reduce=2)
    assert series.shape == (2, 1, 2, 2)  # the fifth column fills no block
    assert series.read(0, 1)[0, 0, 0, 0] == np.mean([1, 5, 6])
    assert np.isnan(series.read(1, 2)[0, 0, 0, 0])
    expected = values[0, 2:4, 2:4].mean()
    assert series.read(0, 1, slice(1, 2), slice(1, 2))[0, 0, 0, 0] == expected


@needs_zarr
def test_fill_values_are_missing_and_packed_numbers_unpacked(tmp_path: Path) -> None:
    stored = np.array([[[100, 65535], [200, 300]]] * 2, np.uint16)
    attributes = {"scale_factor": 0.5, "add_offset": -10.0, "_FillValue": np.uint16(65535)}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["rain"] = stored
        file["rain"].attrs.update(attributes)
    group = zarr.open_group(store=str(tmp_path / "a.zarr"), mode="w")
    array = group.create_array("rain", data=stored)
    array.attrs.update({"scale_factor": 0.5, "add_offset": -10.0, "_FillValue": 65535})
    data = xarray.Dataset({"rain": (("time", "y", "x"), stored.astype(np.float64) * 0.5 - 10)})
    data["rain"] = data["rain"].where(stored != 65535)
    encoding = {**attributes, "dtype": "uint16"}
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf", encoding={"rain": encoding})
    for name in ("a.h5", "a.zarr", "a.nc"):
        (series,) = open_series(tmp_path / name)
        np.testing.assert_array_equal(series.read(0, 1)[0, 0], [[40.0, np.nan], [90.0, 140.0]])


def _knmi(path: Path, image: np.ndarray, when: str) -> None:
    with h5py.File(path, "w") as file:
        file["image1/image_data"] = image
        calibration = file.create_group("image1/calibration")
        calibration.attrs["calibration_formulas"] = np.bytes_("GEO=0.01*PV+0.0")
        calibration.attrs["calibration_missing_data"] = np.array([65535], np.int32)
        calibration.attrs["calibration_out_of_image"] = np.array([65535], np.int32)
        file.create_group("overview").attrs["product_datetime_end"] = np.array(
            [when.encode()], "S25"
        )


def test_a_folder_of_knmi_files_is_in_the_order_of_their_times(tmp_path: Path) -> None:
    _knmi(tmp_path / "b.h5", np.array([[100, 65535]], np.uint16), "26-AUG-2010;00:00:00.000")
    _knmi(tmp_path / "a.h5", np.array([[250, 0]], np.uint16), "26-AUG-2010;00:05:00.000")
    (series,) = open_series(tmp_path)
    np.testing.assert_array_equal(series.read(0, 2)[:, 0, 0], [[1.0, np.nan], [2.5, 0.0]])
    assert series.labels.times is not None
    assert series.labels.times[1] == np.datetime64("2010-08-26T00:05:00")


def test_a_folder_of_odim_files(tmp_path: Path) -> None:
    for number in range(2):
        with h5py.File(tmp_path / f"{number}.h5", "w") as file:
            file["dataset1/data1/data"] = np.array([[255, 0, 64 + number]], np.uint8)
            what = file.create_group("dataset1/data1/what")
            what.attrs.update(gain=0.5, offset=-32.0, nodata=255.0, undetect=0.0)
            file.create_group("what").attrs.update(
                date=np.bytes_("20240101"), time=np.bytes_(f"120{number}00")
            )
    (series,) = open_series(tmp_path)
    np.testing.assert_array_equal(series.read(1, 2)[0, 0], [[np.nan, -32.0, 0.5]])
    assert series.labels.times is not None
    assert series.labels.times[1] == np.datetime64("2024-01-01T12:01:00")


def test_radar_files_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    _knmi(tmp_path / "a.h5", np.zeros((1, 2), np.uint16), "26-AUG-2010;00:00:00.000")
    _knmi(tmp_path / "b.h5", np.zeros((2, 2), np.uint16), "26-AUG-2010;00:05:00.000")
    with pytest.raises(SourceError, match=r"b\.h5: image1/image_data has another shape"):
        open_series(tmp_path)


def test_a_video_is_grey_or_colour(tmp_path: Path) -> None:
    path = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5.0, (32, 16))
    for brightness in (0, 120, 240):
        image = np.zeros((16, 32, 3), np.uint8)
        image[:, :16, 2] = brightness  # red, in OpenCV's order
        writer.write(image)
    writer.release()
    (grey,) = open_series(path)
    assert grey.shape == (3, 1, 16, 32) and grey.dtype == np.uint8
    (colour,) = open_series(path, "colour")
    assert colour.shape == (3, 3, 16, 32)
    red, green, _ = colour.read(2, 3)[0, :, 8, 4]
    assert red > 220 and green < 30
    assert 60 < grey.read(2, 3)[0, 0, 8, 4] < 90  # 0.299 of red
    with pytest.raises(SourceError, match="grey or colour"):
        open_series(path, "depth")


def test_a_folder_of_images(tmp_path: Path) -> None:
    for number in (2, 10, 1):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((8, 8), number, np.uint8))
    (series,) = open_series(tmp_path)
    np.testing.assert_array_equal(series.read(0, 3)[:, 0, 0, 0], [1, 2, 10])


def test_a_format_of_ones_own(
    tmp_path: Path, numbered: Float32Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convlstm_perception.forecasting.readers.READERS", dict(READERS))

    def read(path: Path, variable: str | None) -> StoredArray:
        return StoredArray(str(path), numbered, Packing(missing=(7.0,)))

    register(".scan.gz", read)
    (tmp_path / "a.scan.gz").touch()
    (series,) = open_series(tmp_path / "a.scan.gz")
    assert np.isnan(series.read(0, 1)[0, 0, 1, 3])


def _two_variables(folder: Path) -> Path:
    path = folder / "two.nc"
    field = (("time", "y", "x"), np.zeros((2, 2, 2)))
    xarray.Dataset({"rain": field, "wind": field}).to_netcdf(path, engine="h5netcdf")
    return path


def _array(shape: tuple[int, ...]) -> Callable[[Path], Path]:
    return lambda folder: _npy(folder, np.zeros(shape, np.float32))


def _words(folder: Path) -> Path:
    np.save(folder / "a.npy", np.full((2, 2, 2), "x"))
    return folder / "a.npy"


def _no_array(folder: Path) -> Path:
    (folder / "a.npy").write_bytes(b"nothing of the kind")
    return folder / "a.npy"


def _no_hdf5(folder: Path) -> Path:
    (folder / "a.h5").write_bytes(b"nothing of the kind")
    return folder / "a.h5"


@pytest.mark.parametrize(
    ("make", "variable", "layout", "message"),
    [
        (lambda folder: folder / "none.npy", None, None, "no such file or folder"),
        (_array((5, 4)), None, None, r"2 axes, shape \(5, 4\); expected \(time, height, width\)"),
        (_array((2, 5, 4, 3, 2)), None, None, "5 axes"),
        (_array((0, 5, 4)), None, None, "empty"),
        (_array((1, 5, 4)), None, None, "is time the first axis"),
        (_array((4, 5, 4, 60)), None, None, "60 channels.*--layout"),
        (_array((4, 5, 4)), None, "NTHW", "3 axes.*layout NTHW has 4"),
        (_array((4, 5, 4)), None, "TXY", "expected T, H and W once each"),
        (_words, None, None, "real numbers are needed"),
        (_no_array, None, None, "not an array that numpy can read"),
        (_no_hdf5, None, None, "not an HDF5 file"),
        (_two_variables, None, None, "2 variables that could be meant .rain, wind.*--variable"),
        (_two_variables, "snow", None, "no variable 'snow'.*has rain, wind"),
        (lambda folder: folder, None, None, "a folder without"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_mend(
    make: Callable[[Path], Path],
    variable: str | None,
    layout: str | None,
    message: str,
    tmp_path: Path,
) -> None:
    with pytest.raises(SourceError, match=message):
        open_series(make(tmp_path), variable, layout)


def test_an_unknown_suffix_lists_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").touch()
    with pytest.raises(SourceError, match=r"no reader for '\.xyz'.*\.npy.*\.nc"):
        open_series(tmp_path / "a.xyz")


def test_series_of_different_grids_are_not_used_together(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((3, 4, 4)))
    np.save(tmp_path / "b.npy", np.zeros((3, 4, 5)))
    with pytest.raises(SourceError, match=r"b\.npy.*\(1, 4, 5\).*a\.npy has \(1, 4, 4\)"):
        open_series([tmp_path / "a.npy", tmp_path / "b.npy"])


def test_a_library_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.zarr").mkdir()
    monkeypatch.delitem(sys.modules, "convlstm_perception.forecasting.readers.zarr_store", False)
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(SourceError, match=r"a\.zarr: zarr is not installed; .*\[forecast\]"):
        open_array(tmp_path / "a.zarr")
