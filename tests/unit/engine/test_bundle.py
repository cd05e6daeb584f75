"""Bundles and engines: what is wrong is refused, and named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from convlstm_perception.engine import (
    EngineSettings,
    ModelBundle,
    MotionModel,
    OnnxRuntimeEngine,
    default_bundle_path,
    write_manifest,
)
from convlstm_perception.engine.settings import MemoryMode
from convlstm_perception.errors import BundleError, EngineError, ParameterError
from convlstm_perception.stream import CameraPipeline, PipelineSettings
from convlstm_perception.toml import tomllib
from tests.support.graphs import CANDIDATES, HORIZONS, SLOTS, write_tiny_bundle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_bundle(tmp_path / "tiny")


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "model.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_bundle_reads_back_what_was_written(folder: Path) -> None:
    bundle = ModelBundle.load(folder)
    assert bundle.model_id == "tiny-1.0.0"
    assert (bundle.slots, bundle.candidates, bundle.horizons) == (SLOTS, CANDIDATES, HORIZONS)
    assert (bundle.detection_threshold, bundle.low_threshold) == (0.5, 0.4)
    assert bundle.step_path == folder / "step.onnx"


def test_a_bundle_may_have_no_graph_of_one_step(folder: Path) -> None:
    (folder / "step.onnx").unlink()
    with pytest.raises(BundleError, match=r"step\.onnx: cannot be read"):
        ModelBundle.load(folder)  # for its manifest lists one
    list_what_is_there(folder)
    bundle = ModelBundle.load(folder)
    assert bundle.step_path is None
    assert MotionModel.load(bundle).memory == "window"
    with pytest.raises(BundleError, match=r"'stateful' needs step\.onnx"):
        MotionModel.load(bundle, EngineSettings(memory="stateful"))


def list_what_is_there(folder: Path) -> None:
    """Write the manifest anew, of the graphs that are there."""
    manifest = tomllib.loads((folder / "model.toml").read_text())
    del manifest["format"], manifest["files"]
    write_manifest(folder, manifest)


@pytest.mark.parametrize("name", ["motion", "step"])
def test_a_changed_file_is_refused(folder: Path, name: str) -> None:
    path = folder / f"{name}.onnx"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(
        BundleError, match=rf"{name}\.onnx: sha256 is \w+\.\.\., but model\.toml says"
    ):
        ModelBundle.load(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "encoder.onnx").unlink()
    with pytest.raises(BundleError, match=r"encoder\.onnx: cannot be read"):
        ModelBundle.load(folder)
    with pytest.raises(BundleError, match=r"model\.toml: no such file"):
        ModelBundle.load(folder / "nowhere")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("format = 1", "format = 2", "format 2; this version reads format 1"),
        ('"slots" = 4', '"slot" = 4', "key 'slots' is missing"),
        ('"slots" = 4', '"slots" = "four"', "invalid literal"),
        ("format = 1", "format 1", "not valid TOML"),
    ],
)
def test_a_bad_manifest_is_refused(folder: Path, old: str, new: str, message: str) -> None:
    edit(folder, old, new)
    with pytest.raises(BundleError, match=message):
        ModelBundle.load(folder)


def test_graphs_that_do_not_fit_the_manifest_are_refused(folder: Path) -> None:
    edit(folder, f'"candidates" = {CANDIDATES}', '"candidates" = 5')
    with pytest.raises(BundleError, match=r"motion\.onnx: tensor 'boxes' is float32"):
        MotionModel.load(ModelBundle.load(folder))
    edit(folder, f'"slots" = {SLOTS}', '"slots" = 3')
    with pytest.raises(BundleError, match=r"motion\.onnx: tensors are"):
        MotionModel.load(ModelBundle.load(folder))


def test_unknown_and_unavailable_engines_are_refused(folder: Path) -> None:
    bundle = ModelBundle.load(folder)
    with pytest.raises(ParameterError, match="'tpu' is not one of auto"):
        EngineSettings(engine="tpu")  # type: ignore[arg-type]
    model = MotionModel.load(bundle, EngineSettings(engine="onnxruntime-cpu"))
    assert "CPU" in model.engine_name


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "encoder.onnx"
    path.write_bytes(b"not a graph")
    with pytest.raises(EngineError, match=r"encoder\.onnx: ONNX Runtime cannot load it"):
        OnnxRuntimeEngine(path)


def test_run_writes_into_the_callers_arrays_and_refuses_others(folder: Path) -> None:
    engine = OnnxRuntimeEngine(folder / "encoder.onnx")
    image = np.full(engine.inputs["image"].shape, 255, np.uint8)
    outputs = {name: spec.allocate() for name, spec in engine.outputs.items()}
    skip = outputs["skip"]
    engine.run({"image": image}, outputs)
    np.testing.assert_allclose(skip, 1.0, rtol=1e-6)
    with pytest.raises(EngineError, match="takes a contiguous uint8"):
        engine.run({"image": image.astype(np.float32)}, outputs)
    with pytest.raises(EngineError, match="takes a contiguous uint8"):
        engine.run({"image": image[:, ::-1]}, outputs)


def test_an_open_batch_is_fixed_to_one(folder: Path) -> None:
    for name in ("encoder", "motion", "step"):
        path = folder / f"{name}.onnx"
        graph = onnx.load(path).graph
        for tensor in (*graph.input, *graph.output):
            assert tensor.type.tensor_type.shape.dim[0].dim_param == "batch"
        engine = OnnxRuntimeEngine(path)
        for spec in (*engine.inputs.values(), *engine.outputs.values()):
            assert spec.shape[0] == 1


def test_another_open_side_is_refused(folder: Path) -> None:
    path = folder / "encoder.onnx"
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "height"
    onnx.save(model, path)
    with pytest.raises(EngineError, match=r"'image' is .*'height'.*; only fixed shapes"):
        OnnxRuntimeEngine(path)


@pytest.mark.parametrize("memory", ["window", "stateful"])
def test_the_shipped_bundle_loads_and_answers(memory: MemoryMode) -> None:
    bundle = ModelBundle.load(default_bundle_path())
    model = MotionModel.load(bundle, EngineSettings(threads=1, memory=memory))
    CameraPipeline(model, PipelineSettings()).warm_up()
    assert (model.bundle.folder / "MODEL_CARD.md").is_file()
