"""The shipped bundle's engines on this machine's GPU, beside ONNX Runtime on the CPU."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from convlstm_perception.data.synthetic_scene import SyntheticScene
from convlstm_perception.engine import EngineSettings, ModelBundle, MotionModel, default_bundle_path
from convlstm_perception.engine.device.runtime import DeviceRuntime
from convlstm_perception.engine.runtime import Runtime
from convlstm_perception.engine.tensor_names import ANSWERS
from convlstm_perception.stream.buffer import RollingBuffer, ring_places
from convlstm_perception.stream.memory import FrameMemory
from convlstm_perception.stream.state import StateMemory
from convlstm_perception.types import NANOSECONDS_PER_SECOND, Image
from tests.support.gpu import why_no_tensorrt

MISSING = why_no_tensorrt()
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(bool(MISSING), reason=MISSING)]

MANY, WARM, GROWTH_MB = 10_000, 500, 8
CONFIDENT = 0.3
TOLERANCE, RATE = 0.05, 10.0


@pytest.fixture(scope="module")
def bundle() -> ModelBundle:
    return ModelBundle.load(default_bundle_path())


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engines")


def load(bundle: ModelBundle, cache: Path, precision: str, memory: str = "window") -> MotionModel:
    settings = EngineSettings(precision=precision, memory=memory, engine_cache=str(cache))
    return MotionModel.load(bundle, settings, cameras=2)


def memory_of(bundle: ModelBundle, mode: str) -> FrameMemory:
    slots, step = bundle.slots, bundle.step
    if mode == "stateful":
        return StateMemory(slots=slots, step=step, tolerance=TOLERANCE)
    return RollingBuffer(slots=slots, step=step, tolerance=TOLERANCE, max_rate=RATE)


def answers(model: MotionModel, mode: str, frames: int) -> Iterator[list[np.ndarray]]:
    """Of a model, from the first frame on."""
    places = ring_places(model.bundle.slots, model.bundle.step, TOLERANCE, RATE)
    return answers_of(model.open_runtime(1, places), model.bundle, mode, frames)


def answers_of(
    runtime: Runtime, bundle: ModelBundle, mode: str, frames: int
) -> Iterator[list[np.ndarray]]:
    """Of a generated square with people, frame by frame."""
    memory, images = memory_of(bundle, mode), scene(bundle)
    for number in range(frames):
        runtime.canvas(0)[...] = images[number % len(images)]
        stamp_ns = round(number * bundle.step * NANOSECONDS_PER_SECOND)
        found = runtime.run({0: memory.admit(stamp_ns)})[0]
        yield [found[name].copy() for name in ANSWERS]


@functools.cache
def scene(bundle: ModelBundle) -> list[Image]:
    size = {"width": bundle.input_width, "height": bundle.input_height}
    return list(SyntheticScene(**size, frame_rate=1 / bundle.step, frame_count=60))


@pytest.mark.parametrize("mode", ["window", "stateful"])
@pytest.mark.parametrize(
    ("precision", "pixels", "score"), [("fp32", 1e-3, 1e-3), ("fp16", 0.5, 0.02)]
)
def test_answers_are_those_of_onnx_runtime(
    bundle: ModelBundle, cache: Path, precision: str, pixels: float, score: float, mode: str
) -> None:
    settings = EngineSettings(engine="onnxruntime-cpu", memory=mode)
    reference = MotionModel.load(bundle, settings)
    model = load(bundle, cache, precision, mode)
    compared = 0
    pairs = zip(answers(model, mode, 60), answers(reference, mode, 60), strict=True)
    for (boxes, scores, *_), (expected_boxes, expected_scores, *_) in pairs:
        # Candidates of like scores may change places: each confident one is looked for.
        for box, value in zip(expected_boxes[0], expected_scores[0], strict=True):
            if value >= CONFIDENT:
                nearest = np.abs(boxes[0] - box).max(axis=1).argmin()
                assert np.abs(boxes[0, nearest] - box).max() <= pixels * max(1, box.max() / 640)
                assert abs(scores[0, nearest] - value) <= score
                compared += 1
        if precision == "fp32":
            np.testing.assert_allclose(np.sort(scores), np.sort(expected_scores), atol=score)
    assert compared
    model.close()
    reference.close()


def test_replay_equals_plain_execution(bundle: ModelBundle, cache: Path) -> None:
    """After two rounds of the ring every run is a replay; before, none is."""
    model = load(bundle, cache, "fp16")
    frames = 4 * ring_places(bundle.slots, bundle.step, TOLERANCE, RATE)
    replayed = list(answers(model, "window", frames))
    runtime = model.open_runtime(1, ring_places(bundle.slots, bundle.step, TOLERANCE, RATE))
    assert isinstance(runtime, DeviceRuntime)
    plain = DeviceRuntime(
        runtime._device,
        runtime._encoder._network,
        runtime._motion._network,
        cameras=1,
        places=ring_places(bundle.slots, bundle.step, TOLERANCE, RATE),
        recordings=0,
    )
    expected = list(answers_of(plain, bundle, "window", frames))
    for found, wanted in zip(replayed, expected, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(found, wanted, strict=True))
    plain.close()
    model.close()


def test_ten_thousand_runs_take_no_more_memory(bundle: ModelBundle, cache: Path) -> None:
    cudart = pytest.importorskip("cuda.bindings.runtime")
    model = load(bundle, cache, "fp16")
    stream = answers(model, "window", WARM + MANY)
    for _ in range(WARM):
        next(stream)
    _, before, _ = cudart.cudaMemGetInfo()
    resident = resident_mb()
    for _ in stream:
        pass
    _, after, _ = cudart.cudaMemGetInfo()
    assert before - after <= GROWTH_MB << 20
    assert resident_mb() - resident <= GROWTH_MB
    model.close()


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / (1 << 20)
