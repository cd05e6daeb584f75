"""A bundle with the networks that were loaded of it."""

from __future__ import annotations

from convlstm_perception.engine.backend import Backend
from convlstm_perception.engine.base import Engine
from convlstm_perception.engine.bundle import ModelBundle
from convlstm_perception.engine.choice import EngineDecision, load_backend
from convlstm_perception.engine.runtime import Runtime
from convlstm_perception.engine.settings import EngineSettings, MemoryMode


class MotionModel:
    """One bundle's networks; serve any number of cameras.

    Attributes:
        bundle: what was loaded.
        engine_name: what runs it, in words.
        memory: how the networks remember.
        decision: why that runs it; None where the caller brought the backend.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        backend: Backend,
        memory: MemoryMode = "window",
        decision: EngineDecision | None = None,
    ) -> None:
        self.bundle, self.engine_name, self.memory = bundle, backend.name, memory
        self.decision = decision
        self._backend = backend
        self._runtimes: list[Runtime] = []

    @classmethod
    def load(
        cls, bundle: ModelBundle, settings: EngineSettings | None = None, cameras: int = 1
    ) -> MotionModel:
        """Load the networks.

        Args:
            bundle: to load.
            settings: which engine, and how; the defaults when None.
            cameras: the most cameras that are answered together.

        Raises:
            EngineError: when the engine is not to be had here, or a graph cannot be loaded.
            BundleError: when the graphs do not fit the bundle.
        """
        settings = settings or EngineSettings()
        backend, decision = load_backend(bundle, settings, cameras)
        return cls(bundle, backend, settings.memory, decision)

    @property
    def tracks(self) -> Engine | None:
        """Engine of the track decoder, or None when the bundle has none."""
        return self._backend.tracks

    def open_runtime(self, cameras: int, places: int) -> Runtime:
        """Memory for some cameras, each with a ring of ``places`` frames; :meth:`close` frees it.

        Raises:
            EngineError: when there is not enough memory.
        """
        runtime = self._backend.open_runtime(cameras, places)
        self._runtimes.append(runtime)
        return runtime

    def close(self) -> None:
        """Free the runtimes and the networks."""
        while self._runtimes:
            self._runtimes.pop().close()
        self._backend.close()
