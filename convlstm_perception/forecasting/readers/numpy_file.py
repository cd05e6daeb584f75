""".npy and .npz files of numpy."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from convlstm_perception.errors import SourceError
from convlstm_perception.forecasting.readers.base import StoredArray, choose

_LEAST_AXES = 3


def read_npy(path: Path, variable: str | None) -> StoredArray:
    """A .npy file, memory-mapped.

    Raises:
        SourceError: for a damaged file, pickled objects, or when a variable is named.
    """
    if variable is not None:
        raise SourceError(
            f"{path}: --variable {variable}: a .npy file holds one array, without name"
        )
    try:
        return StoredArray(str(path), np.load(path, mmap_mode="r"))
    except (ValueError, OSError, EOFError) as error:
        raise SourceError(f"{path}: not an array that numpy can read ({error})") from error


def read_npz(path: Path, variable: str | None) -> StoredArray:
    """One array of a .npz file, in memory: numpy cannot map a part of an archive.

    Raises:
        SourceError: for a damaged file, or when it is not clear which array is meant.
    """
    try:
        with np.load(path) as archive:
            names = [name for name in archive.files if variable in (None, name)]
            arrays: dict[str, Any] = {name: archive[name] for name in names or archive.files}
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise SourceError(f"{path}: not an archive that numpy can read ({error})") from error
    known = [name for name, array in arrays.items() if array.ndim >= _LEAST_AXES]
    name = choose(path, "array", known, variable)
    return StoredArray(f"{path}[{name}]", arrays[name])
