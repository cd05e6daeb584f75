"""The replay of a bag, from its images to a bag of answers."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from convlstm_perception.bags import BagReader, BagWriter
from convlstm_perception.engine import EngineSettings, ModelBundle, MotionModel, default_bundle_path
from convlstm_perception.errors import FrameOrderError, ImageError, SourceError
from convlstm_perception.replay.camera import ReplayedCamera
from convlstm_perception.replay.parameters import (
    PARAMETERS_TOPIC,
    PARAMETERS_TYPE,
    RecordedParameters,
)
from convlstm_perception.replay.plan import CameraPlan, plan_cameras
from convlstm_perception.stream import CameraRig
from convlstm_perception.types import Frame
from convlstm_perception.visualization.page import write_json

RESULTS = "results"
_RESULT_FILES = {"metadata.yaml", f"{RESULTS}.mcap"}

Begin = Callable[[str, int | None], Callable[[], None]]
"""Begins to show the progress of so many steps; what it returns is called after each."""


@dataclass(frozen=True)
class ReplayRequest:
    """What is to be replayed.

    Attributes:
        bag: folder of the bag, or its .mcap or .db3 file.
        output: folder for the bag of results, the videos and summary.json.
        bundle: model bundle; None takes the shipped one.
        inference: which engine, and how.
        cameras: topic of the images by the camera's name; None finds them in the bag.
        every_frame: answer also images that the node in the bag did not answer.
        overlay: whether videos are drawn.
    """

    bag: Path
    output: Path
    bundle: Path | None = None
    inference: EngineSettings = field(default_factory=EngineSettings)
    cameras: Mapping[str, str] | None = None
    every_frame: bool = False
    overlay: bool = True


def replay(request: ReplayRequest, begin: Begin) -> dict[str, Any]:
    """Answer the images of a bag; the same bag, bundle and engine give the same answers.

    Args:
        request: what, and where to.
        begin: shows the progress.

    Returns:
        The summary that is also written as summary.json.

    Raises:
        SourceError: when the bag is damaged, or it is not clear what to answer.
        BagError: when the results cannot be written.
        BundleError, EngineError: when the model cannot be loaded or run.
        ParameterError: when the parameters in the bag are out of range.
    """
    bundle = ModelBundle.load(request.bundle or default_bundle_path())
    with BagReader(request.bag) as bag, ExitStack() as stack:
        plans = plan_cameras(bag, request.cameras)
        parameters = _first_parameters(bag, plans)
        _clear(request.output)
        model = MotionModel.load(bundle, request.inference, 1)
        stack.callback(model.close)
        cameras = _cameras(request, bag, plans, bundle)
        rig = CameraRig(model, parameters.pipeline(), [plan.name for plan in plans])
        rig.warm_up()
        for plan in plans:
            rig.reset(plan.name)
        for camera in cameras.values():
            stack.enter_context(camera)
        start = time.perf_counter()
        with BagWriter(request.output / RESULTS) as results:
            _answer(bag, rig, cameras, parameters, results, begin)
        seconds = time.perf_counter() - start
    summary = _summary(request, model, cameras, parameters, seconds)
    write_json(request.output / "summary.json", summary)
    return summary


def _answer(
    bag: BagReader,
    rig: CameraRig,
    cameras: Mapping[str, ReplayedCamera],
    parameters: RecordedParameters,
    results: BagWriter,
    begin: Begin,
) -> None:
    by_topic = {camera.plan.image_topic: camera for camera in cameras.values()}
    total = sum(
        bag.topics[topic].count if camera.expected is None else camera.expected
        for topic, camera in by_topic.items()
    )
    advance = begin("replay", total)
    for topic, time_ns, message in bag.messages([*by_topic, PARAMETERS_TOPIC]):
        if topic == PARAMETERS_TOPIC:
            if parameters.follow(message):
                rig.reconfigure(parameters.pipeline())
            continue
        camera = by_topic[topic]
        try:
            frame = camera.frame(message)
            if frame is None:
                continue
            result = _result(rig, camera.plan.name, frame)
        except (ImageError, FrameOrderError) as error:
            camera.refuse(error)
        else:
            camera.answer(results, time_ns, message.header, frame.image, result)
        advance()


def _result(rig: CameraRig, name: str, frame: Frame) -> Any:
    answer = rig.process({name: frame})[name]
    if isinstance(answer, Exception):
        raise answer
    return answer


def _first_parameters(bag: BagReader, plans: list[CameraPlan]) -> RecordedParameters:
    """The parameters as they were at the first image: memory is laid out by them."""
    parameters = RecordedParameters([plan.prefix for plan in plans])
    if PARAMETERS_TOPIC not in bag.topics_of(PARAMETERS_TYPE):
        return parameters
    images = {plan.image_topic for plan in plans}
    for topic, _, message in bag.messages([PARAMETERS_TOPIC, *images]):
        if topic in images:
            break
        parameters.follow(message)
    return parameters


def _cameras(
    request: ReplayRequest, bag: BagReader, plans: list[CameraPlan], bundle: ModelBundle
) -> dict[str, ReplayedCamera]:
    cameras = {}
    for plan in plans:
        file = f"overlay_{plan.name}.mp4" if plan.name else "overlay.mp4"
        count, seconds = bag.topics[plan.image_topic].count, bag.seconds
        cameras[plan.name] = ReplayedCamera(
            plan,
            bundle,
            every_frame=request.every_frame,
            rate=count / seconds if seconds > 0 else 10.0,
            video=request.output / file if request.overlay else None,
        )
    return cameras


def _clear(output: Path) -> None:
    """Make the folder, and remove the results of an earlier replay."""
    results = output / RESULTS
    try:
        output.mkdir(parents=True, exist_ok=True)
        if results.exists():
            if {path.name for path in results.iterdir()} - _RESULT_FILES:
                raise SourceError(
                    f"{results}: holds other files than a replay writes; give another --output"
                )
            shutil.rmtree(results)
    except OSError as error:
        raise SourceError(f"{output}: cannot be written: {error}; give another --output") from error


def _summary(
    request: ReplayRequest,
    model: MotionModel,
    cameras: Mapping[str, ReplayedCamera],
    parameters: RecordedParameters,
    seconds: float,
) -> dict[str, Any]:
    each = {name: camera.summary() for name, camera in cameras.items()}
    answered = sum(camera["answered"] for camera in each.values())
    return {
        "bag": str(request.bag),
        "model": model.bundle.model_id,
        "engine": model.engine_name,
        "parameters": "of the bag" if parameters.values else "defaults: the bag has none",
        "cameras": each,
        "notes": _notes(request, model, cameras, parameters),
        "seconds": round(seconds, 3),
        "images_per_second": round(answered / seconds, 2) if seconds else 0.0,
    }


def _notes(
    request: ReplayRequest,
    model: MotionModel,
    cameras: Mapping[str, ReplayedCamera],
    parameters: RecordedParameters,
) -> list[str]:
    """What keeps the answers from being those of the node."""
    notes = []
    answers = [answer for camera in cameras.values() for answer in camera.plan.answers]
    others = sorted({answer.model_id for answer in answers} - {model.bundle.model_id})
    if others:
        notes.append(f"the node answered with {', '.join(others)}; replay its bundle with --bundle")
    memory = parameters.values.get("memory", request.inference.memory)
    if memory != request.inference.memory:
        notes.append(f"the node remembered otherwise; replay with --memory {memory}")
    if any(value is True for name, value in parameters.values.items() if _is_rectify(name)):
        notes.append("the node rectified its images; the replay answers them as they came")
    return notes


def _is_rectify(name: str) -> bool:
    return name.rpartition(".")[2] == "rectify"
