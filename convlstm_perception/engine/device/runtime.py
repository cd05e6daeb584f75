"""The runtime whose memory is a device's: cameras answered together, in one stream."""

from __future__ import annotations

from collections.abc import Mapping

from convlstm_perception.engine.device.device import Device, DeviceNetwork, row_nbytes
from convlstm_perception.engine.device.memory import Canvases, MemoryPool, MirroredTensors
from convlstm_perception.engine.device.recurrence import (
    Recurrence,
    StateRecurrence,
    Steps,
    WindowRecurrence,
)
from convlstm_perception.engine.device.replay import MOST_GRAPHS, ReplayedNetwork
from convlstm_perception.engine.runtime import MemoryStep, MotionOutputs
from convlstm_perception.engine.tensor_names import (
    ANSWERS,
    IMAGE,
    INPUT_TO_STATE,
    SKIP,
    is_stateful,
)
from convlstm_perception.errors import ParameterError
from convlstm_perception.types import Image

_STAGES = ("upload", "encoder", "motion", "download")


class DeviceRuntime:
    """Runs an encoder and a motion or step network on a device; see :class:`Runtime`.

    The host waits once for each run, at its end.

    Args:
        device: that the networks are loaded on.
        encoder: network of ``encoder.onnx``.
        motion: network of ``motion.onnx`` (windows) or of ``step.onnx`` (a state carried on).
        cameras: number of cameras.
        places: frames of each camera that the ring holds; of no matter for a state.
        recordings: of each network that are kept for replay; 0 keeps none.

    Raises:
        EngineError: when there is not enough memory.
        ParameterError: when the networks serve fewer cameras at once.
    """

    def __init__(
        self,
        device: Device,
        encoder: DeviceNetwork,
        motion: DeviceNetwork,
        *,
        cameras: int,
        places: int,
        recordings: int = MOST_GRAPHS,
    ) -> None:
        most = min(encoder.max_batch, motion.max_batch)
        if cameras > most:
            raise ParameterError(
                f"the engines serve {most} cameras at once, not {cameras}; build them for more"
            )
        self.backend = device.name
        self.most_at_once = cameras
        self.stage_seconds: dict[str, float] = {}
        self._device = device
        self._pool = MemoryPool(device)
        try:
            self._recurrence = _recurrence(self._pool, motion, places, cameras)
            self._canvases = Canvases(self._pool, encoder.inputs[IMAGE], cameras)
            self._skip = self._pool.allocate(cameras * row_nbytes(encoder.outputs[SKIP]))
            answers = {name: motion.outputs[name] for name in ANSWERS}
            self._answers = MirroredTensors(self._pool, answers, cameras)
        except Exception:
            self._pool.close()
            raise
        self._encoder = ReplayedNetwork(device, encoder, recordings)
        self._motion = ReplayedNetwork(device, motion, recordings)
        self.nbytes = self._pool.nbytes

    def canvas(self, camera: int) -> Image:
        """See :class:`Runtime`."""
        canvas: Image = self._canvases.arrays[camera]
        return canvas

    def run(self, steps: Mapping[int, MemoryStep]) -> dict[int, MotionOutputs]:
        """See :class:`Runtime`.

        Raises:
            DeviceError: when the device fails; the networks must be loaded anew then.
        """
        batch: Steps = sorted(steps.items())
        device, recurrence = self._device, self._recurrence
        device.mark(0)
        image = self._canvases.upload([camera for camera, _ in batch])
        recurrence.describe(batch)
        recurrence.times.upload()
        device.mark(1)
        features = recurrence.features_target(batch)
        self._encoder.enqueue(
            len(batch), {IMAGE: image, INPUT_TO_STATE: features, SKIP: self._skip}
        )
        device.mark(2)
        remembered = recurrence.bind(batch)
        self._motion.enqueue(
            len(batch),
            {
                **remembered,
                SKIP: self._skip,
                **recurrence.times.addresses,
                **self._answers.addresses,
            },
        )
        recurrence.keep(batch)
        device.mark(3)
        self._answers.download()
        device.mark(4)
        device.synchronize()
        self.stage_seconds = {
            stage: device.seconds_between(moment, moment + 1)
            for moment, stage in enumerate(_STAGES)
        }
        return {camera: self._answer(row) for row, (camera, _) in enumerate(batch)}

    def close(self) -> None:
        """See :class:`Runtime`."""
        self._encoder.close()
        self._motion.close()
        self._pool.close()

    def _answer(self, row: int) -> MotionOutputs:
        return {name: array[row : row + 1] for name, array in self._answers.arrays.items()}


def _recurrence(pool: MemoryPool, motion: DeviceNetwork, places: int, cameras: int) -> Recurrence:
    if is_stateful(motion.inputs):
        return StateRecurrence(pool, motion, cameras)
    return WindowRecurrence(pool, motion, places, cameras)
