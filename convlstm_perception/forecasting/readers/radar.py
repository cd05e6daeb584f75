"""What weather services write beside a radar image in HDF5: calibration and time.

KNMI: "KNMI HDF5 Data Format Specification", version 3.5: a group ``imageN`` with ``image_data`` and
``calibration``; the time in ``overview``. ODIM (OPERA data information model, version 2.4):
``datasetN/dataM/data`` with attributes of ``what`` that hold for everything below them.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import h5py
import numpy as np

from convlstm_perception.forecasting.readers.base import Packing, cf_packing

_FORMULA = re.compile(rb"GEO\s*=\s*(?P<gain>[-+.\deE]+)\s*\*\s*PV\s*(?P<offset>[-+]\s*[.\deE+-]+)?")
_KNMI_TIME = "%d-%b-%Y;%H:%M:%S"


def radar_packing(file: h5py.File, name: str) -> Packing:
    """The calibration of the image ``name``; that of CF attributes where there is no other."""
    group = file[name].parent
    if "calibration" in group:
        return _knmi_packing(dict(group["calibration"].attrs))
    what = _odim_what(file, name)
    if "gain" in what:
        # `undetect` is a measurement: nothing above the threshold. It stays the least value.
        missing = (float(_scalar(what["nodata"])),) if "nodata" in what else ()
        return Packing(float(_scalar(what["gain"])), float(_scalar(what["offset"])), missing)
    return cf_packing(dict(file[name].attrs))


def radar_time(file: h5py.File) -> np.datetime64 | None:
    """The time that a file's image is of; None where it tells none."""
    if "overview" in file and "product_datetime_end" in file["overview"].attrs:
        text = _text(file["overview"].attrs["product_datetime_end"]).split(".")[0]
        return _parsed(text, _KNMI_TIME)
    what = dict(file["what"].attrs) if "what" in file else {}
    if "date" in what and "time" in what:
        return _parsed(_text(what["date"]) + _text(what["time"]), "%Y%m%d%H%M%S")
    return None


def _knmi_packing(calibration: dict[str, Any]) -> Packing:
    found = _FORMULA.search(_text(calibration.get("calibration_formulas", b"")).encode())
    gain, offset = 1.0, 0.0
    if found:
        gain = float(found["gain"])
        offset = float((found["offset"] or b"0").replace(b" ", b""))
    missing = {
        float(_scalar(calibration[key]))
        for key in ("calibration_missing_data", "calibration_out_of_image")
        if key in calibration
    }
    return Packing(gain, offset, tuple(sorted(missing)))


def _odim_what(file: h5py.File, name: str) -> dict[str, Any]:
    """Attributes of ``what`` of an image and of all groups above it; the nearest win."""
    found: dict[str, Any] = {}
    parts = name.split("/")
    for depth in range(len(parts)):
        group = file["/".join(parts[:depth]) or "/"]
        if "what" in group:
            found.update(group["what"].attrs)
    return found


def _scalar(value: Any) -> Any:
    return np.ravel(value)[0]


def _text(value: Any) -> str:
    value = _scalar(value)
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)


def _parsed(text: str, form: str) -> np.datetime64 | None:
    try:
        return np.datetime64(datetime.strptime(text, form), "ns")
    except ValueError:
        return None
