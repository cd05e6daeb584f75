"""Export of trained networks to the ONNX graphs of a bundle."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from convlstm_perception.model.network import (
    CELL,
    COARSE,
    SKIP_CHANNELS,
    MotionStep,
    PedestrianMotionNet,
)
from convlstm_perception.model.track_decoder import TrackDecoder, TrackForecast

# What TensorRT 10.3 on JetPack 6 reads, and new enough for every operator used.
_OPSET = 18
_OUTPUTS = ["boxes", "scores", "future_boxes", "future_scales"]


def export_graphs(
    network: PedestrianMotionNet, folder: Path, *, height: int, width: int, slots: int
) -> tuple[Path, Path, Path]:
    """Write ``encoder.onnx``, ``motion.onnx`` and ``step.onnx`` with fixed shapes and batch 1.

    Args:
        network: on the CPU; it is put into evaluation mode.
        folder: existing folder to write to.
        height, width: input size in pixels, multiples of 32.
        slots: the window's T.

    Returns:
        The three paths.

    Raises:
        ValueError: when the size is not a multiple of 32.
    """
    if height % 32 or width % 32:
        raise ValueError(f"input size {height}x{width}: height and width must be multiples of 32")
    network.eval()
    config = network.config
    image = torch.zeros(1, height, width, 3, dtype=torch.uint8)
    encoder_path, motion_path, step_path = (
        folder / f"{name}.onnx" for name in ("encoder", "motion", "step")
    )
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
    state = torch.zeros(1, config.hidden_channels, *slot.shape[2:])
    export_module(
        MotionStep(network.motion).eval(),
        (slot, skip, state, state.clone(), torch.zeros(1, 1)),
        step_path,
        ["input_to_state", "skip", "hidden", "cell", "dt"],
        [*_OUTPUTS, "next_hidden", "next_cell"],
    )
    return encoder_path, motion_path, step_path


class _CameraTracks(nn.Module):
    """A track decoder without image context: the image's size is no input."""

    def __init__(self, decoder: TrackDecoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, boxes: Tensor, valid: Tensor) -> TrackForecast:
        forecast: TrackForecast = self.decoder(boxes, valid, boxes.new_ones(len(boxes), 2))
        return forecast


def export_track_decoder(decoder: TrackDecoder, path: Path, *, batch: int) -> None:
    """Write a track decoder as one graph with a fixed batch.

    Inputs are ``boxes`` (batch, slots, 4), ``valid`` (batch, slots) and, where the decoder has
    image context, ``image_size`` (batch, 2); outputs ``future_boxes`` and ``future_scales``
    (batch, H, 4).
    """
    decoder.eval()
    slots = decoder.config.slots
    boxes = torch.rand(batch, slots, 4) * 10.0 + 50.0
    valid = torch.ones(batch, slots)
    outputs = ["future_boxes", "future_scales"]
    if decoder.config.image_context:
        size = torch.full((batch, 2), 1000.0)
        names = ["boxes", "valid", "image_size"]
        export_module(decoder, (boxes, valid, size), path, names, outputs)
    else:
        export_module(_CameraTracks(decoder), (boxes, valid), path, ["boxes", "valid"], outputs)


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
