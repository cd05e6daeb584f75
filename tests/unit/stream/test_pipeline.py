"""The pipeline on real graphs in ONNX Runtime: the tiny ones, and the shipped bundle's."""

from __future__ import annotations

import numpy as np
import pytest

from convlstm_perception.engine import (
    EngineSettings,
    HostBackend,
    ModelBundle,
    MotionModel,
    OnnxRuntimeEngine,
    default_bundle_path,
)
from convlstm_perception.errors import EngineError, FrameOrderError
from convlstm_perception.stream import CameraPipeline, PipelineSettings
from convlstm_perception.stream.letterbox import Letterbox
from convlstm_perception.types import NANOSECONDS_PER_SECOND, Frame, PerceptionResult
from tests.support.graphs import SLOTS, STEP, write_tiny_bundle


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> MotionModel:
    folder = write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")
    return MotionModel.load(ModelBundle.load(folder), EngineSettings(threads=1))


@pytest.fixture(scope="module", params=["tiny", "shipped"])
def model(request: pytest.FixtureRequest, tiny: MotionModel) -> MotionModel:
    if request.param == "tiny":
        return tiny
    return MotionModel.load(ModelBundle.load(default_bundle_path()), EngineSettings(threads=1))


def scene(step: int, height: int = 192, width: int = 320, seed: int = 0) -> np.ndarray:
    """A dark, grainy image with a bright figure that walks to the right."""
    image = np.random.default_rng([seed, step]).integers(0, 40, (height, width, 3), np.uint8)
    left = 40 + 6 * step
    image[60:140, left : left + 36] = 255
    return image


def frame(step: int, seed: int = 0, **size: int) -> Frame:
    stamp = round(step * STEP * NANOSECONDS_PER_SECOND)
    return Frame(scene(step, seed=seed, **size), stamp, "camera")


def same(first: PerceptionResult, second: PerceptionResult, tolerance: float) -> bool:
    pairs = [
        (first.detections.boxes, second.detections.boxes),
        (first.detections.scores, second.detections.scores),
        (first.detections.trajectories.boxes, second.detections.trajectories.boxes),
        (first.detections.trajectories.variances, second.detections.trajectories.variances),
    ]
    return all(
        a.shape == b.shape and np.allclose(a, b, rtol=tolerance, atol=tolerance) for a, b in pairs
    )


def test_the_cached_window_equals_recomputing_every_frame(model: MotionModel) -> None:
    """Features once and a ring give what encoding the whole window anew for each frame gives."""
    settings = PipelineSettings(low_threshold=0.001)
    cached = CameraPipeline(model, settings)
    slots, found = model.bundle.slots, 0
    for step in range(slots + 3):
        result = cached.process(frame(step))
        anew = CameraPipeline(model, settings)
        for earlier in range(max(0, step - slots + 1), step + 1):
            recomputed = anew.process(frame(earlier))
        assert same(result, recomputed, 1e-4)
        found += len(result.detections)
    assert found


def test_an_answer_depends_on_the_last_window_only(model: MotionModel) -> None:
    """Garbage older than the window leaves no trace: bit for bit as a fresh start."""
    settings = PipelineSettings(low_threshold=0.001)
    slots = model.bundle.slots
    poisoned, fresh = CameraPipeline(model, settings), CameraPipeline(model, settings)
    for step in range(slots):
        poisoned.process(Frame(255 - scene(step, seed=9), frame(step).stamp_ns))
    differed = False
    for step in range(slots, 2 * slots):
        last, expected = poisoned.process(frame(step)), fresh.process(frame(step))
        differed |= not same(last, expected, 0.0)
    assert same(last, expected, 0.0)
    assert differed  # while the garbage was in the window it did have influence


def test_a_walking_figure_becomes_one_track(tiny: MotionModel) -> None:
    pipeline = CameraPipeline(tiny, PipelineSettings())
    results = [pipeline.process(frame(step)) for step in range(8)]
    assert [len(result.tracks) for result in results] == [0] + [1] * 7
    assert {int(result.tracks.ids[0]) for result in results[1:]} == {1}
    centre = results[-1].tracks.boxes[0, :2]
    assert np.abs(centre - [40 + 6 * 7 + 18, 100]).max() < 16  # a cell of the grid
    assert results[-1].frame_id == "camera"
    assert results[-1].stamp_ns == frame(7).stamp_ns
    assert set(results[-1].latencies) == {"preprocess", "encoder", "motion", "decode", "track"}


