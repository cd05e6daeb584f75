"""Files that are opened when they are first read, in each process anew."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np

Handle = TypeVar("Handle")


class PerProcess(Generic[Handle]):
    """What ``open_`` gives, opened once in each process that asks for it.

    Libraries such as HDF5 do not bear a file that two processes opened as one; the processes that
    load batches are copies of the one that looked at the file first.
    """

    def __init__(self, open_: Callable[[], Handle]) -> None:
        self._open = open_
        self._held: tuple[int, Handle] | None = None

    def get(self) -> Handle:
        """The handle of this process."""
        if self._held is None or self._held[0] != os.getpid():
            self._held = os.getpid(), self._open()
        return self._held[1]

    def __getstate__(self) -> dict[str, Any]:
        return {"_open": self._open, "_held": None}


class ReopenedArray:
    """An array of a file that is opened late; see :class:`LazyArray`.

    Args:
        open_: opens the file and gives the array in it. Picklable.
        shape: of the array.
        dtype: of the array.
    """

    def __init__(
        self, open_: Callable[[], Any], shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self._array: PerProcess[Any] = PerProcess(open_)

    def __getitem__(self, index: tuple[int | slice, ...]) -> np.ndarray:
        return np.asarray(self._array.get()[index])
