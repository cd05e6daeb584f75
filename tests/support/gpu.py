"""Whether TensorRT's engines can be run on this machine."""

from __future__ import annotations

from convlstm_perception.engine import EngineSettings, Environment, decide_engine
from convlstm_perception.errors import EngineError


def why_no_tensorrt() -> str:
    """Why engines cannot be run here, or ""."""
    try:
        decision = decide_engine(EngineSettings(), Environment())
    except EngineError as error:
        return str(error)
    return "" if decision.engine.startswith("tensorrt") else decision.why
