"""The calibrated camera that a recording is put on the ground with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convlstm_perception.data.readers.tsai import TsaiCamera, read_tsai
from convlstm_perception.data.sequence import AnnotatedSequence
from convlstm_perception.errors import ParameterError, SourceError
from convlstm_perception.geometry import GroundCamera, GroundPlane, lens_of
from convlstm_perception.ground import GroundView

GROUND_DATASET = "pets"  # the one whose cameras are calibrated in the world
_CALIBRATION = "View_001.xml"
_WORLD = "world"


@dataclass(frozen=True)
class CalibratedView:
    """A camera of the evaluation.

    Attributes:
        view: of the camera; the target frame is the calibration's world, the ground its z = 0, and
            the mounting is exact: the truth is defined by the same calibration.
        disagreement: largest distance, in metres over all pixels of the image, between where the
            camera and Tsai's own closed form put a pixel on the ground.
    """

    view: GroundView
    disagreement: float


def check_ground_request(dataset: str, ground: bool, calibration: Path | None) -> None:
    """Refuse what cannot be measured on the ground.

    Raises:
        ParameterError: for another data set than PETS, and for a calibration that nothing uses.
    """
    if ground and dataset != GROUND_DATASET:
        raise ParameterError(
            f"--ground needs a camera that is calibrated in the world, which {dataset} has not; "
            f"it is for --dataset {GROUND_DATASET} only"
        )
    if calibration is not None and not ground:
        raise ParameterError("--calibration is used by --ground alone; give --ground too")


def read_view(path: Path, calibration: Path | None, sequence: AnnotatedSequence) -> CalibratedView:
    """The camera of a recording of PETS.

    Args:
        path: the data set: its annotation, or the folder with it.
        calibration: None for ``View_001.xml`` beside the annotation.
        sequence: as it was read.

    Raises:
        SourceError: when the calibration is missing, damaged, or of another camera.
    """
    file = calibration or (path if path.is_dir() else path.parent) / _CALIBRATION
    if not file.is_file():
        raise SourceError(
            f"{file}: no such calibration, which --ground needs; put it beside the annotation, or "
            "give --calibration FILE"
        )
    tsai = read_tsai(file)
    if (tsai.width, tsai.height) != (sequence.width, sequence.height):
        raise SourceError(
            f"{file}: is of images of {tsai.width}x{tsai.height} pixels, but {sequence.name} is "
            f"annotated at {sequence.width}x{sequence.height}; give the calibration of its camera"
        )
    camera = GroundCamera(lens_of(tsai.model), tsai.pose, GroundPlane.of())
    view = GroundView(camera, _WORLD, (tsai.width, tsai.height), tsai.pose)
    return CalibratedView(view, largest_disagreement(camera, tsai))


def largest_disagreement(camera: GroundCamera, tsai: TsaiCamera) -> float:
    """Metres on the ground between a camera and Tsai's closed form, at worst over all pixels.

    Infinite where only one of the two sees the ground.
    """
    columns, rows = np.meshgrid(np.arange(tsai.width), np.arange(tsai.height))
    pixels = np.stack([columns.ravel(), rows.ravel()], -1).astype(np.float64)
    located = camera.locate_pixels(pixels, np.zeros_like(pixels)).positions
    expected = tsai.on_ground(pixels)
    seen = np.isfinite(expected).all(-1)
    if not np.array_equal(seen, np.isfinite(located).all(-1)):
        return np.inf
    return float(np.linalg.norm(located - expected, axis=-1)[seen].max(initial=0.0))
