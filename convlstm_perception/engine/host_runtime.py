"""The runtime whose memory is the host's: frames one by one through any two engines."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from convlstm_perception.engine.base import Engine
from convlstm_perception.engine.runtime import MemoryStep, MotionOutputs, StateStep, Window
from convlstm_perception.engine.tensor_names import (
    ANSWERS,
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
from convlstm_perception.types import Image


class HostRuntime:
    """Runs an encoder and a motion or step graph of batch 1; see :class:`Runtime`.

    Cameras take turns: on processors, a batch of two costs what two batches of one cost.

    Args:
        encoder: engine of ``encoder.onnx``.
        motion: engine of ``motion.onnx`` (windows) or of ``step.onnx`` (a state carried on).
        cameras: number of cameras.
        places: frames of each camera that the ring holds; of no matter for a state.
    """

    def __init__(self, encoder: Engine, motion: Engine, *, cameras: int, places: int) -> None:
        self.backend = encoder.backend
        self.most_at_once = 1
        self.stage_seconds: dict[str, float] = {}
        self._encoder, self._motion = encoder, motion
        image, slot = encoder.inputs[IMAGE], encoder.outputs[INPUT_TO_STATE]
        self._canvases = [image.allocate() for _ in range(cameras)]
        self._skip = encoder.outputs[SKIP].allocate()
        self._nothing = slot.allocate()
        self._stateful = is_stateful(motion.inputs)
        if self._stateful:
            state = {name: motion.inputs[name] for name in STATE}
            self._zero = {name: spec.allocate() for name, spec in state.items()}
            self._states = [
                [{name: spec.allocate() for name, spec in state.items()} for _ in range(2)]
                for _ in range(cameras)
            ]
            self._dt = motion.inputs[DT].allocate()
        # A state remembers by itself: the features of a frame are then read once only.
        places = 1 if self._stateful else places
        self._ring = [[slot.allocate() for _ in range(places)] for _ in range(cameras)]
        self._outputs = [
            {name: motion.outputs[name].allocate() for name in ANSWERS} for _ in range(cameras)
        ]
        self.nbytes = sum(array.nbytes for array in self._arrays())

    def canvas(self, camera: int) -> Image:
        """See :class:`Runtime`."""
        canvas: Image = self._canvases[camera][0]
        return canvas

    def run(self, steps: Mapping[int, MemoryStep]) -> dict[int, MotionOutputs]:
        """See :class:`Runtime`."""
        self.stage_seconds = {"encoder": 0.0, "motion": 0.0}
        for camera, step in steps.items():
            start = time.perf_counter()
            features = self._features(camera, step)
            image = {IMAGE: self._canvases[camera]}
            self._encoder.run(image, {INPUT_TO_STATE: features, SKIP: self._skip})
            encoded = time.perf_counter()
            if isinstance(step, StateStep):
                self._step(camera, step)
            else:
                self._window(camera, step)
            self.stage_seconds["encoder"] += encoded - start
            self.stage_seconds["motion"] += time.perf_counter() - encoded
        return {camera: self._outputs[camera] for camera in steps}

    def close(self) -> None:
        """Nothing to do: the arrays go with the object."""

    def _features(self, camera: int, step: MemoryStep) -> np.ndarray:
        place = 0 if isinstance(step, StateStep) else step.places[0]
        assert place is not None, "the newest frame is always in its window"
        return self._ring[camera][place]

    def _window(self, camera: int, window: Window) -> None:
        ring = self._ring[camera]
        inputs = {
            slot_input(slot): self._nothing if place is None else ring[place]
            for slot, place in enumerate(window.places)
        }
        inputs |= {SKIP: self._skip, VALID: window.valid, DT: window.dt}
        self._motion.run(inputs, self._outputs[camera])

    def _step(self, camera: int, step: StateStep) -> None:
        states = self._states[camera]
        before = self._zero if step.source is None else states[step.source]
        self._dt[...] = step.dt
        after = {next_state(name): array for name, array in states[step.target].items()}
        self._motion.run(
            {INPUT_TO_STATE: self._ring[camera][0], SKIP: self._skip, DT: self._dt, **before},
            {**self._outputs[camera], **after},
        )

    def _arrays(self) -> list[np.ndarray]:
        arrays = [*self._canvases, self._skip, self._nothing]
        arrays += [array for ring in self._ring for array in ring]
        named = [*self._outputs]
        if self._stateful:
            named += [self._zero, *(state for pair in self._states for state in pair)]
        return arrays + [array for group in named for array in group.values()]
