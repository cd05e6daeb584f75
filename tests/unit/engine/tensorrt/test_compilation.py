"""The shipped bundle as TensorRT-RTX engines, built here without a GPU."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from convlstm_perception.engine import ModelBundle, TensorSpec, default_bundle_path
from convlstm_perception.engine import precision as conversion
from convlstm_perception.engine.backend import check_networks
from convlstm_perception.engine.settings import Precision
from convlstm_perception.engine.tensorrt import BuildCache, CompiledBundle, compile_bundle
from convlstm_perception.engine.tensorrt.report import TensorReport
from convlstm_perception.errors import BundleError, EngineError, ParameterError
from tests.support.graphs import HEIGHT, WIDTH, write_tiny_bundle
from tests.support.onnx_graph import write_convolution_bundle

pytest.importorskip("tensorrt_rtx")
CAMERAS = 4
REQUEST: dict[str, Any] = {"precision": "fp32", "target": "sm86"}


@pytest.fixture(scope="module")
def bundle() -> ModelBundle:
    return ModelBundle.load(default_bundle_path())


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> BuildCache:
    """One for all tests: a graph is converted once."""
    return BuildCache(tmp_path_factory.mktemp("engines"))


@pytest.fixture(scope="module")
def frames(bundle: ModelBundle) -> list[np.ndarray]:
    """Images to measure ranges on."""
    generator = np.random.default_rng(1)
    shape = (1, bundle.input_height, bundle.input_width, 3)
    return [generator.integers(0, 256, shape, np.uint8) for _ in range(2)]


def built(
    bundle: ModelBundle,
    cache: BuildCache,
    frames: list[np.ndarray],
    precision: Precision,
    target: str = "sm86",
) -> CompiledBundle:
    # Ranges are measured once; later calls take those.
    known = precision != "int8" or any(cache.folder.glob("encoder-int8-*.onnx"))
    return compile_bundle(
        bundle,
        precision=precision,
        target=target,
        cameras=CAMERAS,
        cache=cache,
        calibration=None if known else frames,
    )


@pytest.mark.parametrize("target", ["sm86", "sm89", "sm120"])
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_the_shipped_bundle_builds(
    precision: Precision,
    target: str,
    bundle: ModelBundle,
    cache: BuildCache,
    frames: list[np.ndarray],
) -> None:
    compiled = built(bundle, cache, frames, precision, target)
    assert set(compiled.engines) >= {"encoder", "motion", "tracks"}
    assert (compiled.target.capability, compiled.target.gpu) == (target, "")
    for role, engine in compiled.engines.items():
        assert engine.fresh or role == "tracks"  # it is the same in each
        assert engine.precision == ("fp32" if role == "tracks" else precision)
        assert len(engine.plan) > 100_000
        assert f"-{role}-" in engine.path.name and engine.path.parent == cache.folder


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_tensors_are_what_the_runtime_binds(
    precision: Precision, bundle: ModelBundle, cache: BuildCache, frames: list[np.ndarray]
) -> None:
    engines = built(bundle, cache, frames, precision).engines
    networks = {
        role: SimpleNamespace(
            inputs=specs(engine.report.inputs), outputs=specs(engine.report.outputs)
        )
        for role, engine in engines.items()
    }
    features = np.float32 if precision == "fp32" else np.float16
    for memory in {"motion", "step"} & set(networks):
        check_networks(bundle, networks["encoder"], networks[memory], networks["tracks"], features)
    for role in set(networks) - {"tracks"}:
        report = engines[role].report
        assert {tensor.shape[0] for tensor in (*report.inputs, *report.outputs)} == {-1}
        assert report.batch == (1, CAMERAS)
    slots = engines["tracks"].report.inputs[0].shape[0]
    assert engines["tracks"].report.batch == (slots, slots)


def specs(tensors: tuple[TensorReport, ...]) -> dict[str, TensorSpec]:
    """As of a batch of one, where the batch is open."""
    return {
        tensor.name: TensorSpec(
            tuple(1 if side == -1 else side for side in tensor.shape), np.dtype(tensor.dtype)
        )
        for tensor in tensors
    }


def test_precision_is_in_the_layers(
    bundle: ModelBundle, cache: BuildCache, frames: list[np.ndarray]
) -> None:
    counts = {}
    for precision in ("fp32", "fp16", "int8"):
        for role, engine in built(bundle, cache, frames, precision).engines.items():
            for layer in engine.report.layers:
                counts[precision, role, layer.kind, layer.dtype] = layer.count
    half = {key for key, _ in counts.items() if key[3] == "float16" and key[2] == "convolution"}
    assert {key[0] for key in half} == {"fp16", "int8"}
    assert ("fp32", "encoder", "convolution", "float32") in counts
    assert counts["fp16", "encoder", "convolution", "float16"] >= 50
    # Quantised is the encoder alone, never the ConvLSTM.
    quantised = {key[:2] for key in counts if key[2] == "quantize"}
    assert quantised == {("int8", "encoder")}
    assert not any(key[1] == "tracks" and key[2:] == ("activation", "float16") for key in counts)


@pytest.fixture
def tiny(tmp_path: Path) -> ModelBundle:
    return ModelBundle.load(write_tiny_bundle(tmp_path / "tiny bundle"))


@pytest.fixture
def own_cache(tmp_path: Path) -> BuildCache:
    return BuildCache(tmp_path / "engines")


def test_engines_are_built_once_and_found_again(tiny: ModelBundle, own_cache: BuildCache) -> None:
    first = compile_bundle(tiny, **REQUEST, cache=own_cache)
    assert all(engine.fresh for engine in first.engines.values())
    told: list[str] = []
    again = compile_bundle(
        tiny,
        **REQUEST,
        cache=own_cache,
        policy="never",
        progress=lambda role, what, done, steps: told.append(what),
    )
    for role, engine in again.engines.items():
        assert dataclasses.replace(first.engines[role], fresh=False) == engine
    assert set(told) == {"reading"}


@pytest.mark.parametrize(
    "change", [{"cameras": 2}, {"target": "sm89"}, {"workspace_mb": 300}, {"precision": "fp16"}]
)
def test_another_request_is_another_engine(
    change: dict[str, Any], tiny: ModelBundle, own_cache: BuildCache
) -> None:
    first = compile_bundle(tiny, **REQUEST, cache=own_cache, memory="window")
    second = compile_bundle(tiny, **{**REQUEST, **change}, cache=own_cache, memory="window")
    assert second.engines["encoder"].fresh
    assert second.engines["encoder"].path != first.engines["encoder"].path


def test_a_changed_graph_is_another_engine(tiny: ModelBundle, own_cache: BuildCache) -> None:
    first = compile_bundle(tiny, **REQUEST, cache=own_cache)
    graph = tiny.encoder_path.read_bytes()
    assert b"unit" in graph
    tiny.encoder_path.write_bytes(graph.replace(b"unit", b"utni"))
    second = compile_bundle(tiny, **REQUEST, cache=own_cache)
    assert (second.engines["encoder"].fresh, second.engines["motion"].fresh) == (True, False)
    assert first.engines["encoder"].path.exists()


def test_a_damaged_engine_is_built_anew(
    tiny: ModelBundle, own_cache: BuildCache, caplog: pytest.LogCaptureFixture
) -> None:
    engine = compile_bundle(tiny, **REQUEST, cache=own_cache).engines["motion"]
    engine.path.write_bytes(engine.path.read_bytes()[:-1])
    again = compile_bundle(tiny, **REQUEST, cache=own_cache).engines
    assert (again["encoder"].fresh, again["motion"].fresh) == (False, True)
    assert f"{engine.path}: damaged" in caplog.text


def test_never_names_the_command_that_builds(tiny: ModelBundle, own_cache: BuildCache) -> None:
    with pytest.raises(EngineError) as caught:
        compile_bundle(tiny, **REQUEST, cameras=3, cache=own_cache, policy="never")
    assert str(caught.value).endswith(
        f"Build it: convlstm-perception compile '{tiny.folder}' --precision fp32 "
        "--backend tensorrt-rtx --target sm86 --cameras 3 --workspace 1024 "
        f"--cache {own_cache.folder}"
    )


@pytest.fixture
def int8(tmp_path: Path) -> dict[str, Any]:
    """A request for a small encoder of convolutions."""
    return {
        "bundle": ModelBundle.load(write_convolution_bundle(tmp_path / "convolutions")),
        "precision": "int8",
        "target": "sm86",
        "cache": BuildCache(tmp_path / "engines"),
    }


def grey(brightness: int) -> np.ndarray:
    return np.full((1, HEIGHT, WIDTH, 3), brightness, np.uint8)


def test_int8_without_images_asks_for_them(int8: dict[str, Any]) -> None:
    with pytest.raises(EngineError, match=r"encoder\.onnx: int8 needs images .* --calibration"):
        compile_bundle(**int8)


def test_a_converted_graph_is_kept(int8: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that finds it needs neither the converter nor the images."""
    first = compile_bundle(**int8, calibration=iter([grey(0), grey(200)]))
    monkeypatch.setattr(conversion, "convert_graph", lambda *_, **__: pytest.fail("converted"))
    second = compile_bundle(**int8, policy="never")
    assert second.engines["encoder"].path == first.engines["encoder"].path


