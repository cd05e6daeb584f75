"""Several cameras in one rig: what fails for one is that one's alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from convlstm_perception.engine import EngineSettings, ModelBundle, MotionModel
from convlstm_perception.errors import DeviceError, EngineError, FrameOrderError, ParameterError
from convlstm_perception.stream import CameraPipeline, CameraRig, PipelineSettings
from convlstm_perception.stream.rig import result_of
from convlstm_perception.types import AnswerStatus, Frame, PerceptionResult
from tests.support.graphs import SLOTS, write_tiny_bundle

SETTINGS = PipelineSettings(low_threshold=0.001)
CAMERAS = ("left", "middle", "right")
PERIOD = 100_000_000


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    return ModelBundle.load(write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny"))


@pytest.fixture
def model(bundle: ModelBundle, request: pytest.FixtureRequest) -> MotionModel:
    memory = getattr(request, "param", "window")
    settings = EngineSettings(engine="onnxruntime-cpu", threads=1, memory=memory)
    return MotionModel.load(bundle, settings, len(CAMERAS))


both_memories = pytest.mark.parametrize("model", ["window", "stateful"], indirect=True)


def frame(camera: str, step: int) -> Frame:
    image = np.random.default_rng([CAMERAS.index(camera), step]).integers(0, 80, (96, 160, 3))
    image[30:70, 20 + 4 * step : 40 + 4 * step] = 255
    return Frame(image.astype(np.uint8), 10**15 + step * PERIOD, camera)


def frames(step: int) -> dict[str, Frame]:
    return {camera: frame(camera, step) for camera in CAMERAS}


def same(first: PerceptionResult, second: PerceptionResult) -> bool:
    """Bit for bit, but for the numbers of the tracks."""
    pairs = [
        (getattr(first.detections, name), getattr(second.detections, name))
        for name in ("boxes", "scores")
    ]
    for part in ("boxes", "variances"):
        pairs += [
            (
                getattr(first.detections.trajectories, part),
                getattr(second.detections.trajectories, part),
            )
        ]
    return len(first.detections) > 0 and all(np.array_equal(a, b) for a, b in pairs)


class Alone:
    """Each camera answered by a pipeline of its own: what the rig must equal."""

    def __init__(self, model: MotionModel) -> None:
        self._pipelines = {camera: CameraPipeline(model, SETTINGS) for camera in CAMERAS}

    def process(self, camera: str, step: int) -> PerceptionResult:
        return self._pipelines[camera].process(frame(camera, step))


def fail_when(rig: CameraRig, condition: Callable[[int], bool], error: Exception) -> None:
    """Let the runtime of a rig raise in the runs (from 0) that the condition names."""
    run, number = rig._runtime.run, iter(range(10**6))

    def failing(steps):
        outputs = run(steps)
        if condition(next(number)):
            raise error
        return outputs

    rig._runtime.run = failing


@both_memories
def test_cameras_answered_together_equal_each_alone(model: MotionModel) -> None:
    rig, alone = CameraRig(model, SETTINGS, CAMERAS), Alone(model)
    for step in range(2 * SLOTS):
        answers = rig.process(frames(step))
        assert list(answers) == list(CAMERAS)
        for camera in CAMERAS:
            assert same(result_of(answers[camera]), alone.process(camera, step))


def test_a_camera_that_fails_does_not_disturb_the_others(model: MotionModel) -> None:
    """One sends an old frame, a black one, and one that no letterbox takes."""
    rig, alone = CameraRig(model, SETTINGS, CAMERAS), Alone(model)
    rig.process(frames(0))
    for camera in CAMERAS:
        alone.process(camera, 0)
    unfit = frame("middle", 3)
    object.__setattr__(unfit, "image", np.zeros((0, 0, 3), np.uint8))
    black = Frame(np.zeros((96, 160, 3), np.uint8), frame("middle", 2).stamp_ns, "middle")
    for step, wrong in ((1, frame("middle", 0)), (2, black), (3, unfit)):
        answers = rig.process({**frames(step), "middle": wrong})
        for camera in ("left", "right"):
            assert same(result_of(answers[camera]), alone.process(camera, step))
        if step == 1:
            assert isinstance(answers["middle"], FrameOrderError)
            with pytest.raises(FrameOrderError):
                result_of(answers["middle"])
        elif step == 2:
            assert result_of(answers["middle"]).status == AnswerStatus.UNUSABLE
        else:
            assert isinstance(answers["middle"], Exception)
    # And that one is answered again as soon as its images suit.
    for step in range(4, 4 + SLOTS):
        answers = rig.process(frames(step))
        expected = {camera: alone.process(camera, step) for camera in CAMERAS}
    assert all(same(result_of(answers[camera]), expected[camera]) for camera in CAMERAS)


@both_memories
def test_an_error_of_the_engine_takes_back_the_frames_of_all(model: MotionModel) -> None:
    """Afterwards the rig answers as if the batch had never been."""
    rig, alone = CameraRig(model, SETTINGS, CAMERAS), Alone(model)
    broken = EngineError("no")
    fail_when(rig, lambda number: number in (0, 3, 4), broken)
    for step in range(2 * SLOTS):
        answers = rig.process(frames(step))
        if step in (0, 3, 4):
            assert answers == dict.fromkeys(CAMERAS, broken)
            continue
        for camera in CAMERAS:
            result = result_of(answers[camera])
            assert same(result, alone.process(camera, step))
            assert step > 0 or result.valid_slots == 1


@both_memories
@pytest.mark.parametrize("name", ["boxes", "scores", "future_boxes", "future_scales"])
def test_not_a_number_for_one_camera_is_that_ones_alone(model: MotionModel, name: str) -> None:
    rig, alone = CameraRig(model, SETTINGS, CAMERAS), Alone(model)
    run = rig._runtime.run

    def poisoned(steps):
        outputs = run(steps)
        outputs[1][name][0, 0] = np.nan
        return outputs

    for step in range(SLOTS):
        rig._runtime.run = poisoned if step == 2 else run
        answers = rig.process(frames(step))
        for camera in CAMERAS:
            if step == 2 and camera == "middle":
                with pytest.raises(EngineError, match=f"'{name}' of the motion graph is not fin"):
                    result_of(answers[camera])
            else:
                assert same(result_of(answers[camera]), alone.process(camera, step))


def test_an_error_that_nobody_foresaw_is_an_answer_as_well(model: MotionModel) -> None:
    rig = CameraRig(model, SETTINGS, CAMERAS)
    fail_when(rig, lambda number: number == 0, RuntimeError("surprise"))
    assert all(isinstance(answer, RuntimeError) for answer in rig.process(frames(0)).values())
    assert all(isinstance(a, PerceptionResult) for a in rig.process(frames(1)).values())


def test_a_device_that_failed_is_the_callers_to_mend(model: MotionModel) -> None:
    rig = CameraRig(model, SETTINGS, CAMERAS)
    fail_when(rig, lambda number: True, DeviceError("fell off the bus"))
    with pytest.raises(DeviceError, match="fell off the bus"):
        rig.process(frames(0))


def test_settings_change_between_two_frames_for_every_camera(model: MotionModel) -> None:
    rig = CameraRig(model, SETTINGS, CAMERAS)
    for step in range(2):
        answers = rig.process(frames(step))
    assert all(len(result_of(answer).detections) for answer in answers.values())
    rig.reconfigure(PipelineSettings(detection_threshold=1.0, low_threshold=1.0))
    answers = rig.process(frames(2))
    assert not any(len(result_of(answer).detections) for answer in answers.values())
    assert {result_of(answer).valid_slots for answer in answers.values()} == {3}, "buffers stay"


def test_a_camera_is_reset_alone_and_no_name_is_there_twice(model: MotionModel) -> None:
    rig = CameraRig(model, SETTINGS, CAMERAS)
    for step in range(3):
        rig.process(frames(step))
    rig.reset("left")
    answers = rig.process(frames(0) | {camera: frame(camera, 3) for camera in CAMERAS[1:]})
    assert [result_of(answers[camera]).valid_slots for camera in CAMERAS] == [1, 4, 4]
    assert rig.process({}) == {}
    with pytest.raises(ParameterError, match="twice"):
        CameraRig(model, SETTINGS, ("left", "left"))
