from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

WriteImage = Callable[..., None]


@pytest.fixture
def write_image() -> WriteImage:
    """Writes a grey image, with folders: path, width, height, value."""

    def write(path: Path, width: int = 100, height: int = 80, value: int = 0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((height, width, 3), value, np.uint8))

    return write
