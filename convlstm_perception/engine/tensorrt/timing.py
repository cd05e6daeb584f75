"""TensorRT's measurements of kernels, kept in a file: the next build need not repeat them."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from convlstm_perception.engine.tensorrt import api
from convlstm_perception.engine.tensorrt.bindings import TensorRtBindings
from convlstm_perception.engine.tensorrt.sealed_file import (
    DamagedFileError,
    SealedFile,
    locked,
    read_sealed,
    write_sealed,
)
from convlstm_perception.engine.tensorrt.target import Target

_logger = logging.getLogger(__name__)


class TimingCacheFile:
    """The measurements on one GPU by one version of TensorRT.

    TensorRT-RTX measures nothing while it builds; there it does nothing.

    Args:
        bindings: TensorRT.
        folder: of the file.
        target: the GPU.
    """

    def __init__(self, bindings: TensorRtBindings, folder: Path, target: Target) -> None:
        gpu = re.sub(r"\W+", "-", f"{target.capability} {target.gpu}").strip("-")
        self.path = folder / f"{bindings.backend}-{bindings.version}-{gpu}.timings"
        self._useful = bindings.backend == "tensorrt"

    def attach(self, config: api.IBuilderConfig) -> None:
        """Let a build use and complete them."""
        if self._useful:
            attach_timings(config, self.path)

    def keep(self, config: api.IBuilderConfig) -> None:
        """Write them, with what the build added."""
        if self._useful:
            keep_timings(config, self.path)


def attach_timings(config: api.IBuilderConfig, path: Path) -> None:
    """Give a builder's configuration the measurements of a file, or none where it is no use."""
    known = b""
    try:
        known = read_sealed(path).payload
    except FileNotFoundError:
        pass
    except (DamagedFileError, OSError) as error:
        _logger.warning("%s: %s; kernels will be measured anew", path, error)
    cache = config.create_timing_cache(known)
    if cache is None or not config.set_timing_cache(cache, False):
        _logger.warning("%s: does not fit; kernels will be measured anew", path)


def keep_timings(config: api.IBuilderConfig, path: Path) -> None:
    """Write the measurements of a builder's configuration."""
    cache = config.get_timing_cache()
    if cache is None:
        return
    try:
        with locked(path):
            write_sealed(path, SealedFile({}, bytes(cache.serialize())))
    except OSError as error:
        _logger.warning("%s: cannot be kept (%s); the next build takes as long", path, error)
