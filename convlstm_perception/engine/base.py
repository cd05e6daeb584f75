"""What every inference engine offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class TensorSpec:
    """Shape and dtype of a named input or output."""

    shape: tuple[int, ...]
    dtype: np.dtype

    def allocate(self) -> np.ndarray:
        """A zeroed array of this shape and dtype."""
        return np.zeros(self.shape, self.dtype)


class Engine(Protocol):
    """A loaded graph with fixed shapes.

    Attributes:
        inputs, outputs: the graph's bindings by name.
        backend: what runs it, in words.
    """

    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]
    backend: str

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]) -> None:
        """Read every input and write every output, all of them arrays of the caller.

        Raises:
            EngineError: when the graph fails to run.
        """
        ...

    def close(self) -> None:
        """Free the engine."""
        ...
