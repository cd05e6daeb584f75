"""What an engine is built for: the GPU of this machine, or a compute capability."""

from __future__ import annotations

import re
from dataclasses import dataclass

from convlstm_perception.engine.nvidia_driver import find_gpu
from convlstm_perception.engine.tensorrt.bindings import TensorRtBindings
from convlstm_perception.errors import EngineError

CURRENT = "current"


@dataclass(frozen=True)
class Target:
    """What an engine is built for.

    Attributes:
        capability: compute capability, as ``sm87``.
        gpu: name of this machine's GPU where the engine is for it; empty elsewhere.
    """

    capability: str
    gpu: str = ""


def parse_target(text: str) -> str:
    """``current`` or a compute capability: ``sm89``, also written ``SM89`` or ``8.9``.

    Raises:
        EngineError: when it is neither.
    """
    name = text.strip().lower()
    if name == CURRENT:
        return name
    number = re.fullmatch(r"(?:sm_?)?(\d{2,3})|(\d{1,2})\.(\d)", name)
    if number is None:
        raise EngineError(f"target {text!r}: give 'current' or a compute capability, as 'sm89'")
    return "sm" + "".join(part for part in number.groups() if part)


def resolve_target(bindings: TensorRtBindings, text: str) -> Target:
    """Find out what to build for, and that it can be done here.

    Raises:
        EngineError: when these bindings cannot build for it on this machine.
    """
    name = parse_target(text)
    possible = bindings.compute_capabilities
    if name != CURRENT and name in possible:
        return Target(name)
    if name != CURRENT and bindings.backend == "tensorrt-rtx":
        raise EngineError(_not_served(bindings, name))
    try:
        gpu = find_gpu()
    except EngineError as error:
        raise EngineError(
            f"{bindings.title}, target '{name}': {error} {_elsewhere(bindings)}"
        ) from error
    if bindings.backend == "tensorrt-rtx" and gpu.capability not in possible:
        raise EngineError(_not_served(bindings, f"{gpu.capability} ({gpu.name})"))
    if name not in (CURRENT, gpu.capability):
        raise EngineError(
            f"{bindings.title}, target '{name}': it builds only for the GPU it runs on, here "
            f"{gpu.capability} ({gpu.name}). {_elsewhere(bindings)}"
        )
    return Target(gpu.capability, gpu.name)


def _not_served(bindings: TensorRtBindings, name: str) -> str:
    return (
        f"{bindings.title} builds no engine for {name}, only for {_listed(bindings)}. Orin (sm87), "
        "Hopper (sm90), Thor (sm110) and others are served by TensorRT, on the machine itself: "
        "--backend tensorrt --target current."
    )


def _elsewhere(bindings: TensorRtBindings) -> str:
    if bindings.backend == "tensorrt-rtx":
        return f"Without a GPU, name the one to build for: --target {_listed(bindings)}."
    return (
        "Compile on the machine that will run the engine; without its GPU only TensorRT-RTX can: "
        "--backend tensorrt-rtx --target sm89."
    )


def _listed(bindings: TensorRtBindings) -> str:
    return ", ".join(sorted(bindings.compute_capabilities, key=lambda name: int(name[2:])))
