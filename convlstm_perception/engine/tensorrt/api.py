"""The part of TensorRT's Python interface that this package touches, and nothing else.

Each protocol is named after TensorRT's class and declares the members in use; mypy lets the rest
of the package use no other, and a test looks each one up in the real bindings of every TensorRT
that is served (10.3, 10.13, 10.16, 11.4 and TensorRT-RTX 1.7), with the names of its parameters.
What only TensorRT-RTX has stands in the protocols whose names begin with ``Rtx``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Enumerator(Protocol):
    """A member of one of TensorRT's enumerations."""

    @property
    def name(self) -> str: ...

    @property
    def value(self) -> int: ...

    def __int__(self) -> int: ...


class BuilderFlag(Protocol):
    TF32: Enumerator


class ExecutionContextAllocationStrategy(Protocol):
    USER_MANAGED: Enumerator


class RtxComputeCapability(Protocol):
    __members__: Mapping[str, Enumerator]


class LayerInformationFormat(Protocol):
    JSON: Enumerator


class MemoryPoolType(Protocol):
    WORKSPACE: Enumerator


class NetworkDefinitionCreationFlag(Protocol):
    STRONGLY_TYPED: Enumerator


class ProfilingVerbosity(Protocol):
    DETAILED: Enumerator


class TensorIOMode(Protocol):
    INPUT: Enumerator


class ILogger(Protocol):
    """Base of a logger that is written in Python."""

    def log(self, severity: Enumerator, msg: str) -> None: ...


class IProgressMonitor(Protocol):
    """Base of a progress monitor that is written in Python."""

    def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None: ...

    def step_complete(self, phase_name: str, step: int) -> bool: ...

    def phase_finish(self, phase_name: str) -> None: ...


class IHostMemory(Protocol):
    """Readable through the buffer protocol."""

    @property
    def nbytes(self) -> int: ...

    def __buffer__(self, flags: int, /) -> memoryview: ...


class ITensor(Protocol):
    name: str
    dtype: Enumerator

    @property
    def shape(self) -> tuple[int, ...]: ...


class ILayer(Protocol):
    name: str
    metadata: str
    type: Enumerator

    @property
    def num_outputs(self) -> int: ...

    def get_output(self, index: int) -> ITensor: ...


class INetworkDefinition(Protocol):
    @property
    def num_inputs(self) -> int: ...

    @property
    def num_outputs(self) -> int: ...

    @property
    def num_layers(self) -> int: ...

    def get_input(self, index: int) -> ITensor: ...

    def get_output(self, index: int) -> ITensor: ...

    def get_layer(self, index: int) -> ILayer: ...


class IOptimizationProfile(Protocol):
    def set_shape(
        self, input: str, min: tuple[int, ...], opt: tuple[int, ...], max: tuple[int, ...]
    ) -> None: ...


class ITimingCache(Protocol):
    def serialize(self) -> IHostMemory: ...


class IBuilderConfig(Protocol):
    profiling_verbosity: Enumerator
    progress_monitor: IProgressMonitor

    def add_optimization_profile(self, profile: IOptimizationProfile) -> int: ...

    def clear_flag(self, flag: Enumerator) -> None: ...

    def create_timing_cache(self, serialized_timing_cache: bytes) -> ITimingCache | None: ...

    def get_timing_cache(self) -> ITimingCache | None: ...

    def set_memory_pool_limit(self, pool: Enumerator, pool_size: int) -> None: ...

    def set_timing_cache(self, cache: ITimingCache, ignore_mismatch: bool) -> bool: ...


class RtxIBuilderConfig(IBuilderConfig, Protocol):
    num_compute_capabilities: int

    def set_compute_capability(self, compute_capability: Enumerator, index: int) -> bool: ...


class Builder(Protocol):
    def __init__(self, logger: ILogger) -> None: ...

    def create_network(self, flags: int) -> INetworkDefinition: ...

    def create_builder_config(self) -> IBuilderConfig: ...

    def create_optimization_profile(self) -> IOptimizationProfile: ...

    def build_serialized_network(
        self, network: INetworkDefinition, config: IBuilderConfig
    ) -> IHostMemory | None: ...


class ParserError(Protocol):
    def desc(self) -> str: ...

    def node(self) -> int: ...

    def node_name(self) -> str: ...

    def node_operator(self) -> str: ...


class OnnxParser(Protocol):
    def __init__(self, network: INetworkDefinition, logger: ILogger) -> None: ...

    @property
    def num_errors(self) -> int: ...

    def parse(self, model: bytes) -> bool: ...

    def get_error(self, index: int) -> ParserError: ...


class EngineInspector(Protocol):
    def get_engine_information(self, format: Enumerator) -> str: ...


class IExecutionContext(Protocol):
    def execute_async_v3(self, stream_handle: int) -> bool: ...

    def set_device_memory(self, memory: int, size: int) -> None: ...

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool: ...

    def set_tensor_address(self, name: str, memory: int) -> bool: ...


class ICudaEngine(Protocol):
    @property
    def device_memory_size_v2(self) -> int: ...

    @property
    def num_io_tensors(self) -> int: ...

    def create_engine_inspector(self) -> EngineInspector: ...

    def create_execution_context(self, strategy: Enumerator) -> IExecutionContext | None: ...

    def get_tensor_dtype(self, name: str) -> Enumerator: ...

    def get_tensor_mode(self, name: str) -> Enumerator: ...

    def get_tensor_name(self, index: int) -> str: ...

    def get_tensor_profile_shape(self, name: str, profile_index: int) -> list[tuple[int, ...]]: ...

    def get_tensor_shape(self, name: str) -> tuple[int, ...]: ...


class Runtime(Protocol):
    def __init__(self, logger: ILogger) -> None: ...

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> ICudaEngine | None: ...


# In the body of Module these names are its attributes.
_Builder = Builder
_BuilderFlag = BuilderFlag
_ExecutionContextAllocationStrategy = ExecutionContextAllocationStrategy
_ILogger = ILogger
_IProgressMonitor = IProgressMonitor
_LayerInformationFormat = LayerInformationFormat
_MemoryPoolType = MemoryPoolType
_NetworkDefinitionCreationFlag = NetworkDefinitionCreationFlag
_OnnxParser = OnnxParser
_ProfilingVerbosity = ProfilingVerbosity
_Runtime = Runtime
_TensorIOMode = TensorIOMode


class Module(Protocol):
    """``tensorrt`` or ``tensorrt_rtx`` itself."""

    __version__: str
    Builder: type[_Builder]
    BuilderFlag: _BuilderFlag
    ExecutionContextAllocationStrategy: _ExecutionContextAllocationStrategy
    ILogger: type[_ILogger]
    IProgressMonitor: type[_IProgressMonitor]
    LayerInformationFormat: _LayerInformationFormat
    MemoryPoolType: _MemoryPoolType
    NetworkDefinitionCreationFlag: _NetworkDefinitionCreationFlag
    OnnxParser: type[_OnnxParser]
    ProfilingVerbosity: _ProfilingVerbosity
    Runtime: type[_Runtime]
    TensorIOMode: _TensorIOMode


class RtxModule(Module, Protocol):
    ComputeCapability: RtxComputeCapability
