"""The node under full load for a long time: does it leak, tire, or answer wrongly?

    make soak MINUTES=30
    python -m benchmarks.soak --minutes 3 --cameras 2 --faults     # in the node's environment

Runs the node as a process with the shipped bundle, and cameras that send more than it can answer.
Once a second its memory, threads, file handles and counts are read. Fails, with exit code 1 and the
reason, when the resident memory grows by more than 2 % after the first five minutes (or after the
first sixth of a short run), threads or handles grow, an answer bears a stamp that was not sent, or
for the second time, or out of order, a frame fails or is rejected, the node stops answering, or
does not end in order. Writes soak.json, soak.png and node.log into the folder ``--output``.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from convlstm_perception_msgs.msg import PerceptionStatus, PredictedTrajectoryArray
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks.soak_camera import STAMP_BYTES
from benchmarks.soak_verdict import LONGEST_SILENCE, Sample, StampCheck, growth, judge, warm_up
from convlstm_perception.demo.processes import (
    Child,
    ChildError,
    find_profile,
    free_domain,
    isolated_environment,
)

_MEGABYTE = 1e6
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PATIENCE = 60.0  # seconds for the node to load and answer
_RESTART_EVERY = 45.0  # seconds between restarts of a camera, with --faults


class SoakCamera:
    """A camera's process, what it has sent, and what was answered."""

    def __init__(self, name: str, seed: int, arguments: argparse.Namespace, folder: Path) -> None:
        self.name, self.check = name, StampCheck()
        self.latencies: list[tuple[float, float]] = []  # monotonic time of the answer, seconds
        self._folder = folder
        self._stamps = folder / f"{name}.stamps"
        self._stamps.touch()
        self._read = 0
        width, height = arguments.size.split("x")
        self._command = [sys.executable, "-m", "benchmarks.soak_camera"]
        self._command += ["--topic", f"/{name}/image", "--width", width, "--height", height]
        self._command += ["--rate", str(arguments.rate), "--seed", str(seed)]
        self._command += ["--stamps", str(self._stamps)]
        self._command += ["--faults"] if arguments.faults else []
        self.child: Child | None = None
        self.restarts = 0

    def start(self, environment: dict[str, str]) -> None:
        """Begin to send."""
        log = self._folder / f"{self.name}.log"
        self.child = Child(f"camera {self.name}", self._command, log, environment)
        self.check.last_at = time.monotonic() + _PATIENCE  # it draws its images first

    def restart(self, environment: dict[str, str]) -> None:
        """End the process, in order and by force in turn, and start another."""
        assert self.child
        if self.restarts % 2:
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.stop()
        self.restarts += 1
        self.start(environment)

    def stop(self) -> None:
        """End the process."""
        if self.child:
            self.child.stop()

    def read_sent(self) -> None:
        """Take note of what was sent meanwhile."""
        with self._stamps.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        whole = len(data) - len(data) % STAMP_BYTES
        self._read += whole
        self.check.sent += np.frombuffer(data[:whole], "<i8").tolist()

    def on_answer(self, message: PredictedTrajectoryArray) -> None:
        """An answer came."""
        now, stamp = time.monotonic(), message.header.stamp
        stamp_ns = stamp.sec * 10**9 + stamp.nanosec
        self.latencies.append((now, (time.time_ns() - stamp_ns) / 1e9))
        if not self.check.sent or self.check.sent[-1] < stamp_ns:
            self.read_sent()
        self.check.answer(stamp_ns, now)


