"""HDF5: one file with a dataset of frames, or a folder of radar files with a frame each."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from convlstm_perception.data.video import natural_key
from convlstm_perception.errors import SourceError
from convlstm_perception.forecasting.fields import Labels
from convlstm_perception.forecasting.readers.base import (
    HDF5_SUFFIXES,
    StoredArray,
    cf_packing,
    choose,
)
from convlstm_perception.forecasting.readers.radar import radar_packing, radar_time
from convlstm_perception.forecasting.readers.reopened import ReopenedArray

_FILE_AXES = 3
_FRAME_AXES = (2, 3)


def read_hdf5(path: Path, variable: str | None) -> StoredArray:
    """A dataset of one file, with all frames.

    Raises:
        SourceError: for a damaged file, or when it is not clear which dataset is meant.
    """
    with _open(path) as file:
        known = _datasets(file, lambda axes: axes >= _FILE_AXES)
        name = choose(path, "dataset", known, _without_slash(variable))
        dataset = file[name]
        return StoredArray(
            f"{path}[{name}]",
            ReopenedArray(
                functools.partial(_open_dataset, path, name), dataset.shape, dataset.dtype
            ),
            cf_packing(dict(dataset.attrs)),
        )


def read_hdf5_folder(path: Path, variable: str | None) -> StoredArray:
    """A folder of files that hold one frame each, in the order of time.

    The time is the one written in the files (KNMI and ODIM radar products); files without one
    are in the natural order of their names.

    Raises:
        SourceError: for a damaged file, or frames that do not fit together.
    """
    files = sorted(hdf5_files(path), key=lambda file: natural_key(file.name))
    with _open(files[0]) as first:
        known = _datasets(first, lambda axes: axes in _FRAME_AXES)
        if variable is None and len(known) > 1:
            # Other images of a product are of legends and qualities; the first is the measurement.
            known = [name for name in known if _is_first_image(name)] or known
        name = choose(files[0], "dataset", known, _without_slash(variable))
        packing = radar_packing(first, name)
        shape, dtype = first[name].shape, first[name].dtype
    times = []
    for file in files:
        with _open(file) as opened:
            if name not in opened:
                raise SourceError(f"{file}: no dataset {name!r}, which {files[0].name} has")
            if opened[name].shape != shape or radar_packing(opened, name) != packing:
                raise SourceError(
                    f"{file}: {name} has another shape or calibration than in {files[0].name}; "
                    "a series is of one product"
                )
            times.append(radar_time(opened))
    stamps = None
    if all(time is not None for time in times):
        order = np.argsort(np.array(times, "datetime64[ns]"), kind="stable")
        files = [files[index] for index in order]
        stamps = np.array(times, "datetime64[ns]")[order]
    return StoredArray(
        f"{path}[{name}]",
        _FramePerFile(files, name, shape, dtype),
        packing,
        "THW" if len(shape) == 2 else "THWC",
        Labels(times=stamps, variable=name.rsplit("/", 1)[-1]),
    )


def hdf5_files(folder: Path) -> list[Path]:
    """The HDF5 files of a folder."""
    return [file for file in folder.iterdir() if file.suffix.lower() in HDF5_SUFFIXES]


class _FramePerFile:
    """Files with a frame each, as one array with time as its first axis."""

    def __init__(
        self, files: Sequence[Path], name: str, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self.shape = (len(files), *shape)
        self.dtype = dtype
        self._files = list(files)
        self._name = name

    def __getitem__(self, index: tuple[int | slice, ...]) -> np.ndarray:
        frames, *rest = index
        files = self._files[frames]
        if not isinstance(files, list):
            return self._frame(files, tuple(rest))
        return np.stack([self._frame(file, tuple(rest)) for file in files])

    def _frame(self, path: Path, index: tuple[int | slice, ...]) -> np.ndarray:
        with _open(path) as file:
            return np.asarray(file[self._name][index])


def _open(path: Path) -> h5py.File:
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise SourceError(f"{path}: not an HDF5 file ({error})") from error


def _open_dataset(path: Path, name: str) -> Any:
    return _open(path)[name]


def _datasets(file: h5py.File, has_axes: Any) -> list[str]:
    names: list[str] = []

    def look(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and has_axes(item.ndim) and item.dtype.kind in "biuf":
            names.append(name)

    file.visititems(look)
    return names


def _is_first_image(name: str) -> bool:
    return name.startswith(("image1/", "dataset1/data1/"))


def _without_slash(name: str | None) -> str | None:
    return None if name is None else name.strip("/")
