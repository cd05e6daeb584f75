"""Compares TensorRT's real bindings with the interface that this package declares and uses.

``python -m tests.support.tensorrt_contract tensorrt`` prints what it found as JSON.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterator
from typing import Any, Protocol

from convlstm_perception.engine.tensorrt import api
from convlstm_perception.engine.tensorrt.bindings import (
    TensorRtBindings,
    load_bindings,
    numpy_dtype,
)

_RTX = "Rtx"
_MODULE, _ENUMERATOR = "Module", "Enumerator"


def declared() -> dict[str, type]:
    """The protocols of :mod:`api` by name."""
    return {
        name: value
        for name, value in vars(api).items()
        if isinstance(value, type)
        and value.__module__ == api.__name__
        and issubclass(value, Protocol)
        and not name.startswith("_")
    }


def members(protocol: type) -> Iterator[tuple[str, Any]]:
    """A protocol's own members: name, and the function where it is a method."""
    for name in vars(protocol).get("__annotations__", {}):
        yield name, None
    for name, value in vars(protocol).items():
        is_property = isinstance(value, property)
        if is_property or (inspect.isfunction(value) and _is_spoken(name, value)):
            yield name, None if is_property else value


def faults(bindings: TensorRtBindings) -> list[str]:
    """What the bindings lack, or take under other names."""
    found = []
    for name, protocol in declared().items():
        if name.startswith(_RTX) and bindings.backend != "tensorrt-rtx":
            continue
        real = _real(bindings, name.removeprefix(_RTX))
        if real is None:
            found.append(f"no class {name}")
            continue
        for member, function in members(protocol):
            if not hasattr(real, member):
                found.append(f"{name} has no {member}")
            elif function is not None:
                found += _signature_faults(f"{name}.{member}", function, getattr(real, member))
    return found


def _is_spoken(name: str, function: Any) -> bool:
    """Whether a function is declared here, unlike what Protocol adds and the buffer protocol."""
    spoken = not name.startswith("__") or name in ("__init__", "__int__")
    return spoken and function.__module__ == api.__name__


def _real(bindings: TensorRtBindings, name: str) -> Any:
    if name == _MODULE:
        return bindings.module
    if name == _ENUMERATOR:
        return type(bindings.module.BuilderFlag.TF32)
    return getattr(bindings.module, name, None)


def _signature_faults(name: str, function: Any, real: Any) -> list[str]:
    """The bindings' docstrings begin with their signatures, one for each overload."""
    ours = list(inspect.signature(function).parameters)[1:]
    signatures = re.findall(r"^(?:\d+\. )?\w+\(self[^,)]*(?:, )?(.*)\) ->", real.__doc__, re.M)
    if not signatures:
        return [f"{name}: no signature in {real.__doc__!r}"]
    if any(_takes(signature, ours) for signature in signatures):
        return []
    return [f"{name}({', '.join(ours)}) is not {' nor '.join(signatures)}"]


def _takes(signature: str, ours: list[str]) -> bool:
    parameters = [part for part in re.split(r", (?=\w+: )", signature) if part.strip("/")]
    names = [part.split(":")[0] for part in parameters]
    beyond = parameters[len(ours) :]
    return names[: len(ours)] == ours and all(" = " in part for part in beyond)


def main() -> None:
    bindings = load_bindings(sys.argv[1])
    data_types = bindings.module.DataType
    print(
        json.dumps(
            {
                "version": bindings.version,
                "faults": faults(bindings),
                "network_flags": _flag_names(bindings),
                "compute_capabilities": sorted(bindings.compute_capabilities),
                "dtypes": {
                    name: str(numpy_dtype(getattr(data_types, name)))
                    for name in ("FLOAT", "HALF", "INT8", "UINT8", "INT32", "INT64", "BOOL")
                },
            }
        )
    )


def _flag_names(bindings: TensorRtBindings) -> list[str]:
    flags, kinds = bindings.network_flags(), bindings.module.NetworkDefinitionCreationFlag
    every = kinds.__members__.items()
    return sorted(name for name, flag in every if flags & 1 << int(flag))


if __name__ == "__main__":
    main()
