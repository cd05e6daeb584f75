"""Inference engines, and the bundles they load."""

from convlstm_perception.engine.base import Engine, TensorSpec
from convlstm_perception.engine.bundle import ModelBundle, default_bundle_path, write_manifest
from convlstm_perception.engine.model import ENGINE_CHOICES, EngineChoice, MotionModel
from convlstm_perception.engine.onnxruntime import OnnxRuntimeEngine

__all__ = [
    "ENGINE_CHOICES",
    "Engine",
    "EngineChoice",
    "ModelBundle",
    "MotionModel",
    "OnnxRuntimeEngine",
    "TensorSpec",
    "default_bundle_path",
    "write_manifest",
]