class Soak:
    """The run: processes, samples, an end in order."""

    def __init__(self, arguments: argparse.Namespace, output: Path, folder: Path) -> None:
        self._arguments, self._output = arguments, output
        self.samples: list[Sample] = []
        self.cameras = [
            SoakCamera(f"camera{index}", index, arguments, folder)
            for index in range(arguments.cameras)
        ]
        self.problems: list[str] = []
        self.engine = ""
        self._status: Any = None
        self._began = 0.0

    def run(self, progress: Progress) -> None:
        """From the start of the node to its end."""
        domain = free_domain()
        environment = {**os.environ, **isolated_environment(domain, find_profile())}
        names = ",".join(camera.name for camera in self.cameras)
        settings = ["autostart:=true", f"cameras:=[{names}]", f"engine:={self._arguments.engine}"]
        command = [sys.executable, "-m", "convlstm_perception.ros.node", "--ros-args"]
        for setting in [*settings, *self._arguments.parameter]:
            command += ["-p", setting]
        with ExitStack() as stack:
            executor = stack.enter_context(self._listening(domain))
            log = self._output / "node.log"
            node = stack.enter_context(Child("node", command, log, environment))
            for camera in self.cameras:
                stack.callback(camera.stop)
                camera.start(environment)
            try:
                self._await_answers(node, executor)
                self._watch(node, executor, environment, progress)
            except ChildError as error:
                self.problems.append(str(error))
            except KeyboardInterrupt:
                self.problems.append(f"interrupted after {self._minutes_so_far():.1f} minutes")
            code = node.stop()
            if code:
                self.problems.append(f"the node ended with exit code {code}, not 0")

    def _minutes_so_far(self) -> float:
        return self.samples[-1].seconds / 60 if self.samples else 0.0

    @contextmanager
    def _listening(self, domain: int) -> Iterator[SingleThreadedExecutor]:
        context = rclpy.Context()
        rclpy.init(
            context=context, domain_id=domain, signal_handler_options=SignalHandlerOptions.NO
        )
        try:
            listener = rclpy.create_node("soak", context=context)
            qos = QoSProfile(depth=100)
            node_name = "/convlstm_perception"
            for camera in self.cameras:
                topic = f"{node_name}/{camera.name}/trajectories"
                listener.create_subscription(PredictedTrajectoryArray, topic, camera.on_answer, qos)
            listener.create_subscription(
                PerceptionStatus, f"{node_name}/status", self._on_status, qos
            )
            executor = SingleThreadedExecutor(context=context)
            executor.add_node(listener)
            yield executor
        finally:
            context.try_shutdown()

    def _on_status(self, message: PerceptionStatus) -> None:
        self._status, self.engine = message, message.engine

    def _await_answers(self, node: Child, executor: SingleThreadedExecutor) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not all(camera.check.answered for camera in self.cameras):
            if time.monotonic() > deadline:
                raise ChildError(f"no answer of every camera within {_PATIENCE:.0f} s")
            node.check_running()
            executor.spin_once(timeout_sec=0.1)
        self._began = time.monotonic()

    def _watch(
        self,
        node: Child,
        executor: SingleThreadedExecutor,
        environment: dict[str, str],
        progress: Progress,
    ) -> None:
        length = 60.0 * self._arguments.minutes
        task = progress.add_task("soaking", total=length, state="")
        restart_at = self._began + _RESTART_EVERY
        due = self._began
        while (now := time.monotonic()) < self._began + length:
            if now < due:
                executor.spin_once(timeout_sec=min(0.1, due - now))
                continue
            due += 1.0
            node.check_running()
            self.samples.append(self._sample(node.pid, now))
            progress.update(task, completed=now - self._began, state=self._state())
            self._check_silence(now)
            if self.problems:
                return
            if self._arguments.faults and now > restart_at:
                camera = self.cameras[int(now) % len(self.cameras)]
                camera.restart(environment)
                restart_at = now + _RESTART_EVERY

    def _check_silence(self, now: float) -> None:
        for camera in self.cameras:
            assert camera.child
            camera.child.check_running()
            if now - camera.check.last_at > LONGEST_SILENCE:
                self.problems.append(
                    f"no answer of {camera.name} for {now - camera.check.last_at:.1f} s"
                )

    def _sample(self, pid: int, now: float) -> Sample:
        for camera in self.cameras:
            camera.read_sent()
        process = Path(f"/proc/{pid}")
        _, resident, shared, *_ = map(int, (process / "statm").read_text().split())
        threads = sum(1 for _ in (process / "task").iterdir())
        handles = sum(1 for _ in (process / "fd").iterdir())
        told = self._status.cameras if self._status else []
        counts = ("received", "answered", "unusable", "skipped", "rejected", "failed")
        return Sample(
            now - self._began,
            resident * _PAGE / _MEGABYTE,
            (resident - shared) * _PAGE / _MEGABYTE,
            threads,
            handles,
            sum(len(camera.check.sent) for camera in self.cameras),
            *(sum(getattr(camera, name) for camera in told) for name in counts),
        )

    def _state(self) -> str:
        newest = self.samples[-1]
        before = self.samples[max(0, len(self.samples) - 11)]
        span = max(newest.seconds - before.seconds, 1.0)
        rate = (newest.answered - before.answered) / span
        return (
            f"{newest.rss_mb:.1f} MB, {newest.threads} threads, {newest.handles} handles, "
            f"{rate:.1f} answers a second"
        )

    def minutes(self) -> list[dict[str, float]]:
        """Answers and latencies of each minute, over all cameras."""
        taken = np.array([pair for camera in self.cameras for pair in camera.latencies])
        table = []
        for minute in range(int(self._minutes_so_far()) + 1):
            begin = self._began + 60 * minute
            rows = taken[(taken[:, 0] >= begin) & (taken[:, 0] < begin + 60), 1]
            if len(rows):
                median, tail = np.percentile(rows, (50, 99))
                table.append(
                    {
                        "minute": minute,
                        "answers": len(rows),
                        "p50_ms": round(1e3 * float(median), 1),
                        "p99_ms": round(1e3 * float(tail), 1),
                    }
                )
        return table


