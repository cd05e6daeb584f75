"""Inference engines, and the bundles they load."""

from convlstm_perception.engine.backend import Backend, HostBackend
from convlstm_perception.engine.base import Engine, TensorSpec
from convlstm_perception.engine.bundle import ModelBundle, default_bundle_path, write_manifest
from convlstm_perception.engine.choice import EngineDecision, decide_engine
from convlstm_perception.engine.environment import Environment
from convlstm_perception.engine.model import MotionModel
from convlstm_perception.engine.onnxruntime import OnnxRuntimeEngine
from convlstm_perception.engine.runtime import Runtime, StateStep, Window
from convlstm_perception.engine.settings import (
    ENGINE_CHOICES,
    EngineChoice,
    EngineSettings,
    MemoryMode,
)

__all__ = [
    "ENGINE_CHOICES",
    "Backend",
    "Engine",
    "EngineChoice",
    "EngineDecision",
    "EngineSettings",
    "Environment",
    "HostBackend",
    "MemoryMode",
    "ModelBundle",
    "MotionModel",
    "OnnxRuntimeEngine",
    "Runtime",
    "StateStep",
    "TensorSpec",
    "Window",
    "decide_engine",
    "default_bundle_path",
    "write_manifest",
]
