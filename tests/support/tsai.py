"""A Tsai camera of our own: 6 m above a square, looking down at it, with a barrel lens."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

GEOMETRY = {"width": "640", "height": "480", "dpx": "0.0056", "dpy": "0.005"}
INTRINSIC = {"focal": "4.2", "kappa1": "0.006", "cx": "331.5", "cy": "236.25", "sx": "1.04"}
# 35 degrees below the horizontal, turned by 0.4 rad and tilted a little, 6 m above (-5, -8).
EXTRINSIC = {"rx": "2.18", "ry": "0.12", "rz": "-0.4"}
PLACE = np.array([-5000.0, -8000.0, 6000.0])  # mm


def rotation() -> NDArray[np.float64]:
    """(3, 3) world to camera: Tsai's R, about x, then y, then z."""
    rx, ry, rz = (float(EXTRINSIC[name]) for name in ("rx", "ry", "rz"))
    sa, ca, sb, cb, sg, cg = np.ravel([(np.sin(a), np.cos(a)) for a in (rx, ry, rz)])
    return np.array(
        [
            [cb * cg, cg * sa * sb - ca * sg, sa * sg + ca * cg * sb],
            [cb * sg, sa * sb * sg + ca * cg, ca * sb * sg - cg * sa],
            [-sb, cb * sa, ca * cb],
        ]
    )


def write_tsai(path: Path, changes: Mapping[str, str | None] | None = None) -> Path:
    """Write the calibration; None in ``changes`` leaves a field, or an element, out."""
    tx, ty, tz = (-rotation() @ PLACE).tolist()
    elements = {
        "Geometry": GEOMETRY,
        "Intrinsic": INTRINSIC,
        "Extrinsic": {**EXTRINSIC, "tx": str(tx), "ty": str(ty), "tz": str(tz)},
    }
    changes = changes or {}
    lines = []
    for name, fields in elements.items():
        if name in changes:
            continue
        kept = {key: changes.get(key, value) for key, value in fields.items()}
        written = " ".join(f'{key}="{value}"' for key, value in kept.items() if value is not None)
        lines.append(f"<{name} {written}/>")
    path.write_text(f'<?xml version="1.0"?><Camera name="own">{"".join(lines)}</Camera>')
    return path
