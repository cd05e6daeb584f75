"""What several modules of tests compare with, made once in a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from convlstm_perception.model import PedestrianMotionNet
from convlstm_perception.model.export import export_graphs
from tests.support.networks import HEIGHT, SLOTS, WIDTH, make_small_network


@pytest.fixture(scope="session")
def small_network() -> PedestrianMotionNet:
    return make_small_network()


@pytest.fixture(scope="session")
def small_graphs(
    small_network: PedestrianMotionNet, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Folder of the small network's encoder.onnx, motion.onnx and step.onnx."""
    folder = tmp_path_factory.mktemp("small_graphs")
    export_graphs(small_network, folder, height=HEIGHT, width=WIDTH, slots=SLOTS)
    return folder
