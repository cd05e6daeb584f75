"""Which engine runs a bundle here, and why."""

from __future__ import annotations

from convlstm_perception.engine.backend import Backend, HostBackend
from convlstm_perception.engine.bundle import ModelBundle
from convlstm_perception.engine.onnxruntime import Device, OnnxRuntimeEngine, cuda_available
from convlstm_perception.engine.settings import EngineSettings
from convlstm_perception.errors import BundleError, EngineError


def load_backend(bundle: ModelBundle, settings: EngineSettings, cameras: int) -> Backend:
    """Load the networks with the engine that the settings choose.

    Raises:
        EngineError: when the engine is not to be had here, or a graph cannot be loaded.
        BundleError: when the graphs do not fit the bundle.
    """
    engine = settings.engine
    if engine == "onnxruntime-cuda" and not cuda_available():
        raise EngineError(
            "engine 'onnxruntime-cuda': this ONNX Runtime has no CUDA; "
            "install onnxruntime-gpu, or use 'auto'"
        )
    cuda = engine == "onnxruntime-cuda" or (engine == "auto" and cuda_available())
    return _onnxruntime_backend(bundle, settings, "cuda" if cuda else "cpu")


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
        OnnxRuntimeEngine(motion_path, device, settings.threads),
        # A few thousand multiplications: a copy to a GPU would cost more.
        OnnxRuntimeEngine(bundle.tracks_path, "cpu", 1) if bundle.tracks_path else None,
    )
