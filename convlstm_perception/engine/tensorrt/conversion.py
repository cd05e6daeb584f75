"""Graphs of a bundle in the precision that an engine is built in, converted once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from convlstm_perception import __version__
from convlstm_perception.engine import precision as converter
from convlstm_perception.engine.precision import Role
from convlstm_perception.engine.settings import Precision
from convlstm_perception.engine.tensorrt.cache import BuildCache, CacheKey
from convlstm_perception.engine.tensorrt.sealed_file import SealedFile
from convlstm_perception.errors import EngineError


def graph_in_precision(
    path: Path,
    role: Role,
    precision: Precision,
    calibration: Iterable[np.ndarray] | None,
    cache: BuildCache,
    command: str,
) -> bytes:
    """The bytes of a graph in some precision.

    A converted graph is kept beside the engines. A node that finds it there needs neither the
    tools of the conversion nor, for int8, the images that the ranges were measured on.

    Args:
        path: of the bundle's graph.
        role: which graph it is.
        precision: wanted.
        calibration: (1, height, width, 3) uint8 images for int8; None takes the ranges measured
            before.
        cache: where converted graphs are kept.
        command: that compiles the bundle, for the message.

    Raises:
        EngineError: when ranges are needed and were never measured.
    """
    source = path.read_bytes()
    if precision == "fp32":
        return source
    measured = role == "encoder" and precision == "int8"
    key = CacheKey(
        name=f"{role}-{precision}",
        suffix=".onnx",
        facts={
            "source": hashlib.sha256(source).hexdigest(),
            "converter": _converter(),
        },
    )
    if not (measured and calibration is not None):
        entry = cache.lookup(key)
        if entry is not None:
            return entry.content.payload
        if measured:
            raise EngineError(
                f"{path}: int8 needs images of the camera to measure the ranges of the encoder's "
                f"features on, and none were given yet. Run: {command}"
            )
    graph = converter.convert_graph(path, precision, role=role, calibration=calibration)
    return cache.store(key, SealedFile({}, graph)).content.payload


def _converter() -> str:
    """What converts: another version may convert otherwise."""
    code = hashlib.sha256(Path(converter.__file__).read_bytes()).hexdigest()
    return f"{__version__} {code[:16]}"
