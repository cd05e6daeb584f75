"""The pictures of a run: the overlay, the page that plays it, and the street from above."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from convlstm_perception.demo.recording import Recording
from convlstm_perception.evaluation import plots
from convlstm_perception.evaluation.ground.birds_eye import BirdsEye
from convlstm_perception.replay.recording import RecordedCamera
from convlstm_perception.replay.report import ReplayReport
from convlstm_perception.types import Float32Array, Image
from convlstm_perception.visualization.overlay import OverlayRenderer
from convlstm_perception.visualization.video_file import VideoFile
from convlstm_perception_sim.bridge import RATE
from convlstm_perception_sim.camera import StreetCamera
from convlstm_perception_sim.scoring import as_answer, asked_for
from convlstm_perception_sim.snapshot import Snapshot

OVERLAY, FROM_ABOVE = "overlay.mp4", "birds_eye.png"
_TRUTH = 245, 245, 245  # colour


def draw_overlay(
    snapshots: Sequence[Snapshot],
    recording: Recording,
    camera: StreetCamera,
    topic: str,
    folder: Path,
    advance: Callable[[], None],
) -> None:
    """Draw every image with its answer and, thin and white, the true boxes of who is asked for.

    Args:
        snapshots: what was published.
        recording: what was received and answered.
        camera: that saw it.
        topic: of the images.
        folder: for the video and the page.
        advance: called after each image.
    """
    recorded = RecordedCamera("", topic, "", None, frozenset(), RATE)
    answers = recording.answers
    renderer = OverlayRenderer(title=answers[-1].model_id)
    path = folder / OVERLAY
    with (
        ReplayReport(folder) as report,
        VideoFile(path, "mp4v", RATE, camera.width, camera.height) as video,
    ):
        for snapshot in snapshots:
            image, answer = recording.image(snapshot.stamp_ns), recording.answer(snapshot.stamp_ns)
            if image is not None:
                canvas = image if answer is None else renderer.draw(image, as_answer(answer))
                canvas = _with_boxes(canvas, asked_for(snapshot, camera).boxes)
                video.write(canvas)
                if answer is not None:
                    report.add(recorded, canvas, as_answer(answer))
            advance()
        report.write(_page_figures(snapshots, recording, topic))


def draw_from_above(scene: BirdsEye, folder: Path) -> None:
    """Everybody's true ways beside the published tracks, and one moment's predictions."""
    (folder / FROM_ABOVE).write_bytes(plots.from_above(scene))


def _with_boxes(image: Image, boxes: Float32Array) -> Image:
    canvas = np.ascontiguousarray(image).copy()
    for x, y, width, height in boxes.tolist():
        corners = (x - width / 2, y - height / 2), (x + width / 2, y + height / 2)
        first, second = ((round(across), round(down)) for across, down in corners)
        cv2.rectangle(canvas, first, second, _TRUTH, 1)
    return canvas


def _page_figures(
    snapshots: Sequence[Snapshot], recording: Recording, topic: str
) -> dict[str, Any]:
    answers = recording.answers
    camera = {
        "topic": topic,
        "images": len(snapshots),
        "answered": len(answers),
        "unusable": 0,
        "passed_over": len(snapshots) - len(answers),
        "refused": {},
        "frames_a_second": RATE,
        "identical": 0,
        "different": 0,
        "other_models": [],
    }
    return {
        "bag": "sim-demo",
        "model": answers[-1].model_id,
        "engine": recording.diagnostics.get("engine", "unknown"),
        "cameras": [camera],
    }
