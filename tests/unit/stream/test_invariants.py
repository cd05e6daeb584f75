"""What holds of every stream, whatever befalls it."""

from __future__ import annotations

import numpy as np
import pytest

from convlstm_perception.engine import EngineSettings, ModelBundle, MotionModel
from convlstm_perception.engine.runtime import Window
from convlstm_perception.stream import CameraPipeline, CameraRig, PipelineSettings
from convlstm_perception.stream.pipeline import PreparedFrame
from convlstm_perception.stream.rig import result_of
from convlstm_perception.types import Frame, PerceptionResult
from tests.support.graphs import SLOTS, write_tiny_bundle

PERIOD_NS = 100_000_000


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> MotionModel:
    folder = write_tiny_bundle(tmp_path_factory.mktemp("invariants") / "tiny")
    return MotionModel.load(ModelBundle.load(folder), EngineSettings())


def frame(step: int, offset: int = 0) -> Frame:
    image = np.full((96, 160, 3), 20, np.uint8)
    left = 20 + (3 * step + offset) % 100
    image[30:70, left : left + 18] = 255
    return Frame(image, step * PERIOD_NS, "camera")


def values(result: PerceptionResult) -> list[object]:
    """Every number of an answer but the tracks' ids."""
    tracks, detections = result.tracks, result.detections
    arrays = [detections.boxes, detections.scores, tracks.boxes, tracks.scores, tracks.coasting]
    for trajectories in (detections.trajectories, tracks.trajectories):
        arrays += [trajectories.boxes, trajectories.variances]
    return [result.status, result.status_reason, *(array.tolist() for array in arrays)]


@pytest.mark.parametrize("lost", [0, 1, 2, 3])
def test_a_frame_after_a_loss_has_its_true_interval(model: MotionModel, lost: int) -> None:
    pipeline = CameraPipeline(model, PipelineSettings())
    for step in range(6):
        pipeline.process(frame(step))
    prepared = pipeline.prepare(frame(6 + lost))
    assert isinstance(prepared, PreparedFrame) and isinstance(prepared.step, Window)
    valid = [0 < slot <= lost for slot in range(SLOTS)]
    assert prepared.step.valid[0].tolist() == [0.0 if missing else 1.0 for missing in valid]
    expected = np.float32(0.1 * (lost + 1)) if lost < SLOTS - 1 else 0.0
    assert prepared.step.dt[0, 0] == expected


def test_reset_is_a_fresh_start(model: MotionModel) -> None:
    used, fresh = (CameraPipeline(model, PipelineSettings()) for _ in range(2))
    for step in range(1000, 1007):
        used.process(frame(step, offset=40))
    used.reset()
    for step in range(8):
        assert values(used.process(frame(step))) == values(fresh.process(frame(step)))


def test_cameras_of_a_rig_do_not_touch_each_other(model: MotionModel) -> None:
    rig = CameraRig(model, PipelineSettings(), ["good", "bad"])
    alone = CameraPipeline(model, PipelineSettings())
    black = Frame(np.zeros((96, 160, 3), np.uint8), 7 * PERIOD_NS, "camera")
    large = Frame(np.full((50, 300, 3), 90, np.uint8), 8 * PERIOD_NS, "camera")
    faults = {7: black, 8: large, 9: frame(2), 10: frame(100_000), 11: frame(11)}
    for step in range(16):
        other = faults.get(step, frame(step, offset=50))
        answers = rig.process({"good": frame(step), "bad": other})
        expected = alone.process(frame(step))
        assert values(result_of(answers["good"])) == values(expected)
        if step == 12:
            rig.reset("bad")
