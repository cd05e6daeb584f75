"""Export of trained networks to the ONNX graphs of a bundle."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from convlstm_perception.model.folding import fold_into_convolutions
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
_EXAMPLE_BATCH = 2  # a side of 1 would be taken for a constant


def export_graphs(
    network: PedestrianMotionNet, folder: Path, *, height: int, width: int, slots: int
) -> tuple[Path, Path, Path]:
    """Write ``encoder.onnx``, ``motion.onnx`` and ``step.onnx``: all sizes fixed but the batch.

    The first side of every input and output is the batch, named ``batch``; its rows do not see
    each other.

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
    image = torch.zeros(_EXAMPLE_BATCH, height, width, 3, dtype=torch.uint8)
    encoder_path, motion_path, step_path = (
        folder / f"{name}.onnx" for name in ("encoder", "motion", "step")
    )
    export_module(
        network.encoder,
        (image,),
        encoder_path,
        ["image"],
        ["input_to_state", "skip"],
        open_batch=True,
    )
    fold_into_convolutions(encoder_path)
    grid = height // (CELL * COARSE), width // (CELL * COARSE)
    slot = torch.zeros(_EXAMPLE_BATCH, 4 * config.hidden_channels, *grid)
    skip = torch.zeros(_EXAMPLE_BATCH, SKIP_CHANNELS, height // CELL, width // CELL)
    window = [slot.clone() for _ in range(slots)]
    flags = torch.ones(_EXAMPLE_BATCH, slots)
    names = [f"input_to_state_{index}" for index in range(slots)]
    export_module(
        network.motion,
        (window, skip, flags, flags.clone()),
        motion_path,
        [*names, "skip", "valid", "dt"],
        _OUTPUTS,
        open_batch=True,
    )
    state = torch.zeros(_EXAMPLE_BATCH, config.hidden_channels, *grid)
    export_module(
        MotionStep(network.motion).eval(),
        (slot, skip, state, state.clone(), torch.zeros(_EXAMPLE_BATCH, 1)),
        step_path,
        ["input_to_state", "skip", "hidden", "cell", "dt"],
        [*_OUTPUTS, "next_hidden", "next_cell"],
        open_batch=True,
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
    module: nn.Module,
    args: tuple[object, ...],
    path: Path,
    inputs: list[str],
    outputs: list[str],
    *,
    open_batch: bool = False,
) -> None:
    """Write one module to one ONNX file, with the shapes of its example ``args``.

    Args:
        module: in evaluation mode.
        args: of its ``forward``: tensors, or lists of them.
        path: to write to.
        inputs, outputs: names of the graph's tensors.
        open_batch: leave the first side of every tensor open; it is then called ``batch``, and
            that of ``args`` is to be 2 or more.
    """
    batch = {0: torch.export.Dim("batch")}
    open_sides = tuple([batch for _ in arg] if isinstance(arg, list) else batch for arg in args)
    # The legacy exporter doubles the nodes of the unrolled window; dynamo keeps it lean.
    torch.onnx.export(
        module,
        args,
        path,
        input_names=inputs,
        output_names=outputs,
        opset_version=_OPSET,
        dynamic_shapes=open_sides if open_batch else None,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    forget_sources(path)


def forget_sources(path: Path) -> None:
    """Take out of an ONNX file what the exporter notes beside the graph: for each node the lines of
    source that it came of, with the paths of the machine.

    Args:
        path: of the file; overwritten.
    """
    model = onnx.load(path)
    graph = model.graph
    for noted in (model, graph, *graph.node, *graph.initializer, *graph.value_info):
        noted.ClearField("metadata_props")
        noted.ClearField("doc_string")
    for value in (*graph.input, *graph.output):
        value.ClearField("metadata_props")
    onnx.save(model, path)
