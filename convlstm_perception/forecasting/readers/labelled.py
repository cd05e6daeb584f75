"""Arrays with named axes, read by xarray: NetCDF files, and Zarr stores that xarray wrote."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray

from convlstm_perception.errors import SourceError
from convlstm_perception.forecasting.fields import Labels
from convlstm_perception.forecasting.readers.base import StoredArray, choose
from convlstm_perception.forecasting.readers.reopened import ReopenedArray

_LEAST_AXES = 3
_TIME_NAMES = ("time", "t", "valid_time", "date", "datetime")
_ROW_NAMES = ("y", "lat", "latitude", "rlat", "row", "height", "south_north")
_COLUMN_NAMES = ("x", "lon", "longitude", "rlon", "column", "width", "west_east")
_SEQUENCE_NAMES = ("sample", "sequence", "batch", "member", "realization", "ensemble")


def read_netcdf(path: Path, variable: str | None) -> StoredArray:
    """A variable of a NetCDF file (3 and 4).

    Raises:
        SourceError: for a damaged file, or when it is not clear which variable is meant.
    """
    return read_labelled(path, variable, "scipy" if _is_classic(path) else "h5netcdf")


def read_labelled(path: Path, variable: str | None, engine: str) -> StoredArray:
    """A variable of a data set that xarray opens.

    Values are unpacked and missing ones NaN as the CF conventions say; that is xarray's work.

    Args:
        path: of the data set.
        variable: its name, or None where only one has three axes or more.
        engine: xarray's.

    Raises:
        SourceError: for a damaged data set, or when it is not clear which variable is meant.
    """
    try:
        data = _open(path, engine)
    except (OSError, ValueError, KeyError) as error:
        raise SourceError(f"{path}: xarray cannot open it ({error})") from error
    known = [str(name) for name in data.data_vars if data[name].ndim >= _LEAST_AXES]
    name = choose(path, "variable", known, variable)
    values = data[name]
    axes = [str(axis) for axis in values.dims]
    layout = _layout(values, axes)
    read = functools.partial(_open_variable, path, engine, name)
    return StoredArray(
        f"{path}[{name}]",
        ReopenedArray(read, values.shape, values.dtype),
        layout=layout,
        labels=_labels(values, axes, layout),
    )


def _open(path: Path, engine: str) -> xarray.Dataset:
    with warnings.catch_warnings():
        # That a Zarr store without consolidated metadata opens slowly is no matter of ours.
        warnings.simplefilter("ignore", RuntimeWarning)
        return xarray.open_dataset(path, engine=engine)


def _open_variable(path: Path, engine: str, name: str) -> Any:
    # The variable below the labelled array: it is indexed by position alone, and lazily.
    return _Positional(_open(path, engine)[name].variable)


class _Positional:
    """Reads only what is indexed: xarray would keep the whole of what it has once read."""

    def __init__(self, variable: xarray.Variable) -> None:
        self._variable = variable

    def __getitem__(self, index: tuple[int | slice, ...]) -> np.ndarray:
        return np.asarray(self._variable[index].values)


def _is_classic(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(3) == b"CDF"


def _layout(values: xarray.DataArray, axes: Sequence[str]) -> str | None:
    """Letters of the axes, by their names and coordinates; None where those do not tell."""
    letters = [_letter(values, axis) for axis in axes]
    unknown = [index for index, letter in enumerate(letters) if letter is None]
    missing = [letter for letter in "THW" if letter not in letters]
    if not missing and len(unknown) == 1:
        letters[unknown[0]] = "C"  # all but one are known: levels, bands, variables
    elif missing == ["H", "W"] and letters[0] == "T" and len(axes) == 3:
        letters = ["T", "H", "W"]
    elif missing or unknown:
        return None
    return "".join(letter or "" for letter in letters)


def _letter(values: xarray.DataArray, axis: str) -> str | None:
    lower = axis.lower()
    coordinate = values.coords.get(axis)
    if coordinate is not None:
        if coordinate.attrs.get("axis") in ("T", "Y", "X"):
            return {"T": "T", "Y": "H", "X": "W"}[coordinate.attrs["axis"]]
        if coordinate.dtype.kind in "mM":
            return "T"
    named = {"T": _TIME_NAMES, "H": _ROW_NAMES, "W": _COLUMN_NAMES, "N": _SEQUENCE_NAMES}
    return next((letter for letter, names in named.items() if lower in names), None)


def _labels(values: xarray.DataArray, axes: Sequence[str], layout: str | None) -> Labels:
    order = layout or {3: "THW", 4: "THWC"}.get(len(axes), "")
    names = {letter: axis for letter, axis in zip(order, axes, strict=False)}

    def coordinate(letter: str) -> np.ndarray | None:
        axis = names.get(letter)
        found = values.coords.get(axis) if axis else None
        return None if found is None else np.asarray(found.values)

    times = coordinate("T")
    return Labels(
        times if times is not None and times.dtype.kind in "mM" else None,
        _numbers(coordinate("H")),
        _numbers(coordinate("W")),
        (names.get("T", "time"), names.get("H", "y"), names.get("W", "x")),
        str(values.name),
        {str(key): value for key, value in values.attrs.items()},
    )


def _numbers(places: np.ndarray | None) -> np.ndarray | None:
    return places if places is not None and places.dtype.kind in "iuf" else None
