"""Export of a trained network to the two ONNX graphs of a bundle."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from convlstm_perception.model.network import CELL, COARSE, SKIP_CHANNELS, PedestrianMotionNet

# What TensorRT 10.3 on JetPack 6 reads, and new enough for every operator used.
_OPSET = 18
_OUTPUTS = ["boxes", "scores", "future_boxes", "future_scales"]


def export_graphs(
    network: PedestrianMotionNet, folder: Path, *, height: int, width: int, slots: int
) -> tuple[Path, Path]:
    """Write ``encoder.onnx`` and ``motion.onnx`` with fixed shapes and batch 1.

    Args:
        network: on the CPU; it is put into evaluation mode.
        folder: existing folder to write to.
        height, width: input size in pixels, multiples of 32.
        slots: the window's T.

    Returns:
        The two paths.

    Raises:
        ValueError: when the size is not a multiple of 32.
    """
    if height % 32 or width % 32:
        raise ValueError(f"input size {height}x{width}: height and width must be multiples of 32")
    network.eval()
    config = network.config
    image = torch.zeros(1, height, width, 3, dtype=torch.uint8)
    encoder_path, motion_path = folder / "encoder.onnx", folder / "motion.onnx"
    export_module(network.encoder, (image,), encoder_path, ["image"], ["input_to_state", "skip"])
    coarse = CELL * COARSE
    slot = torch.zeros(1, 4 * config.hidden_channels, height // coarse, width // coarse)
    skip = torch.zeros(1, SKIP_CHANNELS, height // CELL, width // CELL)
    window = [slot.clone() for _ in range(slots)]
    flags = torch.ones(1, slots)
    names = [f"input_to_state_{index}" for index in range(slots)]
    export_module(
        network.motion,
        (window, skip, flags, flags.clone()),
        motion_path,
        [*names, "skip", "valid", "dt"],
        _OUTPUTS,
    )
    return encoder_path, motion_path


def export_module(
    module: nn.Module, args: tuple[object, ...], path: Path, inputs: list[str], outputs: list[str]
) -> None:
    """Write one module with the fixed shapes of its example ``args`` to one ONNX file."""
    # The legacy exporter doubles the nodes of the unrolled window; dynamo keeps it lean.
    torch.onnx.export(
        module,
        args,
        path,
        input_names=inputs,
        output_names=outputs,
        opset_version=_OPSET,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
