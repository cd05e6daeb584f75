"""What the tests of forecasting share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from convlstm_perception.types import Float32Array


@pytest.fixture
def numbered() -> Float32Array:
    """(6, 5, 4) with a different value everywhere."""
    return np.arange(6 * 5 * 4, dtype=np.float32).reshape(6, 5, 4)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny networks gain nothing by threads, and lose much where others run too."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
