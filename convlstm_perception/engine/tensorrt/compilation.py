"""A bundle's graphs as engines: converted, built, and kept in the cache."""

from __future__ import annotations

import functools
import hashlib
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from convlstm_perception.engine.bundle import ModelBundle
from convlstm_perception.engine.precision import Role
from convlstm_perception.engine.settings import BuildPolicy, MemoryMode, Precision
from convlstm_perception.engine.tensorrt.bindings import (
    TensorRtBackend,
    TensorRtBindings,
    load_bindings,
)
from convlstm_perception.engine.tensorrt.builder import BuildRequest, Progress, build_engine
from convlstm_perception.engine.tensorrt.cache import BuildCache, CacheKey
from convlstm_perception.engine.tensorrt.conversion import graph_in_precision
from convlstm_perception.engine.tensorrt.report import EngineReport
from convlstm_perception.engine.tensorrt.sealed_file import SealedFile
from convlstm_perception.engine.tensorrt.target import CURRENT, Target, parse_target, resolve_target
from convlstm_perception.errors import BundleError, EngineError, ParameterError

BackendChoice = Literal["auto", "tensorrt", "tensorrt-rtx"]
CompileProgress = Callable[[Role, str, int, int], None]
"""Called with the graph, what is done with it, the steps that are done, and all its steps."""

DEFAULT_WORKSPACE_MB = 1024
_BACKENDS: tuple[TensorRtBackend, ...] = ("tensorrt", "tensorrt-rtx")
_RECIPE = 1  # counted up when the builder's settings change


@dataclass(frozen=True)
class CompiledEngine:
    """An engine of one graph.

    Attributes:
        role: which graph.
        precision: in which it was built.
        path: its file in the cache.
        plan: as TensorRT serialised it.
        report: what it is made of.
        fresh: whether it was built just now.
    """

    role: Role
    precision: Precision
    path: Path
    plan: bytes
    report: EngineReport
    fresh: bool


@dataclass(frozen=True)
class CompiledBundle:
    """The engines of a bundle.

    Attributes:
        bindings: TensorRT that built them.
        target: what they are for.
        cameras: the greatest batch.
        engines: by graph.
    """

    bindings: TensorRtBindings
    target: Target
    cameras: int
    engines: Mapping[Role, CompiledEngine]


def compile_bundle(
    bundle: ModelBundle,
    *,
    precision: Precision,
    backend: BackendChoice = "auto",
    target: str = CURRENT,
    cameras: int = 1,
    cache: BuildCache | None = None,
    workspace_mb: int = DEFAULT_WORKSPACE_MB,
    calibration: Iterable[np.ndarray] | None = None,
    memory: MemoryMode | None = None,
    policy: BuildPolicy = "if_missing",
    progress: CompileProgress | None = None,
) -> CompiledBundle:
    """Get the engines of a bundle: from the cache, or built.

    Args:
        bundle: to compile.
        precision: of encoder, motion and step; the track decoder is always fp32.
        backend: TensorRT, TensorRT-RTX, or the first of them that can build for the target.
        target: ``current`` or a compute capability, as ``sm89``.
        cameras: the greatest batch; it is 1 to this where a graph leaves the batch open.
        cache: of the engines; the user's when None.
        workspace_mb: MiB of scratch memory that an engine may use.
        calibration: (1, height, width, 3) uint8 images for int8; None takes the ranges measured
            before on others.
        memory: only the graphs that this memory needs; all when None.
        policy: whether an engine that is missing is built or refused.
        progress: is told how far it is; what it raises ends the build.

    Raises:
        EngineError: when TensorRT is missing, cannot build for the target, or refuses a graph.
        BundleError: when the bundle has no graph for the memory.
        ParameterError: when a number is below 1.
    """
    for name, value in (("cameras", cameras), ("workspace_mb", workspace_mb)):
        if value < 1:
            raise ParameterError(f"{name}: {value} is below 1")
    graphs = _graphs(bundle, memory)
    bindings, resolved = choose_bindings(backend, target)
    cache = cache or BuildCache()
    command = _command(bundle, bindings, precision, target, cameras, workspace_mb, cache)
    engines: dict[Role, CompiledEngine] = {}
    for role, path in graphs.items():
        if progress is not None:
            progress(role, "reading", 0, 1)
        of_role: Precision = "fp32" if role == "tracks" else precision
        graph = graph_in_precision(path, role, of_role, calibration, cache, command)
        request = BuildRequest(str(path), resolved, cameras, workspace_mb, cache.folder)
        key = _engine_key(bundle, bindings, role, of_role, graph, request)

        build = functools.partial(
            _build, bindings, graph, request, progress and functools.partial(progress, role)
        )
        entry = cache.get_or_build(key, build, policy, f"Build it: {command}")
        engines[role] = CompiledEngine(
            role,
            of_role,
            entry.path,
            entry.content.payload,
            EngineReport.from_json(entry.content.notes["report"]),
            entry.fresh,
        )
    return CompiledBundle(bindings, resolved, cameras, engines)


