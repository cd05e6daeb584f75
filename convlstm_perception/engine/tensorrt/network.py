"""An engine on the GPU: its tensors, and its runs in a stream."""

from __future__ import annotations

import numpy as np

from convlstm_perception.engine.base import TensorSpec
from convlstm_perception.engine.device.device import Addresses
from convlstm_perception.engine.tensorrt import api
from convlstm_perception.engine.tensorrt.bindings import TensorRtBindings, numpy_dtype
from convlstm_perception.errors import DeviceError, EngineError

_OPEN = -1


def deserialize(bindings: TensorRtBindings, plan: bytes, name: str) -> api.ICudaEngine:
    """Load an engine on the GPU.

    Args:
        bindings: TensorRT, of the version that built it.
        plan: as TensorRT serialised it.
        name: of the engine, for messages.

    Raises:
        EngineError: with TensorRT's words, when it refuses the engine.
    """
    with bindings.log.failures() as failures:
        engine = bindings.module.Runtime(bindings.logger).deserialize_cuda_engine(plan)
        if engine is None:
            raise EngineError(
                f"{name}: {bindings.title} cannot load the engine: {' '.join(failures.lines)} "
                "Delete it, so that it is built anew, and compare `convlstm-perception doctor`."
            )
    return engine


class TensorRtNetwork:
    """An engine with a context for each batch; see :class:`DeviceNetwork`.

    The contexts of all engines in a stream work in the same scratch memory, one after the other:
    :meth:`open` gives it to them.

    Args:
        bindings: TensorRT, of the version that built the engine.
        plan: as TensorRT serialised it.
        name: of the engine, for messages.
        stream: handle of the CUDA stream to work in.

    Attributes:
        scratch_nbytes: what a run needs.

    Raises:
        EngineError: when TensorRT refuses the engine.
    """

    def __init__(self, bindings: TensorRtBindings, plan: bytes, name: str, stream: int) -> None:
        self._bindings, self._name, self._stream = bindings, name, stream
        self._engine: api.ICudaEngine | None = deserialize(bindings, plan, name)
        engine = self._engine
        self.inputs: dict[str, TensorSpec] = {}
        self.outputs: dict[str, TensorSpec] = {}
        self.max_batch = 1
        self._batched: list[str] = []
        for index in range(engine.num_io_tensors):
            self._describe(engine, engine.get_tensor_name(index))
        self.scratch_nbytes = int(engine.device_memory_size_v2)
        self._contexts: dict[int, api.IExecutionContext] = {}

    def open(self, scratch: int, batches: int) -> None:
        """Make the contexts.

        Args:
            scratch: address of at least ``scratch_nbytes`` for the use of the stream.
            batches: contexts are made for batches of 1 to this.

        Raises:
            EngineError: when there is not enough memory.
        """
        assert self._engine is not None, "the network was closed"
        strategy = self._bindings.module.ExecutionContextAllocationStrategy.USER_MANAGED
        for batch in range(1, min(batches, self.max_batch) + 1) if self._batched else (1,):
            with self._bindings.log.failures() as failures:
                context = self._engine.create_execution_context(strategy)
                if context is None:
                    raise EngineError(
                        f"{self._name}: {self._bindings.title} cannot make the context of batch "
                        f"{batch}: {' '.join(failures.lines)} Give the node fewer cameras, or end "
                        "other programs that use the GPU."
                    )
                context.set_device_memory(scratch, self.scratch_nbytes)
                for name in self._batched:
                    shape = (batch, *self.inputs[name].shape[1:])
                    if not context.set_input_shape(name, shape):
                        raise EngineError(
                            f"{self._name}: {self._bindings.title} refuses input '{name}' of "
                            f"{shape}: {' '.join(failures.lines)} Compile the bundle again."
                        )
            self._contexts[batch] = context

    def enqueue(self, batch: int, addresses: Addresses) -> None:
        """See :class:`DeviceNetwork`."""
        context = self._contexts[batch]
        with self._bindings.log.failures() as failures:
            # Not short of any: what is refused is named by TensorRT's log.
            taken = [context.set_tensor_address(*tensor) for tensor in addresses.items()]
            if not all(taken) or not context.execute_async_v3(self._stream):
                raise DeviceError(
                    f"{self._name}: {self._bindings.title} cannot run the engine: "
                    f"{' '.join(failures.lines)} Configure the node again."
                )

    def close(self) -> None:
        """See :class:`DeviceNetwork`."""
        self._contexts.clear()
        self._engine = None

    def _describe(self, engine: api.ICudaEngine, name: str) -> None:
        shape = tuple(int(side) for side in engine.get_tensor_shape(name))
        is_input = engine.get_tensor_mode(name) == self._bindings.module.TensorIOMode.INPUT
        if shape[0] == _OPEN:
            if is_input:
                self._batched.append(name)
                greatest = engine.get_tensor_profile_shape(name, 0)[-1]
                self.max_batch = int(greatest[0])
            shape = (1, *shape[1:])
        spec = TensorSpec(shape, np.dtype(numpy_dtype(engine.get_tensor_dtype(name))))
        (self.inputs if is_input else self.outputs)[name] = spec
