"""What a way to run a bundle's networks offers, and that of ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from convlstm_perception.engine.base import Engine, TensorSpec
from convlstm_perception.engine.bundle import ModelBundle
from convlstm_perception.engine.host_runtime import HostRuntime
from convlstm_perception.engine.runtime import Runtime
from convlstm_perception.engine.tensor_names import (
    DT,
    IMAGE,
    INPUT_TO_STATE,
    SKIP,
    STATE,
    VALID,
    is_stateful,
    next_state,
    slot_input,
)
from convlstm_perception.errors import BundleError


class Backend(Protocol):
    """A bundle's networks, loaded.

    Attributes:
        name: what runs them, in words.
        tracks: engine of the track decoder, or None when the bundle has none.
    """

    name: str
    tracks: Engine | None

    def open_runtime(self, cameras: int, places: int) -> Runtime:
        """Allocate memory for ``cameras``, each with a ring of ``places`` frames.

        Raises:
            EngineError: when there is not enough memory.
        """
        ...

    def close(self) -> None:
        """Free the networks; every runtime was closed before."""
        ...


class HostBackend:
    """Networks that read and write the host's memory, one frame at a time.

    Args:
        bundle: that the engines are of.
        encoder: engine of ``encoder.onnx``.
        motion: engine of ``motion.onnx`` or ``step.onnx``.
        tracks: engine of ``tracks.onnx``.

    Raises:
        BundleError: when a graph does not fit the bundle.
    """

    def __init__(
        self, bundle: ModelBundle, encoder: Engine, motion: Engine, tracks: Engine | None = None
    ) -> None:
        self.name = encoder.backend
        self.tracks = tracks
        self._encoder, self._motion = encoder, motion
        check_networks(bundle, encoder, motion, tracks)

    def open_runtime(self, cameras: int, places: int) -> HostRuntime:
        """See :class:`Backend`."""
        return HostRuntime(self._encoder, self._motion, cameras=cameras, places=places)

    def close(self) -> None:
        """See :class:`Backend`."""
        for engine in (self._encoder, self._motion, self.tracks):
            if engine is not None:
                engine.close()


class Bindings(Protocol):
    """Named inputs and outputs."""

    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]


_Expected = Mapping[str, tuple[tuple[int, ...], type[np.generic]]]


def check_networks(
    bundle: ModelBundle,
    encoder: Bindings,
    motion: Bindings,
    tracks: Bindings | None,
    features: type[np.generic] = np.float32,
) -> None:
    """Compare the tensors of loaded networks, batch 1, with what the bundle's manifest says.

    Args:
        bundle: that they are of.
        encoder, motion, tracks: the networks; motion is that of a window or of a step.
        features: dtype of the features and of the hidden state: half precision where the engines
            were built so.

    Raises:
        BundleError: naming the file, the tensor and what was expected.
    """
    image = (1, bundle.input_height, bundle.input_width, 3)
    _expect(bundle, "encoder", encoder.inputs, {IMAGE: (image, np.uint8)})
    for name in (INPUT_TO_STATE, SKIP):
        if name not in encoder.outputs:
            raise BundleError(f"{bundle.encoder_path}: has no output {name!r}; export it again")
    slot, skip = encoder.outputs[INPUT_TO_STATE].shape, encoder.outputs[SKIP].shape
    people, horizons = (1, bundle.candidates), len(bundle.horizons)
    outputs: dict[str, tuple[tuple[int, ...], type[np.generic]]] = {
        "boxes": ((*people, 4), np.float32),
        "scores": (people, np.float32),
        "future_boxes": ((*people, horizons, 4), np.float32),
        "future_scales": ((*people, horizons, 4), np.float32),
    }
    inputs: dict[str, tuple[tuple[int, ...], type[np.generic]]] = {SKIP: (skip, features)}
    if is_stateful(motion.inputs):
        graph = "step"
        state = (1, slot[1] // 4, *slot[2:])
        inputs |= {INPUT_TO_STATE: (slot, features), DT: ((1, 1), np.float32)}
        hidden, cell = STATE
        inputs[hidden] = outputs[next_state(hidden)] = state, features
        inputs[cell] = outputs[next_state(cell)] = state, np.float32
    else:
        graph = "motion"
        inputs |= {slot_input(k): (slot, features) for k in range(bundle.slots)}
        inputs[VALID] = inputs[DT] = (1, bundle.slots), np.float32
    _expect(bundle, graph, motion.inputs, inputs)
    _expect(bundle, graph, motion.outputs, outputs)
    if tracks is not None:
        _check_tracks(bundle, tracks, horizons)


def _check_tracks(bundle: ModelBundle, tracks: Bindings, horizons: int) -> None:
    if VALID not in tracks.inputs:
        raise BundleError(f"{bundle.tracks_path}: has no input 'valid'; export it again")
    batch, slots = tracks.inputs[VALID].shape
    past = {"boxes": (batch, slots, 4), VALID: (batch, slots)}
    _expect(bundle, "tracks", tracks.inputs, {k: (v, np.float32) for k, v in past.items()})
    future = (batch, horizons, 4), np.float32
    _expect(bundle, "tracks", tracks.outputs, {"future_boxes": future, "future_scales": future})


def _expect(
    bundle: ModelBundle, graph: str, have: Mapping[str, TensorSpec], want: _Expected
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
