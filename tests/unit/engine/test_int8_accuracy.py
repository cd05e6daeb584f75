"""What int8 costs in AP50 on PETS2009 S2.L1, beside single precision on the same machine."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from convlstm_perception.cli.compile import CALIBRATION_FRAMES
from convlstm_perception.data.demo_video import find_demo_video
from convlstm_perception.data.locate import FOLDERS, data_folder
from convlstm_perception.data.readers.pets import FRAME_RATE, read_pets_xml
from convlstm_perception.data.sequence import FrameTruth
from convlstm_perception.data.video import VideoSource
from convlstm_perception.engine import (
    EngineSettings,
    ModelBundle,
    MotionModel,
    OnnxRuntimeEngine,
    Runtime,
    default_bundle_path,
)
from convlstm_perception.engine.host_runtime import HostRuntime
from convlstm_perception.engine.precision import Role, convert_graph
from convlstm_perception.engine.tensorrt.cache import BuildCache
from convlstm_perception.engine.tensorrt.compilation import compile_bundle
from convlstm_perception.evaluation.answered import AnsweredSequence
from convlstm_perception.evaluation.detection import detection_summary
from convlstm_perception.stream import CameraPipeline, PipelineSettings, places_of
from convlstm_perception.stream.letterbox import Letterbox
from convlstm_perception.types import NANOSECONDS_PER_SECOND, Frame, Image
from tests.support.gpu import why_no_tensorrt

LARGEST_LOSS = 0.02
LOWEST_SCORE = 0.02
LEAST_AP50 = 0.7  # below it, a small loss would say little
ON_GPU, ON_CPU = 400, 20  # frames
FROM = 400  # ranges are measured on frames from here on, of the same camera
MISSING = why_no_tensorrt()


@dataclass(frozen=True)
class Recording:
    """The annotated frames, and images to measure ranges on."""

    images: list[Image]
    truths: Mapping[int, FrameTruth]
    others: list[Image]


@pytest.fixture(scope="module")
def recording() -> Recording:
    folder, video = data_folder(), find_demo_video()
    annotation = folder / FOLDERS["pets"] / "gt.xml" if folder else None
    if video is None or annotation is None or not annotation.exists():
        pytest.skip("the demo's video or its annotation is not on this machine")
    frames = list(VideoSource(video))
    others = frames[FROM :: (len(frames) - FROM) // CALIBRATION_FRAMES]
    return Recording(frames[:ON_GPU], read_pets_xml(annotation), others[:CALIBRATION_FRAMES])


@pytest.fixture(scope="module")
def bundle() -> ModelBundle:
    return ModelBundle.load(default_bundle_path())


def inputs(images: list[Image], bundle: ModelBundle) -> list[np.ndarray]:
    """Images as the encoder takes them."""
    canvas = np.empty((bundle.input_height, bundle.input_width, 3), np.uint8)
    letterbox = Letterbox(*images[0].shape[:2], *canvas.shape[:2])
    letterbox.clear(canvas)
    fitted = []
    for image in images:
        letterbox.apply(image, canvas)
        fitted.append(canvas[None].copy())
    return fitted


def ap50(
    recording: Recording, frames: int, model: MotionModel, runtime: Runtime | None = None
) -> float:
    """Of the first frames, the networks in ``runtime``, or in one of the model's."""
    pipeline = CameraPipeline(model, PipelineSettings(), LOWEST_SCORE, runtime=runtime)
    period = NANOSECONDS_PER_SECOND / FRAME_RATE
    results = [
        pipeline.process(Frame(image, round((number + 1) * period), "camera"))
        for number, image in enumerate(itertools.islice(recording.images, frames))
    ]
    answered = AnsweredSequence("pets", recording.truths, results, FRAME_RATE)
    return detection_summary([answered]).ap50


@pytest.mark.gpu
@pytest.mark.skipif(bool(MISSING), reason=MISSING)
@pytest.mark.timeout(1800)  # builds
def test_int8_engines_find_as_many_people(
    bundle: ModelBundle, recording: Recording, tmp_path: Path
) -> None:
    images = inputs(recording.others, bundle)
    cache = BuildCache(tmp_path)
    compile_bundle(bundle, precision="int8", cache=cache, calibration=images, memory="window")
    found = {}
    for precision in ("fp32", "int8"):
        settings = EngineSettings(precision=precision, engine_cache=str(tmp_path))
        model = MotionModel.load(bundle, settings)
        found[precision] = ap50(recording, ON_GPU, model)
        model.close()
    assert found["fp32"] > LEAST_AP50
    assert found["fp32"] - found["int8"] <= LARGEST_LOSS


def test_int8_graphs_find_as_many_people(
    bundle: ModelBundle, recording: Recording, tmp_path: Path
) -> None:
    """What the engines are built of, node by node in ONNX Runtime, on a few frames."""
    images = inputs(recording.others[::8], bundle)
    engines = []
    roles: dict[Role, Path] = {"encoder": bundle.encoder_path, "motion": bundle.motion_path}
    for role, path in roles.items():
        graph = tmp_path / f"{role}.onnx"
        graph.write_bytes(convert_graph(path, "int8", role=role, calibration=images))
        engines.append(OnnxRuntimeEngine(graph, fused=False))
    model = MotionModel.load(bundle, EngineSettings(engine="onnxruntime-cpu"))
    places = places_of(PipelineSettings(), bundle)
    quantised = ap50(
        recording, ON_CPU, model, HostRuntime(engines[0], engines[1], cameras=1, places=places)
    )
    single = ap50(recording, ON_CPU, model)
    assert single > LEAST_AP50
    assert single - quantised <= LARGEST_LOSS
    model.close()
