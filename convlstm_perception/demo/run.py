"""The demo from the choice of a video to the page that tells how it went."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from convlstm_perception.demo.footage import Footage, choose_footage
from convlstm_perception.demo.media import draw_recording
from convlstm_perception.demo.page import summary, write_detections, write_page
from convlstm_perception.demo.processes import (
    ChildError,
    find_profile,
    fitted_profile,
    free_domain,
    isolated_environment,
)
from convlstm_perception.demo.recording import Recording
from convlstm_perception.demo.session import IMAGE_TOPIC, NODE, SessionSettings, run_session
from convlstm_perception.demo.statistics import RunStatistics, Verdict, gather, judge
from convlstm_perception.engine import ENGINE_CHOICES, ModelBundle, default_bundle_path
from convlstm_perception.errors import ParameterError
from convlstm_perception.visualization.page import write_json

EXIT_FAILED = 1

StartRecorder = Callable[[Recording, str, str], AbstractContextManager[object]]


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """What the demo plays and where it writes.

    Attributes:
        folder: for everything that is written; made when missing.
        video: video or folder of images, or None for the demo's own.
        generated: play the generated scene.
        rate: frames a second, or None for the video's own.
        seconds: how long to play, or None for all of it.
        bundle: model bundle, or None for the shipped one.
        engine: inference engine of the node.
    """

    folder: Path
    video: Path | None
    generated: bool
    rate: float | None
    seconds: float | None
    bundle: Path | None
    engine: str


def run_demo(settings: DemoSettings, start_recorder: StartRecorder) -> int:
    """Play, record, draw and report.

    Args:
        settings: of the demo.
        start_recorder: given a recording, the image topic and the node's full name,
            gives a context in which the topics are recorded.

    Returns:
        Exit code: 0 when enough frames were answered, or when the measured times show
        that this machine is too slow; 1 otherwise.

    Raises:
        BundleError: the model bundle cannot be used.
        ParameterError: there is no such engine.
        SourceError: the given video cannot be played, or the folder not be written.
    """
    console = Console(highlight=False)
    if settings.engine not in ENGINE_CHOICES:
        choices = ", ".join(ENGINE_CHOICES)
        raise ParameterError(f"--engine {settings.engine}: unknown engine. Choose from {choices}.")
    bundle = ModelBundle.load(settings.bundle or default_bundle_path())
    settings.folder.mkdir(parents=True, exist_ok=True)
    footage = choose_footage(
        settings.video,
        generated=settings.generated,
        rate=settings.rate,
        seconds=settings.seconds,
        report=lambda line: console.print(line, markup=False, soft_wrap=True),
    )
    length = f", {footage.frames} frames" if footage.frames is not None else ""
    console.print(
        f"playing {footage.description} at {footage.rate:g} Hz{length}; model {bundle.model_id}",
        markup=False,
        soft_wrap=True,
    )
    try:
        run, verdict = _play_and_draw(settings, footage, bundle, start_recorder, console)
    except ChildError as error:
        console.print(f"demo failed: {error}", style="red", markup=False, soft_wrap=True)
        return EXIT_FAILED
    _print_result(settings.folder, run, verdict, console)
    return 0 if verdict.passed else EXIT_FAILED


def _play_and_draw(
    settings: DemoSettings,
    footage: Footage,
    bundle: ModelBundle,
    start_recorder: StartRecorder,
    console: Console,
) -> tuple[RunStatistics, Verdict]:
    folder = settings.folder
    profile = fitted_profile(find_profile(), folder)
    environment = isolated_environment(free_domain(), profile.resolve() if profile else None)
    os.environ.update(environment)
    columns = BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with (
        tempfile.TemporaryDirectory(prefix=".frames_", dir=folder) as frames,
        Progress(TextColumn("{task.description}"), *columns, console=console) as progress,
    ):
        recording = Recording(Path(frames))
        session = SessionSettings(
            video=footage.path,
            rate=footage.rate,
            frames=footage.frames,
            bundle=bundle.folder,
            engine=settings.engine,
            folder=folder,
        )
        with start_recorder(recording, IMAGE_TOPIC, NODE):
            played = run_session(session, recording, environment, progress)
        task = progress.add_task("drawing", total=recording.counts[0])
        videos, sheet = draw_recording(
            recording, folder, footage.rate, lambda: progress.advance(task)
        )
        run = gather(recording, footage.rate, played.images, played.rate)
        verdict = judge(run)
        if played.node_exit_code != 0:
            complaint = f"The node did not end cleanly: exit code {played.node_exit_code}."
            verdict = Verdict(False, f"{verdict.text} {complaint} See node.log.")
        write_detections(folder / "detections.jsonl", recording)
        write_json(folder / "summary.json", summary(run, verdict, footage.description))
        page = folder / "summary.html"
        write_page(page, run, verdict, footage.description, recording.answers, videos, sheet)
    return run, verdict


def _print_result(folder: Path, run: RunStatistics, verdict: Verdict, console: Console) -> None:
    style = "green" if verdict.passed else "red"
    console.print(verdict.text, style=style, markup=False, soft_wrap=True)
    if run.answered:
        console.print(
            f"stamp to answer {run.latency.p50:.0f} ms (median), {run.latency.p99:.0f} ms (p99); "
            f"{run.people:.1f} tracks a frame; engine {run.engine}",
            markup=False,
            soft_wrap=True,
        )
    for name in ("summary.html", "overlay.mp4", "contact_sheet.png", "detections.jsonl"):
        if (folder / name).exists():
            console.print(f"  {folder / name}", markup=False, soft_wrap=True)