def choose_bindings(backend: BackendChoice, target: str) -> tuple[TensorRtBindings, Target]:
    """TensorRT, and what it will build for.

    Raises:
        EngineError: when none that may be taken can build for the target here; it says why.
    """
    parse_target(target)
    reasons = []
    for candidate in _BACKENDS if backend == "auto" else (backend,):
        try:
            bindings = load_bindings(candidate)
            return bindings, resolve_target(bindings, target)
        except EngineError as error:
            reasons.append(str(error))
    raise EngineError(" ".join(reasons))


def _build(
    bindings: TensorRtBindings, graph: bytes, request: BuildRequest, progress: Progress | None
) -> SealedFile:
    built = build_engine(bindings, graph, request, progress)
    return SealedFile({"report": built.report.to_json()}, built.plan)


def _graphs(bundle: ModelBundle, memory: MemoryMode | None) -> dict[Role, Path]:
    graphs: dict[Role, Path] = {"encoder": bundle.encoder_path}
    if memory != "stateful":
        graphs["motion"] = bundle.motion_path
    if memory != "window" and bundle.step_path is not None:
        graphs["step"] = bundle.step_path
    if memory == "stateful" and "step" not in graphs:
        raise BundleError(
            f"{bundle.folder}: memory 'stateful' needs step.onnx, which this bundle has not. "
            "Export the model again, or use memory 'window'."
        )
    if bundle.tracks_path is not None:
        graphs["tracks"] = bundle.tracks_path
    return graphs


def _engine_key(
    bundle: ModelBundle,
    bindings: TensorRtBindings,
    role: Role,
    precision: Precision,
    graph: bytes,
    request: BuildRequest,
) -> CacheKey:
    model = re.sub(r"[^\w.]+", "-", bundle.model_id)
    target = request.target
    # TensorRT measures kernels on the very GPU; TensorRT-RTX compiles for its architecture.
    gpu = target.gpu if bindings.backend == "tensorrt" else ""
    return CacheKey(
        name=f"{model}-{role}-{precision}-{target.capability}-x{request.cameras}",
        suffix=".engine",
        facts={
            "graph": hashlib.sha256(graph).hexdigest(),
            "precision": precision,
            "cameras": request.cameras,
            "backend": bindings.backend,
            "version": bindings.version,
            "target": target.capability,
            "gpu": gpu,
            "workspace_mb": request.workspace_mb,
            "recipe": _RECIPE,
        },
    )


def _command(
    bundle: ModelBundle,
    bindings: TensorRtBindings,
    precision: Precision,
    target: str,
    cameras: int,
    workspace_mb: int,
    cache: BuildCache,
) -> str:
    words = ["convlstm-perception", "compile", str(bundle.folder), "--precision", precision]
    words += ["--backend", bindings.backend, "--target", target, "--cameras", str(cameras)]
    words += ["--workspace", str(workspace_mb), "--cache", str(cache.folder)]
    line = shlex.join(words)
    return f"{line} --calibration FOLDER_OR_VIDEO" if precision == "int8" else line
