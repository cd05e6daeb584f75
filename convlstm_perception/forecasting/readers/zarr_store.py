"""Zarr stores, of format 2 and 3."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import zarr
from zarr.errors import BaseZarrError

from convlstm_perception.errors import SourceError
from convlstm_perception.forecasting.readers.base import StoredArray, cf_packing, choose
from convlstm_perception.forecasting.readers.labelled import read_labelled
from convlstm_perception.forecasting.readers.reopened import ReopenedArray

_LEAST_AXES = 3
_XARRAY_AXES = "_ARRAY_DIMENSIONS"  # xarray's names of the axes in format 2


def read_zarr(path: Path, variable: str | None) -> StoredArray:
    """An array of a Zarr store; through xarray where its axes have names.

    A store's ``fill_value`` is what unwritten chunks hold and no sign of a missing value; the
    attribute ``_FillValue`` is.

    Raises:
        SourceError: for a damaged store, or when it is not clear which array is meant.
    """
    try:
        opened = zarr.open(store=str(path), mode="r")
    except (OSError, ValueError, KeyError, TypeError, BaseZarrError) as error:
        raise SourceError(f"{path}: not a Zarr store ({error})") from error
    if isinstance(opened, zarr.Array):
        if variable is not None:
            raise SourceError(f"{path}: --variable {variable}: the store is one array without name")
        return _stored(path, None, opened)
    arrays = {name: array for name, array in opened.arrays() if array.ndim >= _LEAST_AXES}
    if arrays and all(_axes_have_names(array) for array in arrays.values()):
        return read_labelled(path, variable, "zarr")
    name = choose(path, "array", arrays, variable)
    return _stored(path, name, arrays[name])


def _axes_have_names(array: Any) -> bool:
    return _XARRAY_AXES in array.attrs or bool(getattr(array.metadata, "dimension_names", None))


def _stored(path: Path, name: str | None, array: Any) -> StoredArray:
    read = functools.partial(_open_array, path, name)
    return StoredArray(
        str(path) if name is None else f"{path}[{name}]",
        ReopenedArray(read, tuple(array.shape), array.dtype),
        cf_packing(dict(array.attrs)),
    )


def _open_array(path: Path, name: str | None) -> Any:
    opened: Any = zarr.open(store=str(path), mode="r")
    return opened if name is None else opened[name]
