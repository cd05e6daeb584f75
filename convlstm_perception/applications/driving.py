"""Driving: the shipped pedestrian model in this process, before a scene whose truth is known.

What the rest of this project does on real video and in a simulator, made small: no ROS, no
download. The scene is generated (drawn figures walking about before a raised camera), so its
figures say nothing about real streets.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image as Pillow
from rich.console import Console
from rich.progress import Progress

from convlstm_perception.applications.request import ApplicationRequest, DataUsed
from convlstm_perception.data.sequence import AnnotatedSequence, FrameTruth
from convlstm_perception.data.synthetic_scene import SyntheticScene
from convlstm_perception.engine import EngineSettings, ModelBundle, MotionModel, default_bundle_path
from convlstm_perception.errors import ParameterError
from convlstm_perception.evaluation.contenders import ModelContender
from convlstm_perception.evaluation.contest import Answers, answer, score
from convlstm_perception.evaluation.figures import contender_figures, key_figures
from convlstm_perception.evaluation.machine import machine
from convlstm_perception.types import Image
from convlstm_perception.visualization.overlay import OverlayRenderer
from convlstm_perception.visualization.page import write_json

NAME = "driving"

_RATE = 10.0  # frames a second
_SECONDS, _SMOKE_SECONDS = 30.0, 6.0
_GIF_WIDTH = 480  # pixels
_GIF_FRAMES = 40
_NOTE = (
    "the scene is generated: for real video `make demo`, for a simulated street `make sim-demo`, "
    "for annotated recordings `convlstm-perception evaluate`"
)


def run(request: ApplicationRequest) -> None:
    """Answer the scene, score the answers, and write figures and pictures.

    Raises:
        ParameterError: when data of one's own is named; other commands take them.
        PerceptionError: when the bundle cannot be used.
    """
    if request.data is not None or request.full:
        raise ParameterError(
            f"{NAME}: takes no --data and no --full; convlstm-perception evaluate judges the "
            "model on recordings, convlstm-perception demo shows it on a video"
        )
    seconds = _SMOKE_SECONDS if request.smoke else _SECONDS
    scene = SyntheticScene(frame_rate=_RATE, frame_count=round(seconds * _RATE), seed=request.seed)
    bundle = ModelBundle.load(default_bundle_path())
    contender = ModelContender(MotionModel.load(bundle, EngineSettings()))
    with Progress(console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task("answering frames", total=scene.frame_count)
        answers = answer(contender, annotated(scene), 1, lambda: progress.advance(task))
    outcome = score(contender, [answers])
    used = DataUsed(scene.name, False, "", "SyntheticScene of this package")
    values: dict[str, Any] = {
        "use": NAME,
        "data": {"name": used.name, "real": used.real, "source": used.source},
        "notes": [_NOTE],
        "summary": key_figures([outcome]),
        "model": bundle.model_id,
        "setting": {"seconds": seconds, "frames_per_second": _RATE, "seed": request.seed},
        "machine": machine(),
        "figures": contender_figures(outcome),
    }
    request.output.mkdir(parents=True, exist_ok=True)
    write_json(request.output / "scores.json", values)
    _draw(scene, answers, bundle.model_id, request.output)
    told = (f"{key} {value}" for key, value in values["summary"].items() if value is not None)
    print(f"{NAME}: {scene.name}: {', '.join(told)}")
    print(f"Note: {_NOTE}")
    print(f"{request.output}: scores.json, overlay.png, overlay.gif")


def annotated(scene: SyntheticScene) -> AnnotatedSequence:
    """The scene with its true boxes; figures behind others are asked for like the rest."""
    count = scene.frame_count or 0
    truths = {}
    for index in range(count):
        boxes = scene.boxes(index)
        truths[index] = FrameTruth(np.arange(len(boxes), dtype=np.int64), boxes)
    return AnnotatedSequence(scene.name, scene.frame_rate, scene.width, scene.height, truths, scene)


def _draw(scene: SyntheticScene, answers: Answers, title: str, folder: Path) -> None:
    """Write the last frame with its answer as a picture, and the last frames as a GIF."""
    renderer = OverlayRenderer(title=title)
    frames: list[Image] = []
    for frame, result in zip(answers.frames, answers.results, strict=True):
        frames.append(renderer.draw(scene.image(frame), result))
        frames = frames[-_GIF_FRAMES:]
    cv2.imwrite(str(folder / "overlay.png"), frames[-1])
    height = round(_GIF_WIDTH * scene.height / scene.width)
    small = [
        Pillow.fromarray(
            cv2.resize(frame, (_GIF_WIDTH, height), interpolation=cv2.INTER_AREA)[..., ::-1]
        )
        for frame in frames
    ]
    small[0].save(
        folder / "overlay.gif",
        save_all=True,
        append_images=small[1:],
        duration=round(1e3 / _RATE),
        loop=0,
    )
