"""A folder of bags that is bounded in bytes."""

from __future__ import annotations

import re
import shutil
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from convlstm_perception.bags.writer import workplace_name
from convlstm_perception.errors import BagError

_NAME = re.compile(r"\d{8}T\d{6}\.\d{3}Z_[a-z0-9-]+")
_LONGEST_REASON = 48  # letters of a reason in a name
_ABANDONED = 3600.0  # seconds after which no one still writes a bag


class BagShelf:
    """Names new bags, and removes the oldest to make room for them.

    What is removed is only ever a folder that is named as ours are and holds nothing but the files
    of such a bag.

    Args:
        folder: of the bags; made when the first one is written.
        capacity: bytes of all bags together.
    """

    def __init__(self, folder: Path, capacity: int) -> None:
        self.folder, self._capacity = folder, capacity

    def bags(self) -> list[Path]:
        """Our bags, oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(path for path in self.folder.iterdir() if _is_ours(path))

    def new_path(self, reason: str) -> Path:
        """Where a bag is to be written: named by the UTC time and the reason; nothing is there."""
        now = datetime.now(UTC)
        time_text = f"{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03d}Z"
        words = re.sub(r"[^a-z0-9]+", "-", reason.lower())[:_LONGEST_REASON].strip("-") or "saved"
        path, number = self.folder / f"{time_text}_{words}", 2
        while path.exists() or (self.folder / workplace_name(path.name)).exists():
            path = self.folder / f"{time_text}_{words}-{number}"
            number += 1
        return path

    def make_room(self, nbytes: int) -> None:
        """Remove the oldest bags until a new one of ``nbytes`` fits.

        Raises:
            BagError: when it never fits, or a bag cannot be removed.
        """
        if nbytes > self._capacity:
            raise BagError(
                f"{self.folder}: a bag of {nbytes >> 20} MB does not fit the folder's limit of "
                f"{self._capacity >> 20} MB; raise black_box_folder_limit, or lower "
                "black_box_memory"
            )
        try:
            self._remove_abandoned()
            sizes = {path: _size(path) for path in self.bags()}
            for path in sorted(sizes):
                if sum(sizes.values()) + nbytes <= self._capacity:
                    return
                shutil.rmtree(path)
                del sizes[path]
        except OSError as error:
            raise BagError(
                f"{self.folder}: no room can be made for a bag: {error}; make the folder writable, "
                "or give another as black_box_folder"
            ) from error

    def _remove_abandoned(self) -> None:
        """What a process that was killed has left half written."""
        if not self.folder.is_dir():
            return
        for path in self.folder.iterdir():
            name = path.name.removeprefix(".").removesuffix(".writing")
            is_workplace = path.name == workplace_name(name) and _NAME.fullmatch(name)
            if not is_workplace or path.is_symlink():
                continue
            with suppress(FileNotFoundError):  # its writer has just finished
                if time.time() - path.stat().st_mtime > _ABANDONED:
                    shutil.rmtree(path)


def _is_ours(path: Path) -> bool:
    if not _NAME.fullmatch(path.name) or path.is_symlink() or not path.is_dir():
        return False
    files = {"metadata.yaml", f"{path.name}.mcap"}
    return {entry.name for entry in path.iterdir()} == files


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())
