"""The parameter file and the code say the same."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import yaml

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from convlstm_perception.ros.parameters import PARTS
from convlstm_perception.settings import described_fields

ROOT = Path(__file__).resolve().parents[3]
PARAMETERS = ROOT / "config" / "perception.params.yaml"


def test_the_parameter_file_is_what_its_tool_makes_of_the_code() -> None:
    tool = runpy.run_path(str(ROOT / "tools" / "write_parameter_file.py"))
    assert PARAMETERS.read_text() == tool["parameter_file"]()


def test_the_parameter_file_holds_every_parameter_with_its_default() -> None:
    held = yaml.safe_load(PARAMETERS.read_text())["/**"]["ros__parameters"]
    declared = {
        entry.name: list(entry.default) if isinstance(entry.default, tuple) else entry.default
        for part in PARTS
        for entry, _ in described_fields(part)
    }
    assert held == declared
