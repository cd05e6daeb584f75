"""What the readers share: an array as a file holds it, and how its numbers become values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from convlstm_perception.errors import SourceError
from convlstm_perception.forecasting.fields import Labels
from convlstm_perception.types import Float32Array

HDF5_SUFFIXES = (".h5", ".hdf5", ".hdf", ".he5")


class LazyArray(Protocol):
    """An array whose values are read when it is indexed: numpy's, Zarr's, HDF5's or one of ours."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def __getitem__(self, index: tuple[int | slice, ...]) -> Any:
        """Basic indexing alone: one whole number or slice with step 1 for each axis."""
        ...


@dataclass(frozen=True)
class Packing:
    """How stored numbers stand for values: ``value = gain * number + offset``.

    Attributes:
        gain, offset: of that equation.
        missing: stored numbers that stand for no value; NaN always does.
    """

    gain: float = 1.0
    offset: float = 0.0
    missing: tuple[float, ...] = ()

    def unpack(self, stored: np.ndarray) -> Float32Array:
        """Values as float32, NaN where one is missing."""
        values = stored.astype(np.float32)
        if (self.gain, self.offset) != (1.0, 0.0):
            # In float64: a large offset would cost float32 its digits.
            values = (stored.astype(np.float64) * self.gain + self.offset).astype(np.float32)
        for number in self.missing:
            values[stored == stored.dtype.type(number)] = np.nan
        return values


@dataclass(frozen=True)
class StoredArray:
    """What a reader found.

    Attributes:
        name: path, and the array in it, for messages.
        values: the stored numbers.
        packing: how they become values.
        layout: what the axes are, where the file says so: letters of ``LAYOUT_LETTERS``.
        labels: what else the file says.
    """

    name: str
    values: LazyArray
    packing: Packing = Packing()
    layout: str | None = None
    labels: Labels = field(default_factory=Labels)


def cf_packing(attributes: Mapping[str, Any]) -> Packing:
    """What attributes tell by the names of the CF conventions, sections 2.5.1 and 8.1."""
    missing: list[float] = []
    for key in ("_FillValue", "missing_value"):
        if key in attributes:
            missing += [float(number) for number in np.ravel(attributes[key])]
    gain, offset = attributes.get("scale_factor", 1.0), attributes.get("add_offset", 0.0)
    return Packing(float(np.ravel(gain)[0]), float(np.ravel(offset)[0]), tuple(missing))


def choose(path: Path, kind: str, names: Iterable[str], wanted: str | None) -> str:
    """The name of the array to read.

    Args:
        path: of the file, for messages.
        kind: what the file calls its arrays.
        names: of those that could be read.
        wanted: the one asked for, or None: then there must be only one.

    Raises:
        SourceError: naming those that exist.
    """
    known = sorted(names)
    listed = ", ".join(known) or "none"
    if wanted is not None:
        if wanted not in known:
            raise SourceError(f"{path}: no {kind} {wanted!r} with three axes or more; has {listed}")
        return wanted
    if len(known) != 1:
        raise SourceError(
            f"{path}: {len(known)} {kind}s that could be meant ({listed}); "
            + ("name one with --variable" if known else "one with three axes or more is needed")
        )
    return known[0]


def checked_numbers(name: str, dtype: np.dtype[Any]) -> None:
    """Refuse what is no real number.

    Raises:
        SourceError: naming the type.
    """
    if dtype.kind not in "biuf":
        raise SourceError(f"{name}: values of type {dtype}; real numbers are needed")
