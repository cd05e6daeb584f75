"""Where data sets lie on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from convlstm_perception.errors import SourceError

VARIABLE = "CONVLSTM_PERCEPTION_DATA"

# Folders of data sets, below the folder of all data, that have a usual name.
FOLDERS = {
    "coco-persons": "coco_persons",
    "jaad": "jaad",
    "jaad-boxes": "jaad",
    "kitti": "kitti_tracking",
    "knmi-radar": "applications/knmi_radar",
    "penn-fudan": "penn_fudan",
    "pets": "pets2009_s2l1",
}


def data_folder(given: Path | None = None) -> Path | None:
    """The folder of all data: the one given, or the first of the usual ones that exists.

    The usual ones are ``$CONVLSTM_PERCEPTION_DATA``, ``datasets`` and ``../shared/data``.

    Raises:
        SourceError: when the one given does not exist.
    """
    if given is not None and not given.expanduser().is_dir():
        raise SourceError(f"{given}: no such folder; give --data the folder of the data sets")
    candidates = _usual() if given is None else [given.expanduser()]
    return next((folder for folder in candidates if folder.is_dir()), None)


def dataset_path(kind: str, data: Path | None, path: Path | None = None) -> Path:
    """Where a data set lies.

    Args:
        kind: of data set.
        data: folder of all data.
        path: the data set itself, where it was given.

    Raises:
        SourceError: when it was not given and is not at its usual place; tells where it was looked
            for.
    """
    if path is not None:
        return path.expanduser()
    if kind not in FOLDERS:
        raise SourceError(
            f"data set {kind!r}: has no usual place; give --path the folder or file that holds it"
        )
    if data is None:
        looked = ", ".join(
            f"{folder} (${VARIABLE})" if folder == _variable() else str(folder)
            for folder in _usual()
        )
        unset = "" if _variable() else f"; ${VARIABLE} is not set"
        raise SourceError(
            f"data set {kind!r}: no folder of data found. Looked for {looked}{unset}. "
            f"Give --data DIR (it holds {FOLDERS[kind]}) or --path DIR"
        )
    folder = data / FOLDERS[kind]
    if not folder.exists():
        raise SourceError(
            f"{folder}: no such folder. Put the data set {kind!r} there, or give --path DIR"
        )
    return folder


def _variable() -> Path | None:
    value = os.environ.get(VARIABLE)
    return Path(value).expanduser() if value else None


def _usual() -> list[Path]:
    variable = _variable()
    return [*([variable] if variable else []), Path("datasets"), Path("../shared/data")]
