"""The simulator's process, seen from beside the node."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.errors import PerceptionError
from convlstm_perception_sim.framing import FramingError, read_message
from convlstm_perception_sim.snapshot import Snapshot

ROOT = Path(__file__).resolve().parents[1]
INTERPRETER = ROOT / ".sim" / "python"
_PATIENCE = 5.0  # seconds


class SimulatorError(PerceptionError):
    """The simulator is not there, or has ended when it should not have."""


@contextmanager
def simulated(
    images: int, interpreter: Path = INTERPRETER
) -> Iterator[Iterator[tuple[Snapshot, NDArray[np.uint8]]]]:
    """Start the simulator; end it with the block.

    Args:
        images: how many.
        interpreter: Python of the simulator's environment.

    Yields:
        The moments with their images, (height, width, 3) blue, green, red, as they come.

    Raises:
        SimulatorError: it is not set up; or, while they are read, it ended before its time.
    """
    if not interpreter.is_file():
        raise SimulatorError(f"{interpreter} is missing; `make setup-sim` makes .sim/python")
    command = [str(interpreter), "-m", "convlstm_perception_sim.simulate", "--images", str(images)]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=_environment()
    )
    try:
        yield _moments(process, images)
    finally:
        if process.stdout is not None:
            process.stdout.close()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _moments(
    process: subprocess.Popen[bytes], images: int
) -> Iterator[tuple[Snapshot, NDArray[np.uint8]]]:
    assert process.stdout is not None
    for number in range(images):
        try:
            message = read_message(process.stdout)
        except FramingError as error:
            raise SimulatorError(f"after {number} of {images} images: {error}") from error
        if message is None:
            raise SimulatorError(
                f"the simulator ended with exit code {process.wait()} after {number} of {images} "
                "images; what it printed tells why"
            )
        values, image = message
        yield Snapshot.from_values(values), image


def _environment() -> dict[str, str]:
    """Nothing of ROS: its libraries and modules are of another environment."""
    environment = dict(os.environ)
    environment.pop("LD_LIBRARY_PATH", None)
    environment["PYTHONPATH"] = str(ROOT)
    return environment
