"""Exported graphs hold what computes, and nothing of the machine that exported them."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch
from torch import nn

from convlstm_perception.model.export import export_module

MODELS = Path(__file__).resolve().parents[3] / "models"


def test_the_exporters_notes_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "graph.onnx"
    network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).eval()
    export_module(network, (torch.zeros(1, 3),), path, ["in"], ["out"])
    onnx.checker.check_model(onnx.load(path))
    content = path.read_bytes()
    assert b".py" not in content and str(Path(__file__).parents[3]).encode() not in content


@pytest.mark.parametrize("path", sorted(MODELS.rglob("*.onnx")), ids=lambda path: path.name)
def test_the_shipped_graphs_name_no_file_of_any_machine(path: Path) -> None:
    content = path.read_bytes()
    assert b".py" not in content and b"/work" not in content and b"/home" not in content
