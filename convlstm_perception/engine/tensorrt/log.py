"""What TensorRT says: kept for error messages, forwarded to :mod:`logging`."""

from __future__ import annotations

import ctypes
import functools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from convlstm_perception.engine.tensorrt import api

_FAILURES = ("INTERNAL_ERROR", "ERROR")
_LEVELS = {"WARNING": logging.WARNING, "INFO": logging.DEBUG}  # its INFO is of use to nobody else
_NO_DRIVER = "cudaError 35"
_logger = logging.getLogger(__name__)


@functools.cache
def driver_present() -> bool:
    """True where the library of NVIDIA's driver is installed."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def telling_lines(text: str) -> list[str]:
    """The lines of a message, without those that only repeat that this machine has no driver.

    TensorRT-RTX builds without one, but adds such a line to every other failure.
    """
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if line and (driver_present() or _NO_DRIVER not in line)]


@dataclass
class Failures:
    """Errors that TensorRT logged during one call."""

    lines: list[str] = field(default_factory=list)


class Log:
    """Takes TensorRT's messages.

    Warnings are logged at once, each of them once in a call (a build may repeat one for every
    layer); errors as :meth:`failures` says.
    """

    def __init__(self) -> None:
        self._open: list[Failures] = []
        self._told: set[str] = set()

    def add(self, severity: str, text: str) -> None:
        """Take one message; ``severity`` is the name of TensorRT's."""
        lines = telling_lines(text)
        words = " ".join(lines)
        if severity in _FAILURES:
            for failures in self._open:
                failures.lines += lines
            if words and not self._open:
                _logger.error("%s", words)
        elif severity in _LEVELS and words and words not in self._told:
            _logger.log(_LEVELS[severity], "%s", words)
            if self._open:
                self._told.add(words)

    @contextmanager
    def failures(self) -> Iterator[Failures]:
        """Keep the errors of a call: for the exception when one is raised, else they are logged."""
        failures = Failures()
        self._open.append(failures)
        try:
            yield failures
        finally:
            self._open.remove(failures)
            self._told.clear()
        for line in failures.lines:
            _logger.error("%s", line)


def open_logger(module: api.Module, log: Log) -> api.ILogger:
    """A logger for TensorRT that hands its messages to ``log``."""

    class Logger(module.ILogger):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            module.ILogger.__init__(self)

        def log(self, severity: api.Enumerator, msg: str) -> None:
            if severity.name != "VERBOSE":  # hundreds of thousands in a build
                log.add(severity.name, msg)

    logger: Any = Logger()
    return logger
