"""A bundle's engines, loaded on the GPU."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from convlstm_perception.engine.backend import check_networks
from convlstm_perception.engine.base import Engine
from convlstm_perception.engine.bundle import ModelBundle
from convlstm_perception.engine.device.cuda import CudaDevice
from convlstm_perception.engine.device.engine import DeviceEngine
from convlstm_perception.engine.device.runtime import DeviceRuntime
from convlstm_perception.engine.precision import Role
from convlstm_perception.engine.settings import EngineSettings
from convlstm_perception.engine.tensorrt.bindings import TensorRtBackend
from convlstm_perception.engine.tensorrt.cache import BuildCache
from convlstm_perception.engine.tensorrt.compilation import CompiledBundle, compile_bundle
from convlstm_perception.engine.tensorrt.network import TensorRtNetwork

_logger = logging.getLogger(__name__)


class TensorRtEngines:
    """Engines on the GPU; see :class:`Backend`.

    Args:
        bundle: that they are of.
        compiled: its encoder, its motion or step graph, and its track decoder if it has one.

    Attributes:
        nbytes: of the scratch memory in which they work.

    Raises:
        EngineError: when there is no GPU, an engine is refused, or memory is short.
        BundleError: when an engine does not fit the bundle.
    """

    def __init__(self, bundle: ModelBundle, compiled: CompiledBundle) -> None:
        self._device = CudaDevice()
        self._networks: dict[Role, TensorRtNetwork] = {}
        try:
            self._load(bundle, compiled)
        except Exception:
            self.close()
            raise
        self.name = f"{compiled.bindings.title} on {self._device.name}"

    def _load(self, bundle: ModelBundle, compiled: CompiledBundle) -> None:
        for role, engine in compiled.engines.items():
            self._networks[role] = TensorRtNetwork(
                compiled.bindings, engine.plan, str(engine.path), self._device.stream
            )
        loaded = self._networks
        encoder = loaded["encoder"]
        self._motion = loaded["step"] if "step" in loaded else loaded["motion"]
        half = compiled.engines["encoder"].precision != "fp32"
        features = np.float16 if half else np.float32
        check_networks(bundle, encoder, self._motion, loaded.get("tracks"), features)
        # One stream, one network at a time: all of them work in the same memory.
        self.nbytes = max(network.scratch_nbytes for network in loaded.values())
        scratch = self._device.allocate(self.nbytes) if self.nbytes else 0
        for network in loaded.values():
            network.open(scratch, compiled.cameras)
        self.tracks: Engine | None = None
        if "tracks" in loaded:
            self.tracks = DeviceEngine(self._device, loaded["tracks"])

    def open_runtime(self, cameras: int, places: int) -> DeviceRuntime:
        """See :class:`Backend`."""
        return DeviceRuntime(
            self._device, self._networks["encoder"], self._motion, cameras=cameras, places=places
        )

    def close(self) -> None:
        """See :class:`Backend`."""
        for network in self._networks.values():
            network.close()
        self._device.close()


def load_tensorrt_backend(
    bundle: ModelBundle, settings: EngineSettings, backend: TensorRtBackend, cameras: int
) -> TensorRtEngines:
    """Take a bundle's engines from the cache, or build them, and load them on the GPU.

    Args:
        bundle: to load.
        settings: precision, memory, and whether and where engines are built.
        backend: which TensorRT.
        cameras: the most that are answered together.

    Raises:
        EngineError: when there is no GPU, an engine is missing and may not be built, or refused.
        BundleError: when the bundle does not have what the memory needs.
    """
    told: set[Role] = set()

    def tell(role: Role, what: str, done: int, steps: int) -> None:
        if what != "reading" and role not in told:
            told.add(role)
            _logger.info("building the %s engine of %s; it is kept", role, bundle.folder)

    compiled = compile_bundle(
        bundle,
        precision=settings.precision,
        backend=backend,
        cameras=cameras,
        cache=BuildCache(Path(settings.engine_cache) if settings.engine_cache else None),
        memory=settings.memory,
        policy=settings.build_engine,
        progress=tell,
    )
    return TensorRtEngines(bundle, compiled)
