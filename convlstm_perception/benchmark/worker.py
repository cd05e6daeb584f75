"""Measurements in a process that does nothing else, so that its memory and threads are theirs.

``python -m convlstm_perception.benchmark.worker TASK`` where TASK is JSON: a ``task`` with its
arguments. Prints lines of JSON: ``{"step": 1}`` after each frame, at the end ``{"result": ...}`` or
``{"error": ...}``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import IO, Any

from convlstm_perception.benchmark.cameras import CamerasFigures, measure_cameras
from convlstm_perception.benchmark.device_rates import BLAS_THREADS, DeviceRates, measure_cpu
from convlstm_perception.benchmark.request import BenchmarkRequest
from convlstm_perception.errors import EngineError, PerceptionError

_MODULE = "convlstm_perception.benchmark.worker"


def cameras_apart(
    request: BenchmarkRequest, cameras: int, step: Callable[[], None]
) -> CamerasFigures:
    """:func:`measure_cameras` in a process of its own.

    Raises:
        EngineError: with what went wrong there.
    """
    task = {"task": "cameras", "request": request.to_json(), "cameras": cameras}
    return CamerasFigures.from_json(_run_apart(task, {}, step))


def cpu_rates_apart(threads: int) -> DeviceRates:
    """:func:`measure_cpu` in a process of its own, whose numpy has these threads.

    Raises:
        EngineError: with what went wrong there.
    """
    variables = {name: str(threads) for name in BLAS_THREADS}
    task = {"task": "rates", "threads": threads}
    return DeviceRates.from_json(_run_apart(task, variables, lambda: None))


def _run_apart(
    task: Mapping[str, Any], variables: Mapping[str, str], step: Callable[[], None]
) -> dict[str, Any]:
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        with subprocess.Popen(
            [sys.executable, "-m", _MODULE, json.dumps(task)],
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **variables},
            text=True,
        ) as process:
            assert process.stdout is not None
            last: dict[str, Any] = {}
            for line in process.stdout:
                last = json.loads(line)
                if "step" in last:
                    step()
        if "error" in last:
            raise EngineError(str(last["error"]))
        if process.returncode or "result" not in last:
            log.seek(0)
            raise EngineError(
                f"the process that measures {task['task']} ended with exit code "
                f"{process.returncode}. Its last lines:\n" + "".join(log.readlines()[-10:])
            )
    result: dict[str, Any] = last["result"]
    return result


def _perform(task: Mapping[str, Any], step: Callable[[], None]) -> CamerasFigures | DeviceRates:
    if task["task"] == "rates":
        return measure_cpu(task["threads"])
    return measure_cameras(BenchmarkRequest.from_json(task["request"]), task["cameras"], step)


def _own_output() -> IO[str]:
    """Standard output for us alone: what libraries print there goes to standard error."""
    ours = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return ours


def main() -> None:
    """Do the task of the command line."""
    output = _own_output()

    def tell(message: Mapping[str, Any]) -> None:
        output.write(json.dumps(message) + "\n")

    try:
        result = _perform(json.loads(sys.argv[1]), lambda: tell({"step": 1}))
    except PerceptionError as error:
        tell({"error": str(error)})
        return
    tell({"result": asdict(result)})


if __name__ == "__main__":
    main()
