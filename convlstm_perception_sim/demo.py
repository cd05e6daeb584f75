"""Drive a simulated street in front of the live node and measure its answers against the truth."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from convlstm_perception.demo.processes import (
    ChildError,
    find_profile,
    fitted_profile,
    free_domain,
    isolated_environment,
)
from convlstm_perception.demo.recording import Recording
from convlstm_perception.demo.session import Programs, run_programs
from convlstm_perception.demo.statistics import REQUIRED_SHARE
from convlstm_perception.engine import default_bundle_path
from convlstm_perception.ros.recorder import TopicRecorder
from convlstm_perception.visualization.page import write_json
from convlstm_perception_sim.bridge import BASE_FRAME, FIXED_FRAME, IMAGE_TOPIC, RATE
from convlstm_perception_sim.camera import StreetCamera
from convlstm_perception_sim.pictures import FROM_ABOVE, OVERLAY, draw_from_above, draw_overlay
from convlstm_perception_sim.process import ROOT
from convlstm_perception_sim.scoring import RunScores, read_truth, score_run

NAMESPACE = "/sim"
NODE = f"{NAMESPACE}/perception"
SCORES, TRUTH = "scores.json", "truth.jsonl"
_IMAGES = f"{NAMESPACE}/{IMAGE_TOPIC}"
_DISCOVERY_SECONDS = 4.0  # after which Fast DDS has repeated an announcement that was lost


def main() -> int:
    """Run it: 0 when enough images were answered, else 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/sim-demo"), help="%(default)s")
    parser.add_argument("--seconds", type=float, default=60.0, help="simulated (%(default)s)")
    parser.add_argument("--engine", default="auto", help="of the node (%(default)s)")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)  # as Ctrl-C, it must end the child processes
    console = Console(highlight=False)
    arguments.out.mkdir(parents=True, exist_ok=True)
    try:
        scores, node_exit_code = _run(arguments, console)
    except ChildError as error:
        console.print(f"sim-demo failed: {error}", style="red", markup=False, soft_wrap=True)
        return 1
    passed = scores.answered_share >= REQUIRED_SHARE and node_exit_code == 0
    console.print(
        f"{scores.answered} of {scores.published} images were answered "
        f"({100.0 * scores.answered_share:.1f} %); the node ended with exit code {node_exit_code}",
        style="green" if passed else "red",
    )
    for name in (SCORES, OVERLAY, FROM_ABOVE, "report.html", TRUTH):
        console.print(f"  {arguments.out / name}", markup=False, soft_wrap=True)
    return 0 if passed else 1


def _run(arguments: argparse.Namespace, console: Console) -> tuple[RunScores, int]:
    folder: Path = arguments.out
    profile = fitted_profile(find_profile(), folder)
    environment = isolated_environment(free_domain(), profile.resolve() if profile else None)
    environment["PYTHONPATH"] = f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"
    os.environ.update(environment)
    camera = StreetCamera()
    programs = Programs(
        node=_node_command(arguments.engine),
        source=_bridge_command(arguments.seconds, folder),
        name="simulator",
        report=folder / "simulator.json",
        folder=folder,
        frames=round(arguments.seconds * RATE),
    )
    columns = BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with (
        tempfile.TemporaryDirectory(prefix=".frames_", dir=folder) as frames,
        Progress(TextColumn("{task.description}"), *columns, console=console) as progress,
    ):
        recording = Recording(Path(frames))
        with TopicRecorder(recording, _IMAGES, NODE):
            played = run_programs(programs, recording, environment, progress)
        snapshots = read_truth(folder / TRUTH)
        scores = score_run(snapshots, recording, camera)
        facts: dict[str, Any] = {
            "model": recording.answers[-1].model_id if recording.answers else None,
            "engine": recording.diagnostics.get("engine"),
            "images_a_second_of_wall_time": round(played.rate, 2),
        }
        write_json(folder / SCORES, scores.to_values() | facts)
        if recording.answers:
            task = progress.add_task("drawing", total=len(snapshots))
            draw_overlay(
                snapshots, recording, camera, _IMAGES, folder, lambda: progress.advance(task)
            )
        draw_from_above(scores.scene, folder)
    return scores, played.node_exit_code


def _node_command(engine: str) -> list[str]:
    parameters = {
        "autostart": "true",
        "use_sim_time": "true",
        # So that a frame not answered is the machine's doing, never the transport's.
        "image_reliability": "reliable",
        "target_frame": BASE_FRAME,
        "fixed_frame": FIXED_FRAME,
        "engine": engine,
        "bundle": str(default_bundle_path().resolve()),
    }
    command = [sys.executable, "-m", "convlstm_perception.ros.node", "--ros-args"]
    name = NODE.rpartition("/")[2]
    infos = f"{_IMAGES.rpartition('/')[0]}/camera_info"
    for remapping in (
        f"__ns:={NAMESPACE}",
        f"__node:={name}",
        f"image:={_IMAGES}",
        f"camera_info:={infos}",
    ):
        command += ["-r", remapping]
    for parameter, value in parameters.items():
        command += ["-p", f"{parameter}:={value}"]
    return command


def _bridge_command(seconds: float, folder: Path) -> list[str]:
    command = [sys.executable, "-m", "convlstm_perception_sim.bridge"]
    command += ["--seconds", f"{seconds:g}", "--namespace", NAMESPACE]
    command += ["--truth", str(folder / TRUTH), "--report", str(folder / "simulator.json")]
    # The node and the recorder.
    command += ["--wait-for-subscribers", "2", "--start-delay", f"{_DISCOVERY_SECONDS:g}"]
    return command


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
