"""The public protocol of box forecasting on JAAD: from 15 exact boxes to the next 45.

Rasouli et al. 2019 ("PIE"), section 5; Yao et al. 2021 ("BiTraP"); Wang et al. 2022 ("Stepwise
Goal-Driven Networks", SGNet). Test split, tracks of at least 61 frames, a window every 7 frames:
13,624 windows. All errors are means of squared pixels: of the four box coordinates over the first
0.5, 1.0 and 1.5 s, and of the two centre coordinates over 1.5 s (C) and at 1.5 s (CF).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from convlstm_perception.data.readers import read_sequences
from convlstm_perception.data.sequence import box_tracks
from convlstm_perception.data.track_windows import TrackWindows, protocol_windows
from convlstm_perception.engine.onnxruntime import OnnxRuntimeEngine
from convlstm_perception.errors import EngineError
from convlstm_perception.shipped import find_shipped
from convlstm_perception.types import Float32Array

_DECODER = Path("models") / "jaad-boxes" / "decoder.onnx"
_LINEAR_FRAMES = 4  # frame steps of the published linear row
_CAREFUL_FRAMES = 14  # of the constant velocity that published models fail to beat
_HALF_SECOND = 15  # frames

# Deterministic rows as their papers give them: MSE at 0.5, 1.0, 1.5 s, C_MSE, CF_MSE.
PUBLISHED: dict[str, tuple[float | None, ...]] = {
    "Linear": (223, 857, 2303, 1565, 6111),
    "B-LSTM": (159, 539, 1535, None, None),
    "FOL-X": (147, 484, 1374, None, None),
    "PIE_traj": (110, 399, 1248, None, None),
    "BiTraP-D": (93, 378, 1206, None, None),
    "SGNet-ED": (82, 328, 1049, None, None),
}


@dataclass(frozen=True)
class BoxErrors:
    """Means of squared pixels (see the module's text)."""

    mse_05: float
    mse_10: float
    mse_15: float
    c_mse: float
    cf_mse: float


@dataclass(frozen=True)
class BoxForecastingResult:
    """One model on the protocol.

    Attributes:
        windows: how many were judged.
        model: errors of the track decoder.
        linear: of the velocity over the last 5 frames, the published linear row.
        constant_velocity: of the velocity over all 15 observed frames.
    """

    windows: int
    model: BoxErrors
    linear: BoxErrors
    constant_velocity: BoxErrors

    @property
    def beats_constant_velocity(self) -> bool:
        """Whether the model is better at every horizon than going straight on."""
        mine, straight = asdict(self.model), asdict(self.constant_velocity)
        return all(mine[name] < straight[name] for name in mine)

    def to_dict(self) -> dict[str, object]:
        """JSON-safe figures; the rows of the baselines have prefixes."""
        rows = {
            "": self.model,
            "linear_": self.linear,
            "constant_velocity_": self.constant_velocity,
        }
        figures: dict[str, object] = {
            f"{prefix}{name}": round(value, 1)
            for prefix, errors in rows.items()
            for name, value in asdict(errors).items()
        }
        return {
            **figures,
            "windows": self.windows,
            "beats_constant_velocity": self.beats_constant_velocity,
            "published": {name: list(row) for name, row in PUBLISHED.items()},
        }


def run_box_forecasting(
    folder: Path, decoder: Path | None = None, progress: Callable[[], object] = lambda: None
) -> BoxForecastingResult:
    """Judge a track decoder on JAAD's test split.

    Args:
        folder: of the JAAD box table.
        decoder: exported decoder with image context; the shipped one by default.
        progress: called after each batch.

    Raises:
        SourceError: when the data is missing or malformed.
        BundleError: when no decoder is given and none is shipped.
        EngineError: when the graph cannot be loaded, or is not a decoder of this protocol.
    """
    windows = protocol_windows(
        track
        for sequence in read_sequences("jaad", folder, "test")
        # The papers' loaders do not look at frame numbers.
        for track in box_tracks(sequence, across_gaps=True)
    )
    engine = OnnxRuntimeEngine(decoder or find_shipped(_DECODER, "name one of your own"))
    if set(engine.inputs) != {"boxes", "valid", "image_size"}:
        raise EngineError(f"{decoder}: not a track decoder with image context")
    truth = windows.future
    return BoxForecastingResult(
        len(windows),
        box_errors(_forecast(engine, windows, progress), truth),
        box_errors(constant_velocity_boxes(windows, _LINEAR_FRAMES), truth),
        box_errors(constant_velocity_boxes(windows, _CAREFUL_FRAMES), truth),
    )


def constant_velocity_boxes(windows: TrackWindows, frames: int) -> Float32Array:
    """(N, H, 4) boxes straight on at the mean velocity of the last ``frames`` frame steps."""
    velocity = (windows.boxes[:, 0] - windows.boxes[:, frames]) / frames
    ahead = np.arange(1, windows.future.shape[1] + 1, dtype=np.float32)[:, None]
    straight: Float32Array = windows.boxes[:, :1] + velocity[:, None] * ahead
    return straight


def box_errors(predicted: Float32Array, truth: Float32Array) -> BoxErrors:
    """Errors of (N, 45, 4) boxes (centre x, centre y, width, height)."""
    error = (predicted - truth).astype(np.float64)
    centre, extent = error[..., :2], error[..., 2:]
    corners = np.concatenate([centre - extent / 2, centre + extent / 2], axis=-1) ** 2
    centres = (centre**2).mean(axis=-1)
    mse_05, mse_10, mse_15 = (
        float(corners[:, : _HALF_SECOND * halves].mean()) for halves in (1, 2, 3)
    )
    return BoxErrors(
        mse_05,
        mse_10,
        mse_15,
        c_mse=float(centres.mean()),
        cf_mse=float(centres[:, -1].mean()),
    )


def _forecast(
    engine: OnnxRuntimeEngine, windows: TrackWindows, progress: Callable[[], object]
) -> Float32Array:
    """Predictions, each the mean of the window's and of its mirror image's mirrored back."""
    batch = engine.inputs["boxes"].shape[0]
    inputs = {name: spec.allocate() for name, spec in engine.inputs.items()}
    outputs = {name: spec.allocate() for name, spec in engine.outputs.items()}
    predicted = np.zeros_like(windows.future)
    inputs["image_size"][:] = 1.0
    for first in range(0, len(windows), batch):
        rows = np.s_[first : min(first + batch, len(windows))]
        count = rows.stop - rows.start
        width = windows.image_size[rows, 0][:, None]
        inputs["valid"][:count] = windows.valid[rows]
        inputs["image_size"][:count] = windows.image_size[rows]
        for mirror in (False, True):
            boxes = windows.boxes[rows].copy()
            if mirror:
                boxes[..., 0] = width - boxes[..., 0]
            inputs["boxes"][:count] = boxes
            engine.run(inputs, outputs)
            future = outputs["future_boxes"][:count].copy()
            if mirror:
                future[..., 0] = width - future[..., 0]
            predicted[rows] += future / 2
        progress()
    return predicted