def plot(samples: Sequence[Sample], minutes: float, path: Path) -> None:
    """Memory, threads, handles and rates over time."""
    figure = Figure(figsize=(9, 9), layout="constrained")
    FigureCanvasAgg(figure)
    memory, held, rates = figure.subplots(3, sharex=True)
    time_axis = np.array([sample.seconds for sample in samples]) / 60
    column = functools.partial(_column, samples)
    memory.plot(time_axis, column("rss_mb"), label="resident")
    memory.plot(time_axis, column("private_mb"), label="of that private")
    memory.set(ylabel="MB", ylim=(0, None))
    held.plot(time_axis, column("threads"), label="threads")
    held.plot(time_axis, column("handles"), label="file handles")
    held.set(ylabel="number", ylim=(0, None))
    for name in ("sent", "received", "answered", "skipped"):
        # Over ten seconds: the node tells its counts once a second, and not on our second.
        slope = (column(name)[10:] - column(name)[:-10]) / 10
        rates.plot(time_axis[5 : 5 + len(slope)], slope, label=name)
    rates.set(ylabel="frames a second", xlabel="minutes", ylim=(0, None))
    for axes in (memory, held, rates):
        axes.axvline(warm_up(minutes) / 60, color="grey", linestyle=":")
        axes.legend(loc="center right")
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def _column(samples: Sequence[Sample], name: str) -> np.ndarray:
    return np.array([getattr(sample, name) for sample in samples], float)


def report(soak: Soak, arguments: argparse.Namespace, output: Path) -> list[str]:
    """Write soak.json and soak.png; returns why the run does not pass."""
    checks = [camera.check for camera in soak.cameras]
    log = (output / "node.log").read_text(errors="replace")
    reasons = soak.problems + judge(soak.samples, checks, arguments.minutes, log)
    figures: dict[str, object] = {}
    for name in ("rss_mb", "private_mb", "threads", "handles"):
        try:
            figures[name] = asdict(growth(soak.samples, name, arguments.minutes))
        except ValueError:
            figures[name] = None
    summary = {
        "passed": not reasons,
        "reasons": reasons,
        "minutes": arguments.minutes,
        "cameras": arguments.cameras,
        "image": arguments.size,
        "rate": arguments.rate,
        "faults": arguments.faults,
        "camera_restarts": sum(camera.restarts for camera in soak.cameras),
        "engine": soak.engine,
        "before_and_after": figures,
        "answers": sum(check.answered for check in checks),
        "wrong_stamps": sum(len(check.faults) for check in checks),
        "each_minute": soak.minutes() if soak.samples else [],
        "samples": [asdict(sample) for sample in soak.samples],
    }
    (output / "soak.json").write_text(json.dumps(summary, indent=1) + "\n")
    if soak.samples:
        plot(soak.samples, arguments.minutes, output / "soak.png")
    return reasons


def verdict(soak: Soak, reasons: Sequence[str], minutes: float) -> str:
    """The run in one line."""
    if reasons:
        return "FAILED: " + "; ".join(reasons)
    memory = growth(soak.samples, "rss_mb", minutes)
    last = soak.samples[-1]
    answers = sum(camera.check.answered for camera in soak.cameras)
    return (
        f"PASSED: {minutes:g} minutes, {last.sent} images sent, {answers} answered, every stamp "
        f"right; memory {memory.before:.1f} to {memory.after:.1f} MB ({memory.share:+.2%}), "
        f"{last.threads} threads, {last.handles} file handles"
    )


def main() -> int:
    """Run once; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--cameras", type=int, choices=(1, 2), default=1)
    parser.add_argument("--size", default="1280x720", help="of the images")
    parser.add_argument("--rate", type=float, default=30.0, help="images a second of each camera")
    parser.add_argument(
        "--faults", action="store_true", help="drops, black images, cameras that start anew"
    )
    parser.add_argument("--engine", default="onnxruntime-cpu")
    parser.add_argument("--parameter", action="append", default=[], metavar="NAME:=VALUE")
    parser.add_argument("--output", type=Path, default=Path("out/soak"))
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    console = Console()
    columns = ("{task.description}", "{task.percentage:>3.0f} %", "{task.fields[state]}")
    with (
        tempfile.TemporaryDirectory() as folder,
        Progress(
            TextColumn(columns[0]),
            BarColumn(),
            TextColumn(columns[1]),
            TimeRemainingColumn(),
            TextColumn(columns[2]),
            console=console,
        ) as progress,
    ):
        soak = Soak(arguments, arguments.output, Path(folder))
        soak.run(progress)
    reasons = report(soak, arguments, arguments.output)
    console.print(verdict(soak, reasons, arguments.minutes), highlight=False, soft_wrap=True)
    console.print(f"{arguments.output}/soak.json, soak.png, node.log", highlight=False)
    return 1 if reasons else 0


if __name__ == "__main__":
    sys.exit(main())