def test_more_answered_detections_leave_the_tracks_as_they_are(tiny: MotionModel) -> None:
    usual = CameraPipeline(tiny, PipelineSettings())
    complete = CameraPipeline(tiny, PipelineSettings(), lowest_score=0.01)
    more = 0
    for step in range(6):
        expected, result = usual.process(frame(step)), complete.process(frame(step))
        more += len(result.detections) - len(expected.detections)
        assert np.array_equal(result.tracks.ids, expected.tracks.ids)
        assert np.array_equal(result.tracks.boxes, expected.tracks.boxes)
    assert more > 0


def test_old_and_double_frames_change_nothing(tiny: MotionModel) -> None:
    pipeline = CameraPipeline(tiny, PipelineSettings())
    other = CameraPipeline(tiny, PipelineSettings())
    for step in range(3):
        pipeline.process(frame(step))
        other.process(frame(step))
    for step in (2, 1):
        with pytest.raises(FrameOrderError, match="older than the last one"):
            pipeline.process(frame(step))
    assert same(pipeline.process(frame(3)), other.process(frame(3)), 0.0)


def test_a_jump_in_time_or_a_new_size_restarts(tiny: MotionModel) -> None:
    pipeline = CameraPipeline(tiny, PipelineSettings())
    for step in range(100, 103):
        assert pipeline.process(frame(step)).restarted == ""
    back = pipeline.process(frame(10))
    assert "time jumped back by 9.2" in back.restarted and back.valid_slots == 1
    gap = pipeline.process(frame(10 + SLOTS + 5))
    assert "no usable frame for" in gap.restarted and gap.valid_slots == 1
    wide = pipeline.process(frame(10 + SLOTS + 6, width=400))
    assert "image size changed to 400x192" in wide.restarted and wide.valid_slots == 1
    assert pipeline.process(frame(10 + SLOTS + 7, width=400)).restarted == ""


class NotFinite:
    """An engine whose answer is not a number, around a real one."""

    def __init__(self, engine) -> None:
        self._engine, self.inputs, self.outputs = engine, engine.inputs, engine.outputs
        self.backend = engine.backend

    def run(self, inputs, outputs) -> None:
        self._engine.run(inputs, outputs)
        outputs["future_boxes"][0, 0, 0, 0] = np.nan


def test_an_answer_that_is_not_finite_is_refused(tiny: MotionModel) -> None:
    bundle = tiny.bundle
    motion = NotFinite(OnnxRuntimeEngine(bundle.motion_path))
    broken = MotionModel(
        bundle, HostBackend(bundle, OnnxRuntimeEngine(bundle.encoder_path), motion)
    )
    with pytest.raises(EngineError, match="'future_boxes' of the motion graph is not finite"):
        CameraPipeline(broken, PipelineSettings()).process(frame(0))


@pytest.mark.parametrize(("height", "width"), [(576, 768), (1080, 1920), (100, 2000), (50, 40)])
def test_letterbox_puts_boxes_back(height: int, width: int) -> None:
    letterbox = Letterbox(height, width, 384, 640)
    canvas = np.zeros((384, 640, 3), np.uint8)
    letterbox.clear(canvas)
    image = np.zeros((height, width, 3), np.uint8)
    x, y, w, h = width // 2, height // 3, width // 5, height // 4
    image[y : y + h, x : x + w] = 255
    letterbox.apply(image, canvas)
    rows, columns = np.nonzero(canvas[..., 0] > 200)
    seen = np.array(
        [
            (columns.min() + columns.max() + 1) / 2,
            (rows.min() + rows.max() + 1) / 2,
            columns.max() + 1 - columns.min(),
            rows.max() + 1 - rows.min(),
        ],
        np.float32,
    )
    expected = [x + w / 2, y + h / 2, w, h]
    slack = 2.0 / letterbox.scale + 1
    np.testing.assert_allclose(letterbox.boxes_to_image(seen), expected, atol=slack)
    assert (canvas[0] == 114).all() or (canvas[:, 0] == 114).all() or letterbox.size == (384, 640)
