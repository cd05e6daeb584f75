"""The engines of a bundle, checked against it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from convlstm_perception.engine.base import Engine, TensorSpec
from convlstm_perception.engine.bundle import ModelBundle
from convlstm_perception.engine.onnxruntime import OnnxRuntimeEngine, cuda_available
from convlstm_perception.errors import BundleError, EngineError, ParameterError

EngineChoice = Literal["auto", "onnxruntime-cpu", "onnxruntime-cuda"]
ENGINE_CHOICES: tuple[EngineChoice, ...] = ("auto", "onnxruntime-cpu", "onnxruntime-cuda")


class MotionModel:
    """The engines of one bundle; serve any number of cameras, one call at a time.

    Attributes:
        bundle: what was loaded.
        encoder, motion: the engines of every frame.
        tracks: the track decoder's, or None when the bundle has none.
    """

    def __init__(
        self, bundle: ModelBundle, encoder: Engine, motion: Engine, tracks: Engine | None = None
    ) -> None:
        self.bundle, self.encoder, self.motion, self.tracks = bundle, encoder, motion, tracks
        self._check()

    @classmethod
    def load(
        cls, bundle: ModelBundle, engine: EngineChoice = "auto", threads: int = 0
    ) -> MotionModel:
        """Load the engines; ``auto`` takes CUDA where ONNX Runtime has it, else the CPU.

        Raises:
            ParameterError: for an unknown engine.
            EngineError: when the engine is not to be had here, or a graph cannot be loaded.
            BundleError: when the graphs do not fit the bundle.
        """
        if engine not in ENGINE_CHOICES:
            raise ParameterError(f"engine: {engine!r} is not one of {', '.join(ENGINE_CHOICES)}")
        if engine == "onnxruntime-cuda" and not cuda_available():
            raise EngineError(
                "engine 'onnxruntime-cuda': this ONNX Runtime has no CUDA; "
                "install onnxruntime-gpu, or use 'auto'"
            )
        cuda = engine == "onnxruntime-cuda" or (engine == "auto" and cuda_available())
        device: Literal["cpu", "cuda"] = "cuda" if cuda else "cpu"
        return cls(
            bundle,
            OnnxRuntimeEngine(bundle.encoder_path, device, threads),
            OnnxRuntimeEngine(bundle.motion_path, device, threads),
            # A few thousand multiplications: a copy to a GPU would cost more.
            OnnxRuntimeEngine(bundle.tracks_path, "cpu", 1) if bundle.tracks_path else None,
        )

    @property
    def engine_name(self) -> str:
        """What runs the model, in words."""
        return self.encoder.backend

    def warm_up(self) -> None:
        """Run each engine once, so that the first frame does not pay for lazy set-up."""
        for engine in self._engines():
            inputs = {name: spec.allocate() for name, spec in engine.inputs.items()}
            engine.run(inputs, {name: spec.allocate() for name, spec in engine.outputs.items()})

    def close(self) -> None:
        """Free the engines."""
        for engine in self._engines():
            engine.close()

    def _engines(self) -> list[Engine]:
        return [self.encoder, self.motion, *([self.tracks] if self.tracks else [])]

    def _check(self) -> None:
        bundle, slot, skip = self.bundle, "input_to_state", "skip"
        horizons = len(bundle.horizons)
        image = (1, bundle.input_height, bundle.input_width, 3)
        _expect(bundle, "encoder", self.encoder.inputs, {"image": (image, np.uint8)})
        for name in (slot, skip):
            if name not in self.encoder.outputs:
                raise BundleError(f"{bundle.encoder_path}: has no output {name!r}; export it again")
        features = self.encoder.outputs
        expected: dict[str, tuple[tuple[int, ...], type[np.generic]]]
        expected = {f"{slot}_{k}": (features[slot].shape, np.float32) for k in range(bundle.slots)}
        expected[skip] = features[skip].shape, np.float32
        expected["valid"] = expected["dt"] = (1, bundle.slots), np.float32
        _expect(bundle, "motion", self.motion.inputs, expected)
        people = (1, bundle.candidates)
        outputs: dict[str, tuple[tuple[int, ...], type[np.generic]]] = {
            "boxes": ((*people, 4), np.float32),
            "scores": (people, np.float32),
            "future_boxes": ((*people, horizons, 4), np.float32),
            "future_scales": ((*people, horizons, 4), np.float32),
        }
        _expect(bundle, "motion", self.motion.outputs, outputs)
        if self.tracks is not None:
            if "valid" not in self.tracks.inputs:
                raise BundleError(f"{bundle.tracks_path}: has no input 'valid'; export it again")
            batch, slots = self.tracks.inputs["valid"].shape
            past = {"boxes": (batch, slots, 4), "valid": (batch, slots)}
            _expect(
                bundle, "tracks", self.tracks.inputs, {k: (v, np.float32) for k, v in past.items()}
            )
            future = (batch, horizons, 4), np.float32
            _expect(
                bundle,
                "tracks",
                self.tracks.outputs,
                {"future_boxes": future, "future_scales": future},
            )


def _expect(
    bundle: ModelBundle,
    graph: str,
    have: dict[str, TensorSpec],
    want: Mapping[str, tuple[tuple[int, ...], type[np.generic]]],
) -> None:
    path = bundle.folder / f"{graph}.onnx"
    if set(have) != set(want):
        raise BundleError(f"{path}: tensors are {sorted(have)}, expected {sorted(want)}")
    for name, (shape, dtype) in want.items():
        if have[name] != TensorSpec(shape, np.dtype(dtype)):
            raise BundleError(
                f"{path}: tensor {name!r} is {have[name].dtype} {have[name].shape}, model.toml "
                f"asks for {np.dtype(dtype)} {shape}. Export the model again."
            )
