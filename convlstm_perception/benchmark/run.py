"""A whole benchmark: cameras, competitors, roofline; from a request to plain values."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from convlstm_perception.benchmark.cameras import CamerasFigures
from convlstm_perception.benchmark.device_rates import DeviceRates, measure_gpu
from convlstm_perception.benchmark.frames import camera_source
from convlstm_perception.benchmark.graph_cost import graph_cost
from convlstm_perception.benchmark.request import BenchmarkRequest
from convlstm_perception.benchmark.roofline import Roofline, roofline
from convlstm_perception.benchmark.timing import Timing, Variant, measure_in_turns
from convlstm_perception.benchmark.window import WindowWork
from convlstm_perception.benchmark.worker import cameras_apart, cpu_rates_apart
from convlstm_perception.engine import ModelBundle, MotionModel
from convlstm_perception.engine.settings import EngineChoice
from convlstm_perception.errors import BundleError, EngineError
from convlstm_perception.evaluation.machine import machine, versions

Begin = Callable[[str, int | None], Callable[[], None]]
"""Begins a progress bar of a name and a number of steps; what it returns is called each step."""

_CPU_ENGINE: EngineChoice = "onnxruntime-cpu"
_TORCH = "torch-"
_TITLES = {
    "onnxruntime": "onnxruntime",
    "torch-eager": "torch_eager",
    "torch-channels-last": "torch_channels_last",
    "torch-compile": "torch_compile",
}


@dataclass(frozen=True)
class _Engine:
    """What runs the networks, in words, and whether that is a GPU."""

    name: str
    on_gpu: bool


def benchmark(request: BenchmarkRequest, begin: Begin) -> dict[str, Any]:
    """Measure everything that the request asks for, and what of it can be had here.

    Args:
        request: its ``inference.threads`` is above 0.
        begin: shows progress.

    Returns:
        Plain values for JSON. ``notes`` says what was left out, and why.

    Raises:
        BundleError, EngineError: when the networks cannot be loaded or run.
        SourceError: when the video cannot be opened.
    """
    started = datetime.now(timezone.utc)
    bundle = ModelBundle.load(request.bundle)
    with camera_source(request, bundle.step) as source:
        width, height = source.width, source.height
        image = next(iter(source))
    before = machine()
    _build(bundle, request)
    cameras: dict[int, CamerasFigures] = {}
    for count in request.cameras:
        step = begin(f"{count} camera{'s' * (count > 1)}", request.frames)
        cameras[count] = cameras_apart(request, count, step)
    notes: list[str] = []
    # What needs torch comes last: the processes above have never seen it.
    model = MotionModel.load(bundle, replace(request.inference, memory="window"))
    work = WindowWork(model, image)
    engine = _Engine(model.engine_name, _on_gpu(model.engine_name, cameras))
    variants = [*work.variants(), *_competitors(bundle, request, engine, image, notes)]
    step = begin("in turns", len(variants) * request.rounds)
    timings = measure_in_turns(variants, request.rounds, step)
    model.close()
    return {
        "model": bundle.model_id,
        "engine": engine.name,
        "memory": request.inference.memory,
        "precision": request.inference.precision if engine.on_gpu else "fp32",
        "threads": request.inference.threads,
        "image": f"{width}x{height}",
        "input": f"{bundle.input_width}x{bundle.input_height}",
        "date": started.isoformat(timespec="seconds"),
        "machine": before,
        "versions": versions() | _torch_version(),
        **_headline(timings, engine, cameras),
        "cameras": {str(count): asdict(figures) for count, figures in cameras.items()},
        "in_turns": {name: asdict(timing) for name, timing in timings.items()},
        "roofline": _roofline(bundle, request, engine, cameras, notes),
        "notes": notes,
    }


def _build(bundle: ModelBundle, request: BenchmarkRequest) -> None:
    """Load the networks for each number of cameras once.

    An engine that must be built first is then there: its building is no part of the memory that
    is measured, and what refuses does so before anything is measured.
    """
    for count in request.cameras:
        MotionModel.load(bundle, request.inference, count).close()


def _on_gpu(name: str, cameras: Mapping[int, CamerasFigures]) -> bool:
    """Whether images are taken to a device, by the runtime or inside ONNX Runtime."""
    stages = next(iter(cameras.values())).stages
    return "upload" in stages or "CUDA" in name


def _competitors(
    bundle: ModelBundle,
    request: BenchmarkRequest,
    engine: _Engine,
    image: Any,
    notes: list[str],
) -> list[Variant]:
    variants = []
    if "onnxruntime" in request.beside and engine.on_gpu:
        settings = replace(request.inference, engine=_CPU_ENGINE, memory="window")
        rival = WindowWork(MotionModel.load(bundle, settings), image)
        variants.append(Variant("onnxruntime", rival.cached, rival.cached))
    for name in request.beside:
        if name.startswith(_TORCH):
            try:
                variants += _torch(bundle, name, request.inference.threads, engine.on_gpu)
            except (BundleError, EngineError) as error:
                notes.append(f"{name} left out: {error}")
    return variants


def _torch(bundle: ModelBundle, name: str, threads: int, on_gpu: bool) -> list[Variant]:
    for package in ("torch", "onnx"):  # onnx tells of what architecture the bundle is
        if importlib.util.find_spec(package) is None:
            raise EngineError(f"it needs the package {package}, which is not installed")
    import torch

    from convlstm_perception.benchmark.torch_network import torch_device, torch_variants

    torch.set_num_threads(threads)
    return torch_variants(bundle, (name,), torch_device(on_gpu))


def _torch_version() -> dict[str, str]:
    from importlib import metadata

    try:
        return {"torch": metadata.version("torch")}
    except metadata.PackageNotFoundError:
        return {}


def _headline(
    timings: Mapping[str, Timing], engine: _Engine, cameras: Mapping[int, CamerasFigures]
) -> dict[str, Any]:
    """The figures that one looks for first; None for what was not measured."""
    cached, recomputed = timings["window_cached"], timings["window_recomputed"]
    known = {f"{name}_ms": timing.p50 for name, timing in timings.items()}
    for name in (*_TITLES.values(), "torch_eager_window"):
        known.setdefault(f"{name}_ms", None)  # type: ignore[arg-type]
    if not engine.on_gpu:
        known["onnxruntime_ms"] = cached.p50  # that is the engine itself
    eager = timings.get("torch_eager")
    fewest = cameras[min(cameras)]
    return {
        **known,
        "recomputed_over_cached": round(recomputed.p50 / cached.p50, 2),
        "torch_eager_over_cached": round(eager.p50 / cached.p50, 2) if eager else None,
        "peak_rss_mb": fewest.peak_rss_mb,
        "runtime_mb": fewest.runtime_mb,
    }


def _roofline(
    bundle: ModelBundle,
    request: BenchmarkRequest,
    engine: _Engine,
    cameras: Mapping[int, CamerasFigures],
    notes: list[str],
) -> dict[str, Any] | None:
    try:
        graphs, rates = _rooflines(bundle, request, engine, cameras)
    except (BundleError, EngineError) as error:
        notes.append(f"roofline left out: {error}")
        return None
    return {
        "copy_gb_s": round(rates.copy / 1e9, 2),
        "matrix_gflop_s": round(rates.matrix / 1e9, 1),
        "measured_with": rates.how,
        "graphs": {name: asdict(graph) for name, graph in graphs.items()},
    }


def _rooflines(
    bundle: ModelBundle,
    request: BenchmarkRequest,
    engine: _Engine,
    cameras: Mapping[int, CamerasFigures],
) -> tuple[dict[str, Roofline], DeviceRates]:
    if importlib.util.find_spec("onnx") is None:
        raise EngineError("it needs the package onnx, which is not installed")
    halved = engine.on_gpu and "TensorRT" in engine.name and request.inference.precision != "fp32"
    stateful = request.inference.memory == "stateful"
    motion = (bundle.step_path if stateful else None) or bundle.motion_path
    paths: dict[str, Path] = {"encoder": bundle.encoder_path, "motion": motion}
    costs = {stage: graph_cost(path) for stage, path in paths.items()}
    rates = measure_gpu(halved) if engine.on_gpu else cpu_rates_apart(request.inference.threads)
    count = min(cameras)
    stages = cameras[count].stages
    return {
        stage: roofline(cost, rates, stages[stage].p50 / count, halved=halved)
        for stage, cost in costs.items()
    }, rates