def test_another_converter_converts_anew(
    int8: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_bundle(**int8, calibration=[grey(200)])
    other = tmp_path / "precision.py"
    other.write_text("# as after an upgrade")
    monkeypatch.setattr(conversion, "__file__", str(other))
    with pytest.raises(EngineError, match="int8 needs images"):
        compile_bundle(**int8)


def test_other_images_are_another_engine(int8: dict[str, Any]) -> None:
    bright = compile_bundle(**int8, calibration=[grey(200)])
    dark = compile_bundle(**int8, calibration=[grey(2)])
    assert dark.engines["encoder"].path != bright.engines["encoder"].path
    assert dark.engines["motion"].path == bright.engines["motion"].path
    # The ranges measured last are those that are taken from now on.
    assert compile_bundle(**int8).engines["encoder"].path == dark.engines["encoder"].path


def test_only_the_graphs_of_a_memory_are_built(tiny: ModelBundle, cache: BuildCache) -> None:
    def graphs(**memory: str) -> set[str]:
        return set(compile_bundle(tiny, **REQUEST, cache=cache, **memory).engines)

    assert graphs() == {"encoder", "motion", "step"}
    assert graphs(memory="window") == {"encoder", "motion"}
    assert graphs(memory="stateful") == {"encoder", "step"}


def test_a_bundle_without_a_step_has_no_state_to_carry(
    tiny: ModelBundle, cache: BuildCache
) -> None:
    windowed = dataclasses.replace(tiny, stateful=False)
    assert set(compile_bundle(windowed, **REQUEST, cache=cache).engines) == {"encoder", "motion"}
    with pytest.raises(BundleError, match=r"'stateful' needs step\.onnx"):
        compile_bundle(windowed, **REQUEST, cache=cache, memory="stateful")


@pytest.mark.parametrize("name", ["cameras", "workspace_mb"])
def test_numbers_below_one_are_refused(name: str, tiny: ModelBundle, own_cache: BuildCache) -> None:
    with pytest.raises(ParameterError, match=f"{name}: 0 is below 1"):
        compile_bundle(tiny, **REQUEST, cache=own_cache, **{name: 0})


def test_an_interruption_leaves_the_cache_as_it_was(
    tiny: ModelBundle, own_cache: BuildCache
) -> None:
    interrupted: list[str] = []

    def interrupt(role: str, what: str, done: int, steps: int) -> None:
        if what != "reading":
            interrupted.append(role)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compile_bundle(tiny, **REQUEST, cache=own_cache, progress=interrupt)
    assert interrupted == ["encoder"]
    assert [path.suffix for path in own_cache.folder.iterdir()] == [".lock"]
