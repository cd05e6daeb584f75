"""A series of fields: what every reader gives, and everything else here reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from convlstm_perception.errors import SourceError
from convlstm_perception.types import Float32Array

EVERYTHING = slice(None)


@dataclass(frozen=True)
class Labels:
    """What a file says of its axes and values.

    Attributes:
        times: (T,) datetime64 or timedelta64 of the frames; None where the file has none.
        rows, columns: (H,) and (W,) coordinates of the pixels, or None.
        axis_names: names of time, rows and columns.
        variable: name of the values.
        attributes: of the values, such as ``units`` and ``long_name``; text or numbers.
    """

    times: np.ndarray | None = None
    rows: np.ndarray | None = None
    columns: np.ndarray | None = None
    axis_names: tuple[str, str, str] = ("time", "y", "x")
    variable: str = "values"
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def units(self) -> str:
        """Of the values, or ""."""
        return str(self.attributes.get("units", ""))


class FieldSeries(Protocol):
    """Frames at equal steps of time, on one grid; read piece by piece.

    Attributes:
        name: what the series is, for messages.
        shape: (time, channels, height, width).
        dtype: of the values as they are stored.
        labels: what the file says of them.
    """

    @property
    def name(self) -> str: ...

    @property
    def shape(self) -> tuple[int, int, int, int]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    @property
    def labels(self) -> Labels: ...

    def read(
        self, start: int, stop: int, rows: slice = EVERYTHING, columns: slice = EVERYTHING
    ) -> Float32Array:
        """Frames ``start`` to ``stop`` (exclusive) of a part of the grid.

        Returns:
            (stop - start, channels, rows, columns) float32 in the data's own units; NaN where a
            value is missing.
        """
        ...


@dataclass(frozen=True, eq=False)
class MemorySeries:
    """A series that is in memory.

    Attributes:
        values: (time, channels, height, width) numbers; NaN where one is missing.
        name: for messages.
        labels: of its axes and values.
    """

    values: np.ndarray
    name: str = "array"
    labels: Labels = field(default_factory=Labels)

    def __post_init__(self) -> None:
        if self.values.ndim != 4 or 0 in self.values.shape:
            raise SourceError(
                f"{self.name}: shape {self.values.shape}; a series in memory has the axes (time, "
                "channels, height, width), none of them empty"
            )

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(time, channels, height, width)."""
        time, channels, height, width = self.values.shape
        return time, channels, height, width

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""
        return self.values.dtype

    def read(
        self, start: int, stop: int, rows: slice = EVERYTHING, columns: slice = EVERYTHING
    ) -> Float32Array:
        """See :meth:`FieldSeries.read`; always a copy."""
        return np.array(self.values[start:stop, :, rows, columns], np.float32)
