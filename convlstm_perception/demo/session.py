"""One run of a demo: the node and what feeds it as two processes, watched to their end."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress, TaskID

from convlstm_perception.demo.processes import Child, ChildError
from convlstm_perception.demo.recording import Recording

NAMESPACE = "/demo"
IMAGE_TOPIC = f"{NAMESPACE}/camera/image"
NODE = f"{NAMESPACE}/perception"

_READY_SECONDS = 180.0
_POLL_SECONDS = 0.1
_QUIET_SECONDS = 2.0
_LAST_ANSWER_SECONDS = 20.0
_DISCOVERY_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What is played to which node.

    Attributes:
        video: video file or folder of images.
        rate: frames a second.
        frames: number of frames to play, or None for all.
        bundle: model bundle of the node.
        engine: inference engine of the node.
        folder: existing folder for logs.
    """

    video: Path
    rate: float
    frames: int | None
    bundle: Path
    engine: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Programs:
    """What runs in a session, as command lines.

    Attributes:
        node: the node's.
        source: of what publishes images until it has no more.
        name: of the source, for people and for its log.
        report: JSON file that the source writes at its end: ``images`` and their ``rate``.
        folder: existing folder for logs.
        frames: number of frames to expect, or None where nobody can tell.
    """

    node: Sequence[str]
    source: Sequence[str]
    name: str
    report: Path
    folder: Path
    frames: int | None


@dataclass(frozen=True, slots=True)
class Played:
    """What the source says it published, and how the node ended.

    Attributes:
        images: number of images.
        rate: images a second that it reached.
        node_exit_code: of the node, asked to end after the last answer; 0 is clean.
    """

    images: int
    rate: float
    node_exit_code: int


def run_session(
    settings: SessionSettings,
    recording: Recording,
    environment: Mapping[str, str],
    progress: Progress,
) -> Played:
    """Play the video to the node while ``recording`` is filled by a subscriber.

    Args:
        settings: what to play.
        recording: filled meanwhile by another thread of this process.
        environment: ROS variables that this process, too, lives with.
        progress: shows how far it is.

    Returns:
        What was played.

    Raises:
        ChildError: the node or the player died, or the node did not become ready.
    """
    report = settings.folder / "player.json"
    programs = Programs(
        node=_node_command(settings),
        source=_player_command(settings, report),
        name="player",
        report=report,
        folder=settings.folder,
        frames=settings.frames,
    )
    return run_programs(programs, recording, environment, progress)


def run_programs(
    programs: Programs, recording: Recording, environment: Mapping[str, str], progress: Progress
) -> Played:
    """Run a node and its source of images while ``recording`` is filled by a subscriber.

    Args:
        programs: what runs.
        recording: as for :func:`run_session`.
        environment: likewise.
        progress: likewise.

    Returns:
        What was played.

    Raises:
        ChildError: the node or the source died, or the node did not become ready.
    """
    everything = {**os.environ, **environment}
    programs.report.unlink(missing_ok=True)
    task = progress.add_task("starting the node and loading the model", total=programs.frames)
    node_log, source_log = programs.folder / "node.log", programs.folder / f"{programs.name}.log"
    with (
        Child("node", programs.node, node_log, everything) as node,
        Child(programs.name, programs.source, source_log, everything) as source,
    ):
        _await_first_image(recording, node, source)
        _follow(recording, node, source, progress, task)
        if source.exit_code != 0:
            source.check_running()
        progress.update(task, description="waiting for the last answers")
        _await_quiet(recording, node)
        node_exit_code = node.stop()
    values = json.loads(programs.report.read_text())
    return Played(int(values["images"]), float(values["rate"]), node_exit_code)


def _node_command(settings: SessionSettings) -> list[str]:
    parameters = {
        "autostart": "true",
        # So that a frame not answered is the machine's doing, never the transport's.
        "image_reliability": "reliable",
        "engine": settings.engine,
        "bundle": str(settings.bundle.resolve()),
    }
    command = [sys.executable, "-m", "convlstm_perception.ros.node", "--ros-args"]
    name = NODE.rpartition("/")[2]
    for remapping in (f"__ns:={NAMESPACE}", f"__node:={name}", f"image:={IMAGE_TOPIC}"):
        command += ["-r", remapping]
    for parameter, value in parameters.items():
        command += ["-p", f"{parameter}:={value}"]
    return command


def _player_command(settings: SessionSettings, report: Path) -> list[str]:
    command = [sys.executable, "-m", "convlstm_perception.cli.main", "play", str(settings.video)]
    command += ["--topic", IMAGE_TOPIC, "--rate", f"{settings.rate:g}", "--report", str(report)]
    # The node and this process's recorder; then the time after which Fast DDS repeats an
    # announcement that was lost: a subscriber may be known before it knows the publisher.
    command += ["--wait-for-subscribers", "2", "--start-delay", f"{_DISCOVERY_SECONDS:g}"]
    if settings.frames is not None:
        command += ["--frames", str(settings.frames)]
    return command


def _await_first_image(recording: Recording, node: Child, source: Child) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while recording.counts[0] == 0:
        node.check_running()
        if recording.problem:
            raise ChildError(f"the node reports: {recording.problem}. See {node.log}.")
        if source.exit_code == 0:
            raise ChildError(
                f"the {source.name} ended, but no image arrived. Check that /dev/shm has 256 MB "
                "free (Docker: --shm-size=512m) and that no firewall closes the loopback interface."
            )
        source.check_running()
        if time.monotonic() > deadline:
            lines = "\n".join(f"    {line}" for line in node.last_lines())
            raise ChildError(
                f"the node did not become active within {_READY_SECONDS:.0f} s. The last lines "
                f"of {node.log}:\n{lines}"
            )
        time.sleep(_POLL_SECONDS)


def _follow(
    recording: Recording, node: Child, source: Child, progress: Progress, task: TaskID
) -> None:
    while source.exit_code is None:
        node.check_running()
        images, answers = recording.counts
        progress.update(
            task, completed=images, description=f"playing: {answers} of {images} frames answered"
        )
        time.sleep(_POLL_SECONDS)


def _await_quiet(recording: Recording, node: Child) -> None:
    """Wait until no more answers come."""
    deadline = time.monotonic() + _LAST_ANSWER_SECONDS
    answers, changed = recording.counts[1], time.monotonic()
    while time.monotonic() < min(deadline, changed + _QUIET_SECONDS):
        node.check_running()
        if recording.counts[1] != answers:
            answers, changed = recording.counts[1], time.monotonic()
        time.sleep(_POLL_SECONDS)
