"""Readers of arrays: each gives a :class:`StoredArray`, whose values are read when asked for.

A new format is one new module with a function ``(path, variable) -> StoredArray`` and a line in
``READERS``. Modules are imported when a file of theirs is read: h5py, xarray and Zarr are needed
only by those who have such files. Another package adds a format of its own with :func:`register`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path

from convlstm_perception.errors import SourceError
from convlstm_perception.forecasting.fields import FieldSeries
from convlstm_perception.forecasting.readers.base import HDF5_SUFFIXES, StoredArray
from convlstm_perception.forecasting.series import arrange, one_grid

Reader = Callable[[Path, str | None], StoredArray]

_ROOM = "convlstm_perception.forecasting.readers"

_VIDEO_SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm")

READERS: dict[str, Reader | tuple[str, str]] = {
    ".npy": ("numpy_file", "read_npy"),
    ".npz": ("numpy_file", "read_npz"),
    ".zarr": ("zarr_store", "read_zarr"),
    **dict.fromkeys((".nc", ".nc4", ".cdf", ".netcdf"), ("labelled", "read_netcdf")),
    **dict.fromkeys(HDF5_SUFFIXES, ("hdf5", "read_hdf5")),
    **dict.fromkeys(_VIDEO_SUFFIXES, ("video", "read_video")),
}
"""By suffix: a reader, or the module here and its function."""


def register(suffix: str, reader: Reader) -> None:
    """Read files that end in ``suffix`` with ``reader``; it wins over one that stands.

    Args:
        suffix: with its dot; may have several, as ``.nii.gz``.
        reader: ``(path, variable) -> StoredArray``.
    """
    READERS[suffix.lower()] = reader


def open_array(path: str | Path, variable: str | None = None) -> StoredArray:
    """What a file or folder holds, as it is stored.

    Args:
        path: a file with a suffix of ``READERS``, a Zarr store, a folder of HDF5 files with a frame
            each, or a folder of images.
        variable: which array, where there are several; ``grey`` or ``colour`` of a video.

    Raises:
        SourceError: when it is missing, damaged, or of no known format.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise SourceError(f"{path}: no such file or folder")
    return _reader(path)(path, variable)


def open_series(
    paths: str | Path | Sequence[str | Path],
    variable: str | None = None,
    layout: str | None = None,
    reduce: int = 1,
) -> list[FieldSeries]:
    """The series of files or folders, one for each independent sequence in them.

    Args:
        paths: one or several; see :func:`open_array`.
        variable: which array of each.
        layout: meaning of the axes; see :func:`arrange`.
        reduce: pixels of the file, along each side, that make one of the series' by their mean.

    Returns:
        At least one; all have one grid.

    Raises:
        SourceError: as :func:`open_array` and :func:`arrange`, and for grids that differ.
    """
    if isinstance(paths, str | Path):
        paths = [paths]
    series = [one for path in paths for one in arrange(open_array(path, variable), layout, reduce)]
    one_grid(series)
    return series


def _reader(path: Path) -> Reader:
    name = path.name.lower()
    suffixes = sorted((suffix for suffix in READERS if name.endswith(suffix)), key=len)
    if suffixes:
        found = READERS[suffixes[-1]]
    elif path.is_dir():
        found = _reader_of_folder(path)
    else:
        raise SourceError(f"{path}: no reader for {path.suffix!r} files; {_known()}")
    if isinstance(found, tuple):
        module, function = found
        try:
            loaded: Reader = getattr(importlib.import_module(f"{_ROOM}.{module}"), function)
        except ModuleNotFoundError as error:
            raise SourceError(
                f"{path}: {error.name} is not installed; "
                "pip install 'convlstm-perception[forecast]'"
            ) from error
        return loaded
    return found


def _reader_of_folder(path: Path) -> tuple[str, str]:
    from convlstm_perception.data.video import image_files

    if any((path / name).is_file() for name in ("zarr.json", ".zgroup", ".zarray")):
        return "zarr_store", "read_zarr"
    if any(file.suffix.lower() in HDF5_SUFFIXES for file in path.iterdir()):
        return "hdf5", "read_hdf5_folder"
    if image_files(path):
        return "video", "read_video"
    raise SourceError(f"{path}: a folder without HDF5 files, images or a Zarr store; {_known()}")


def _known() -> str:
    return f"known are {', '.join(READERS)}"
