"""An engine of one ONNX graph, built by TensorRT."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from convlstm_perception.engine.tensorrt import api
from convlstm_perception.engine.tensorrt.bindings import TensorRtBindings
from convlstm_perception.engine.tensorrt.refusals import refused_build, refused_graph
from convlstm_perception.engine.tensorrt.report import (
    EngineReport,
    count_kernels,
    count_layers,
    describe_tensor,
)
from convlstm_perception.engine.tensorrt.target import Target
from convlstm_perception.engine.tensorrt.timing import TimingCacheFile
from convlstm_perception.errors import EngineError

Progress = Callable[[str, int, int], None]
"""Called with what is being done, the steps that are done, and all its steps."""


@dataclass(frozen=True)
class BuildRequest:
    """How to build an engine.

    Attributes:
        graph: what the graph is, for messages.
        target: what to build for.
        cameras: the greatest batch, where the graph leaves the batch open.
        workspace_mb: MiB of scratch memory that the engine may use.
        timings: folder of TensorRT's measurements, which make the next build faster.
    """

    graph: str
    target: Target
    cameras: int
    workspace_mb: int
    timings: Path


@dataclass(frozen=True)
class BuiltEngine:
    """An engine.

    Attributes:
        plan: as TensorRT serialises it.
        report: what it is made of.
    """

    plan: bytes
    report: EngineReport


def build_engine(
    bindings: TensorRtBindings,
    onnx_graph: bytes,
    request: BuildRequest,
    progress: Progress | None = None,
) -> BuiltEngine:
    """Build an engine; its numbers have the types that the graph gives them.

    Where the batch is open, one engine serves 1 to ``cameras`` images and is tuned for all of them
    together, which is the case that has the least time to spare for each.

    Args:
        bindings: TensorRT.
        onnx_graph: the ONNX file's bytes, in the precision wanted.
        request: how to build it.
        progress: is told how far it is; what it raises ends the build.

    Raises:
        EngineError: when TensorRT refuses the graph; node, words and mend are in the message.
    """
    start = time.monotonic()
    module = bindings.module
    builder = module.Builder(bindings.logger)
    network = builder.create_network(bindings.network_flags())
    with bindings.log.failures():
        parser = module.OnnxParser(network, bindings.logger)
        if not parser.parse(onnx_graph):
            errors = [parser.get_error(index) for index in range(parser.num_errors)]
            raise refused_graph(request.graph, bindings.title, errors)
    config = builder.create_builder_config()
    _configure(bindings, config, request)
    batch = _add_profile(bindings, builder, network, config, request)
    timings = TimingCacheFile(bindings, request.timings, request.target)
    timings.attach(config)
    plan = _build(bindings, builder, network, config, request, progress)
    timings.keep(config)
    return BuiltEngine(
        plan,
        EngineReport(
            inputs=tuple(map(describe_tensor, _inputs(network))),
            outputs=tuple(
                describe_tensor(network.get_output(index)) for index in range(network.num_outputs)
            ),
            layers=count_layers(network),
            kernels=count_kernels(bindings, plan) if request.target.gpu else (),
            batch=batch,
            seconds=time.monotonic() - start,
        ),
    )


def _configure(
    bindings: TensorRtBindings, config: api.IBuilderConfig, request: BuildRequest
) -> None:
    module = bindings.module
    config.set_memory_pool_limit(module.MemoryPoolType.WORKSPACE, request.workspace_mb << 20)
    config.profiling_verbosity = module.ProfilingVerbosity.DETAILED  # or the inspector is silent
    # TF32 rounds the factors of what the graph says is float32 to ten bits; coordinates of 640
    # pixels and a state that is carried on are float32 because that is too few.
    config.clear_flag(module.BuilderFlag.TF32)
    if bindings.backend == "tensorrt-rtx":
        rtx = cast(api.RtxIBuilderConfig, config)
        rtx.num_compute_capabilities = 1
        capability = bindings.compute_capabilities[request.target.capability]
        if not rtx.set_compute_capability(capability, 0):
            raise EngineError(
                f"{bindings.title} does not take {request.target.capability} as a target; "
                "name another with --target"
            )


def _add_profile(
    bindings: TensorRtBindings,
    builder: api.Builder,
    network: api.INetworkDefinition,
    config: api.IBuilderConfig,
    request: BuildRequest,
) -> tuple[int, int]:
    """Say how large the batch may be; returns its least and greatest size."""
    inputs = _inputs(network)
    for tensor in inputs:
        if -1 in tensor.shape[1:]:
            raise EngineError(
                f"{request.graph}: input '{tensor.name}' is {tuple(tensor.shape)}; only the batch, "
                "the first side, may be open (-1). Export the graph with its other sizes fixed."
            )
    batched = [tensor for tensor in inputs if -1 in tensor.shape]
    if not batched:
        fixed = max((tensor.shape[0] for tensor in inputs if tensor.shape), default=1)
        return fixed, fixed
    profile = builder.create_optimization_profile()
    for tensor in batched:
        one, most = ((count, *tensor.shape[1:]) for count in (1, request.cameras))
        profile.set_shape(tensor.name, one, most, most)
    with bindings.log.failures() as failures:
        if config.add_optimization_profile(profile) < 0:
            raise refused_build(request.graph, bindings.title, failures.lines, ())
    return 1, request.cameras


def _build(
    bindings: TensorRtBindings,
    builder: api.Builder,
    network: api.INetworkDefinition,
    config: api.IBuilderConfig,
    request: BuildRequest,
    progress: Progress | None,
) -> bytes:
    interruptions: list[BaseException] = []
    if progress is not None:
        config.progress_monitor = _monitor(bindings.module, progress, interruptions)
    with bindings.log.failures() as failures:
        plan = builder.build_serialized_network(network, config)
        if interruptions:
            raise interruptions[0]
        if plan is None:
            layers = [network.get_layer(index) for index in range(network.num_layers)]
            raise refused_build(request.graph, bindings.title, failures.lines, layers)
    return bytes(plan)


def _monitor(
    module: api.Module, progress: Progress, interruptions: list[BaseException]
) -> api.IProgressMonitor:
    class Monitor(module.IProgressMonitor):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            module.IProgressMonitor.__init__(self)
            self._steps: dict[str, int] = {}

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            self._steps[phase_name] = num_steps

        def step_complete(self, phase_name: str, step: int) -> bool:
            # TensorRT would print what is raised here and go on: it is kept, and the build ended.
            try:
                progress(phase_name, step + 1, self._steps[phase_name])
            except BaseException as error:
                interruptions.append(error)
            return not interruptions

        def phase_finish(self, phase_name: str) -> None:
            self._steps.pop(phase_name, None)

    monitor: Any = Monitor()
    return monitor


def _inputs(network: api.INetworkDefinition) -> list[api.ITensor]:
    return [network.get_input(index) for index in range(network.num_inputs)]
