"""Settings of inference: what runs the networks, and how they remember."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from convlstm_perception.settings import setting, validate

EngineChoice = Literal["auto", "tensorrt", "tensorrt-rtx", "onnxruntime-cuda", "onnxruntime-cpu"]
ENGINE_CHOICES: tuple[EngineChoice, ...] = (
    "auto",
    "tensorrt",
    "tensorrt-rtx",
    "onnxruntime-cuda",
    "onnxruntime-cpu",
)
MemoryMode = Literal["window", "stateful"]
Precision = Literal["fp32", "fp16", "int8"]
BuildPolicy = Literal["if_missing", "never"]


@dataclass(frozen=True)
class EngineSettings:
    """How the networks are run."""

    engine: EngineChoice = setting(
        "auto",
        "inference engine; auto takes TensorRT, then ONNX Runtime on CUDA, then on the CPU",
        choices=ENGINE_CHOICES,
    )
    memory: MemoryMode = setting(
        "window",
        "'window' reads the last frames anew for each answer and forgets what is older; 'stateful' "
        "carries the ConvLSTM's state on, one step a frame",
        choices=("window", "stateful"),
    )
    precision: Precision = setting(
        "fp16",
        "number format of the TensorRT engines; ONNX Runtime computes in fp32",
        choices=("fp32", "fp16", "int8"),
    )
    build_engine: BuildPolicy = setting(
        "if_missing",
        "whether a TensorRT engine that is not in the cache is built at configure or refused",
        choices=("if_missing", "never"),
    )
    engine_cache: str = setting(
        "", "folder of the built TensorRT engines; empty takes the user's cache folder"
    )
    threads: int = setting(
        0, "threads of inference on the CPU; 0 takes as many as there are cores", low=0, high=256
    )

    def __post_init__(self) -> None:
        validate(self)
