"""What a built engine is made of."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from convlstm_perception.engine.tensorrt import api
from convlstm_perception.engine.tensorrt.bindings import TensorRtBindings
from convlstm_perception.engine.tensorrt.network import deserialize

_NAMES = {"FLOAT": "float32", "HALF": "float16", "BF16": "bfloat16"}


@dataclass(frozen=True)
class TensorReport:
    """An input or output; a side of -1 is the batch, where it is not fixed."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class LayerReport:
    """How many layers of a kind give a type of number."""

    kind: str
    dtype: str
    count: int


@dataclass(frozen=True)
class EngineReport:
    """What an engine is made of.

    Attributes:
        inputs, outputs: of the network as it was read.
        layers: of the network as it was read, most frequent first.
        kernels: of the engine, after layers were fused; empty where it was built for a GPU that is
            not here, as an engine can only be looked into on its GPU.
        batch: least and greatest batch; equal where the graph has a fixed one.
        seconds: that building took.
    """

    inputs: tuple[TensorReport, ...]
    outputs: tuple[TensorReport, ...]
    layers: tuple[LayerReport, ...]
    kernels: tuple[LayerReport, ...]
    batch: tuple[int, int]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """As scalars, lists and maps."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> EngineReport:
        """Read what :meth:`to_json` gave."""
        return cls(
            inputs=_tensors(values["inputs"]),
            outputs=_tensors(values["outputs"]),
            layers=tuple(LayerReport(**layer) for layer in values["layers"]),
            kernels=tuple(LayerReport(**layer) for layer in values["kernels"]),
            batch=(values["batch"][0], values["batch"][1]),
            seconds=values["seconds"],
        )


def describe_tensor(tensor: api.ITensor) -> TensorReport:
    """Name, shape and type of a network's input or output."""
    return TensorReport(tensor.name, tuple(tensor.shape), _type_name(tensor.dtype))


def count_layers(network: api.INetworkDefinition) -> tuple[LayerReport, ...]:
    """The layers of a network by kind and by the type of their first output."""
    layers = [network.get_layer(index) for index in range(network.num_layers)]
    return _count(
        (layer.type.name.lower(), _type_name(layer.get_output(0).dtype))
        for layer in layers
        if layer.num_outputs
    )


def count_kernels(bindings: TensorRtBindings, plan: bytes) -> tuple[LayerReport, ...]:
    """The layers of an engine of this machine's GPU by kind and by the type of their first output.

    Raises:
        EngineError: when the engine cannot be loaded here.
    """
    engine = deserialize(bindings, plan, "the engine that was just built")
    inspector = engine.create_engine_inspector()
    text = inspector.get_engine_information(bindings.module.LayerInformationFormat.JSON)
    return kernels_of(json.loads(text))


def kernels_of(information: Mapping[str, Any]) -> tuple[LayerReport, ...]:
    """Count the layers of the engine inspector's JSON, as it is with detailed profiling.

    Each has a ``LayerType`` and ``Outputs`` with their ``Format/Datatype``, which begins with or
    contains the type's name (``Half``, ``Row major linear FP32``); where only names are given,
    kind and type are unknown.
    https://docs.nvidia.com/deeplearning/tensorrt/latest/inference-library/engine-tools.html
    """
    counted = []
    for layer in information.get("Layers", []):
        if isinstance(layer, str):
            counted.append(("unknown", "unknown"))
            continue
        outputs = layer.get("Outputs") or [{}]
        counted.append(
            (str(layer.get("LayerType", "unknown")), str(outputs[0].get("Format/Datatype", "none")))
        )
    return _count(counted)


def _count(pairs: Iterable[tuple[str, str]]) -> tuple[LayerReport, ...]:
    return tuple(
        LayerReport(kind, dtype, count) for (kind, dtype), count in Counter(pairs).most_common()
    )


def _tensors(values: Iterable[Mapping[str, Any]]) -> tuple[TensorReport, ...]:
    return tuple(
        TensorReport(str(value["name"]), tuple(value["shape"]), str(value["dtype"]))
        for value in values
    )


def _type_name(data_type: api.Enumerator) -> str:
    return _NAMES.get(data_type.name, data_type.name.lower())
