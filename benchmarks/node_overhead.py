"""What the node adds to DDS: the real node with an engine that takes no time.

    python -m benchmarks.node_overhead --json

Measures on this machine, in the environment of the node (``. .venv/ros_env.sh``):

* 1280x720 at 30 Hz: the time from the publication of an image to the arrival of its answer in a
  third process, beside the time from the publication of an image to the callback of a bare rclpy
  subscriber that only takes the time. The two take turns, so that a drift of the machine hits both.
  The answer has one more way through DDS to go than the bare subscriber's image: the ratio is the
  harder one.
* two cameras of 1920x1080 at 30 Hz in one node: the share of the images that it received, with the
  shipped DDS profile and with Fast DDS's defaults.
* the node active without images: share of one processor that it takes, and its memory.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from benchmarks.node_overhead_roles import NODE
from convlstm_perception.demo.processes import (
    Child,
    find_profile,
    free_domain,
    isolated_environment,
)

_SETTLE = 5.0  # seconds: Fast DDS repeats a lost announcement after three
_FIRST = 30  # frames that do not count: everything is loaded and warm then


@dataclass(frozen=True)
class Run:
    """Where and how the processes of one measurement run."""

    folder: Path
    environment: Mapping[str, str]
    seconds: float


@contextmanager
def running(run: Run, stack_name: str, *command: str) -> Iterator[Child]:
    """One process of ours."""
    log = run.folder / f"{stack_name}.log"
    with Child(stack_name, [sys.executable, "-m", *command], log, run.environment) as child:
        yield child


def role(run: Run, name: str, *arguments: str) -> tuple[Path, tuple[str, ...]]:
    """The output and the command of a role."""
    output = run.folder / f"{name}.json"
    return output, ("benchmarks.node_overhead_roles", name, str(output), *arguments)


def new_run(folder: Path, name: str, seconds: float, *, profile: bool = True) -> Run:
    """A measurement in a ROS domain of its own."""
    place = folder / name
    place.mkdir()
    variables = isolated_environment(free_domain(), find_profile() if profile else None)
    environment = {**os.environ, **variables}
    if not profile:
        for variable in ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"):
            environment.pop(variable, None)
    return Run(place, environment, seconds)


def watch(run: Run, children: list[Child]) -> None:
    """Let the processes run for the time of the measurement."""
    deadline = time.monotonic() + _SETTLE + run.seconds
    while time.monotonic() < deadline:
        time.sleep(0.2)
        for child in children:
            child.check_running()


def measure(
    run: Run, listener: tuple[str, tuple[str, ...]], size: str, images: list[str], node: list[str]
) -> dict[str, Any]:
    """Cameras, the node where it has parameters, and one who takes the time."""
    listening, topics = listener
    heard, hear = role(run, listening, *topics)
    seen, send = role(run, "camera", *images, "--size", size)
    with ExitStack() as stack:
        children = []
        if node:
            parameters = [word for setting in node for word in ("-p", setting)]
            command = ("benchmarks.null_engine", "--ros-args", *parameters)
            children.append(stack.enter_context(running(run, "node", *command)))
        children.append(stack.enter_context(running(run, listening, *hear)))
        time.sleep(2.0)
        children.append(stack.enter_context(running(run, "camera", *send)))
        watch(run, children)
        children.pop().stop()  # the camera first, and then time for the node's last report
        time.sleep(1.5)
    return {**json.loads(seen.read_text()), **json.loads(heard.read_text())}


def delays_ms(result: Mapping[str, Any]) -> np.ndarray:
    """Delays of the frames that count."""
    (arrivals,) = result["arrivals"]
    times = np.array(arrivals[_FIRST:], np.int64)
    return (times[:, 1] - times[:, 0]) / 1e6


def sent_to(result: Mapping[str, Any]) -> int:
    """Images published since the first that was answered: before it, DDS did not know everybody."""
    first = [arrivals[0][0] for arrivals in result["arrivals"]]
    return sum(
        sum(stamp >= since for stamp in stamps)
        for since, stamps in zip(first, result["published"], strict=True)
    )


def answered_share(result: Mapping[str, Any]) -> float:
    """Share of these that were answered."""
    return round(sum(map(len, result["arrivals"])) / sent_to(result), 4)


def delivered_share(result: Mapping[str, Any]) -> float:
    """Share of these that the node received."""
    return round(min(1.0, sum(result["received"]) / sent_to(result)), 4)


def cpu_seconds(pid: int) -> float:
    """Time on processors that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int) -> float:
    """Resident memory of a process in 10^6 bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 2)


def measure_idle(run: Run) -> dict[str, float]:
    """An active node that no image comes to."""
    parameters = ("-p", "autostart:=true")
    with running(run, "node", "benchmarks.null_engine", "--ros-args", *parameters) as node:
        time.sleep(_SETTLE)
        before, memory, start = cpu_seconds(node.pid), rss_mb(node.pid), time.monotonic()
        time.sleep(2 * run.seconds)
        node.check_running()
        share = (cpu_seconds(node.pid) - before) / (time.monotonic() - start)
        growth = rss_mb(node.pid) - memory
    return {"idle_cpu_percent": round(100 * share, 2), "idle_rss_growth_mb": round(growth, 2)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--pairs", type=int, default=3, help="turns of subscriber and node")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Progress(disable=arguments.json) as progress:
        figures = run_all(Path(folder), arguments.seconds, arguments.pairs, progress)
    if arguments.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        print(f"{name:40} {value}")


def run_all(folder: Path, seconds: float, pairs: int, progress: Progress) -> dict[str, Any]:
    """Every measurement, one after another."""
    task = progress.add_task("measuring", total=2 * pairs + 3)
    bare, answered, shares = [], [], []
    for pair in range(pairs):
        run = new_run(folder, f"bare-{pair}", seconds)
        bare.append(delays_ms(measure(run, ("images", ("/image",)), "1280x720", ["/image"], [])))
        progress.advance(task)
        run = new_run(folder, f"node-{pair}", seconds)
        listener = ("answers", (f"{NODE}/trajectories",))
        result = measure(run, listener, "1280x720", ["/image"], ["autostart:=true"])
        answered.append(delays_ms(result))
        shares.append(answered_share(result))
        progress.advance(task)
    two = {}
    for name, profile in (("", True), ("_default_profile", False)):
        run = new_run(folder, f"two{name}", seconds, profile=profile)
        listener = ("answers", tuple(f"{NODE}/{camera}/trajectories" for camera in "ab"))
        cameras = ["autostart:=true", "cameras:=[a, b]"]
        result = measure(run, listener, "1920x1080", ["/a/image", "/b/image"], cameras)
        two[f"delivered_share_1080p{name}"] = delivered_share(result)
        two[f"answered_share_1080p{name}"] = answered_share(result)
        progress.advance(task)
    idle = measure_idle(new_run(folder, "idle", seconds))
    progress.advance(task)
    of_bare, of_node = np.concatenate(bare), np.concatenate(answered)
    p50 = [float(np.percentile(delays, 50)) for delays in (of_bare, of_node)]
    p99 = [float(np.percentile(delays, 99)) for delays in (of_bare, of_node)]
    return {
        "overhead_ratio_p50": round(p50[1] / p50[0], 3),
        "overhead_ratio_p99": round(p99[1] / p99[0], 3),
        "answered_share_720p": min(shares),
        **two,
        **idle,
        "bare_p50_ms": round(p50[0], 2),
        "bare_p99_ms": round(p99[0], 2),
        "node_p50_ms": round(p50[1], 2),
        "node_p99_ms": round(p99[1], 2),
        "ratios_p50_by_pair": [
            round(float(np.median(b) / np.median(a)), 3)
            for a, b in zip(bare, answered, strict=True)
        ],
        "frames": len(of_node),
        "processors": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    main()
