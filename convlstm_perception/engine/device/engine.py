"""A network on a device whose inputs and outputs are arrays of the host."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from convlstm_perception.engine.base import TensorSpec
from convlstm_perception.engine.device.device import Device, DeviceNetwork
from convlstm_perception.engine.device.memory import MemoryPool, MirroredTensors
from convlstm_perception.engine.device.replay import ReplayedNetwork


class DeviceEngine:
    """Copies in, runs and copies out; see :class:`Engine`.

    Args:
        device: that the network is loaded on.
        network: to run, all its tensors of the same batch; closed with this.

    Raises:
        EngineError: when there is not enough memory.
    """

    def __init__(self, device: Device, network: DeviceNetwork) -> None:
        self.inputs: dict[str, TensorSpec] = network.inputs
        self.outputs: dict[str, TensorSpec] = network.outputs
        self.backend = device.name
        self._device, self._network = device, network
        self._replayed = ReplayedNetwork(device, network)
        self._pool = MemoryPool(device)
        (batch,) = {spec.shape[0] for spec in (*self.inputs.values(), *self.outputs.values())}
        self._read = MirroredTensors(self._pool, self.inputs, batch)
        self._written = MirroredTensors(self._pool, self.outputs, batch)

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]) -> None:
        """See :class:`Engine`."""
        for name, array in self._read.arrays.items():
            array[...] = inputs[name]
        self._read.upload()
        self._replayed.enqueue(1, {**self._read.addresses, **self._written.addresses})
        self._written.download()
        self._device.synchronize()
        for name, array in self._written.arrays.items():
            outputs[name][...] = array

    def close(self) -> None:
        """See :class:`Engine`."""
        self._replayed.close()
        self._pool.close()
        self._network.close()
