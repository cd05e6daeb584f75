"""Which engine runs a bundle here, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from convlstm_perception.engine.backend import Backend, HostBackend
from convlstm_perception.engine.bundle import ModelBundle
from convlstm_perception.engine.environment import CUDA_PROVIDER, Environment, Library
from convlstm_perception.engine.nvidia_driver import DRIVER_MEND
from convlstm_perception.engine.onnxruntime import Device, OnnxRuntimeEngine
from convlstm_perception.engine.settings import EngineSettings
from convlstm_perception.errors import BundleError, EngineError

EngineName = Literal["tensorrt", "tensorrt-rtx", "onnxruntime-cuda", "onnxruntime-cpu"]
ENGINE_TITLES: Mapping[EngineName, str] = {
    "tensorrt": "TensorRT",
    "tensorrt-rtx": "TensorRT-RTX",
    "onnxruntime-cuda": "ONNX Runtime on CUDA",
    "onnxruntime-cpu": "ONNX Runtime on the CPU",
}
"""The engines in the order in which ``auto`` takes them."""

_CPU_MEND = "To run without it, set engine to 'onnxruntime-cpu'."


@dataclass(frozen=True)
class Obstacle:
    """Why an engine is not to be had.

    Attributes:
        engine: which.
        problem: what stands in its way, in words, without a full stop.
        mend: how to get it, in sentences; empty where the problem says so itself.
        broken: whether it is there and fails, rather than being missing.
    """

    engine: EngineName
    problem: str
    mend: str = ""
    broken: bool = False


@dataclass(frozen=True)
class EngineDecision:
    """Which engine runs the networks.

    Attributes:
        engine: what was taken.
        why: in words, for a log.
        passed_over: what ``auto`` would have taken before it.
        idle_gpu: the GPU, in words, that ``auto`` leaves unused for want of a library; empty where
            it uses it or there is none.
    """

    engine: EngineName
    why: str
    passed_over: tuple[Obstacle, ...] = ()
    idle_gpu: str = ""


def decide_engine(settings: EngineSettings, environment: Environment) -> EngineDecision:
    """Choose the engine: the one asked for, or with ``auto`` the first that has all it needs.

    ``auto`` passes over what is missing. What is there and fails is an error: a vehicle that was
    set up for its GPU must not drive on at the pace of its CPU unasked.

    Raises:
        EngineError: when what is asked for is not to be had here, something fails, or nothing is
            there at all.
    """
    if settings.engine != "auto":
        obstacle = find_obstacle(settings.engine, environment)
        if obstacle is not None:
            raise _refusal(obstacle, f"engine '{settings.engine}'", "Or use engine 'auto'.")
        return EngineDecision(settings.engine, f"engine is set to '{settings.engine}'")
    passed_over: list[Obstacle] = []
    for engine, title in ENGINE_TITLES.items():
        obstacle = find_obstacle(engine, environment)
        if obstacle is None:
            return _automatic(engine, tuple(passed_over), environment)
        if obstacle.broken:
            closing = "" if engine == "onnxruntime-cpu" else _CPU_MEND
            raise _refusal(obstacle, f"engine 'auto', {title}", closing)
        passed_over.append(obstacle)
    raise EngineError(
        f"nothing here can run the networks: {in_words(passed_over)}. {passed_over[-1].mend}"
    )


def find_obstacle(engine: EngineName, environment: Environment) -> Obstacle | None:
    """Why an engine is not to be had, or None where it has all it needs."""
    if engine == "onnxruntime-cpu":
        return _library_obstacle(engine, environment.onnxruntime)
    driver = environment.driver
    if not driver.gpus:
        # A driver that fails concerns nobody who has nothing to run on its GPU.
        broken = driver.broken and _is_installed(engine, environment)
        return Obstacle(engine, driver.problem, DRIVER_MEND, broken)
    if engine == "onnxruntime-cuda":
        return _onnxruntime_cuda_obstacle(environment.onnxruntime)
    if engine == "tensorrt":
        obstacle = _library_obstacle(engine, environment.tensorrt)
    else:
        obstacle = _rtx_obstacle(environment)
    return obstacle or _library_obstacle(engine, environment.cuda_bindings)


def in_words(obstacles: Iterable[Obstacle]) -> str:
    """Obstacles for a message; engines that lack the same are named together."""
    engines: dict[str, list[str]] = {}
    for obstacle in obstacles:
        engines.setdefault(obstacle.problem, []).append(ENGINE_TITLES[obstacle.engine])
    return "; ".join(f"{', '.join(titles)}: {problem}" for problem, titles in engines.items())


def load_backend(
    bundle: ModelBundle,
    settings: EngineSettings,
    cameras: int,
    environment: Environment | None = None,
) -> tuple[Backend, EngineDecision]:
    """Load the networks with the engine that the settings choose.

    Args:
        bundle: to load.
        settings: of inference.
        cameras: the most cameras that are answered together.
        environment: what the machine has; looked up when None.

    Raises:
        EngineError: when the engine is not to be had here, or a graph cannot be loaded.
        BundleError: when the graphs do not fit the bundle.
    """
    decision = decide_engine(settings, environment or Environment())
    try:
        return _load(decision.engine, bundle, settings, cameras), decision
    except EngineError as error:
        if settings.engine != "auto" or decision.engine == "onnxruntime-cpu":
            raise
        raise EngineError(
            f"{error} (Engine 'auto' took {ENGINE_TITLES[decision.engine]}, and does not give way "
            f"to a slower one when it fails. {_CPU_MEND})"
        ) from error


def _load(
    engine: EngineName, bundle: ModelBundle, settings: EngineSettings, cameras: int
) -> Backend:
    if engine == "onnxruntime-cpu":
        return _onnxruntime_backend(bundle, settings, "cpu")
    if engine == "onnxruntime-cuda":
        return _onnxruntime_backend(bundle, settings, "cuda")
    from convlstm_perception.engine.tensorrt.backend import load_tensorrt_backend

    return load_tensorrt_backend(bundle, settings, engine, cameras)


def _automatic(
    engine: EngineName, passed_over: tuple[Obstacle, ...], environment: Environment
) -> EngineDecision:
    why = "the first choice of engine 'auto'"
    if passed_over:
        why = f"engine 'auto' passed over {in_words(passed_over)}"
    if engine != "onnxruntime-cpu":
        return EngineDecision(engine, why, passed_over)
    driver = environment.driver
    idle = driver.gpus[0].name if driver.gpus else ""
    if driver.version and not driver.gpus:
        idle = f"that of NVIDIA's driver {driver.version}"
    return EngineDecision(engine, why, passed_over, idle)


def _refusal(obstacle: Obstacle, what: str, closing: str) -> EngineError:
    sentences = (f"{what}: {obstacle.problem}.", obstacle.mend, closing)
    return EngineError(" ".join(filter(None, sentences)))


def _is_installed(engine: EngineName, environment: Environment) -> bool:
    if engine == "onnxruntime-cuda":
        return CUDA_PROVIDER in environment.onnxruntime.offers
    library = environment.tensorrt if engine == "tensorrt" else environment.tensorrt_rtx
    return library.broken or not library.problem


def _library_obstacle(engine: EngineName, library: Library) -> Obstacle | None:
    if library.problem:
        return Obstacle(engine, library.problem, library.mend, library.broken)
    return None


def _onnxruntime_cuda_obstacle(library: Library) -> Obstacle | None:
    engine: EngineName = "onnxruntime-cuda"
    if library.problem or CUDA_PROVIDER in library.offers:
        return _library_obstacle(engine, library)
    return Obstacle(
        engine,
        f"ONNX Runtime {library.version} was built without CUDA",
        "Put onnxruntime-gpu in its place: pip uninstall onnxruntime, then pip install "
        "'onnxruntime-gpu[cuda,cudnn]' (on a Jetson NVIDIA's wheel for its JetPack).",
    )


def _rtx_obstacle(environment: Environment) -> Obstacle | None:
    engine: EngineName = "tensorrt-rtx"
    library, gpu = environment.tensorrt_rtx, environment.driver.gpus[0]
    if library.problem or gpu.capability in library.offers:
        return _library_obstacle(engine, library)
    return Obstacle(
        engine,
        f"it serves no {gpu.capability} ({gpu.name}), only {', '.join(library.offers)}",
        "Install TensorRT, which does.",
    )


def _onnxruntime_backend(
    bundle: ModelBundle, settings: EngineSettings, device: Device
) -> HostBackend:
    motion_path = bundle.motion_path
    if settings.memory == "stateful":
        if bundle.step_path is None:
            raise BundleError(
                f"{bundle.folder}: memory 'stateful' needs step.onnx, which this bundle has not. "
                "Export the model again, or use memory 'window'."
            )
        motion_path = bundle.step_path
    return HostBackend(
        bundle,
        OnnxRuntimeEngine(bundle.encoder_path, device, settings.threads),
        OnnxRuntimeEngine(motion_path, device, settings.threads, brief_nodes=True),
        # A few thousand multiplications: a copy to a GPU would cost more.
        OnnxRuntimeEngine(bundle.tracks_path, "cpu", 1) if bundle.tracks_path else None,
    )
