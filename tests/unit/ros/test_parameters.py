"""The parameter file and the code say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from convlstm_perception.ros.parameters import PARTS
from convlstm_perception.settings import described_fields

PARAMETERS = Path(__file__).resolve().parents[3] / "config" / "perception.params.yaml"


def test_the_parameter_file_holds_every_parameter_with_its_default() -> None:
    held = yaml.safe_load(PARAMETERS.read_text())["/**"]["ros__parameters"]
    declared = {
        entry.name: list(entry.default) if isinstance(entry.default, tuple) else entry.default
        for part in PARTS
        for entry, _ in described_fields(part)
    }
    assert held == declared


def test_every_parameter_stands_below_its_description_and_range() -> None:
    lines = [line.strip() for line in PARAMETERS.read_text().splitlines()]
    for part in PARTS:
        for entry, known in described_fields(part):
            (place,) = (i for i, line in enumerate(lines) if line.startswith(f"{entry.name}:"))
            allowed = ""
            if known.low is not None:
                allowed = f" ({known.low:g} to {known.high:g})"
            elif known.choices:
                allowed = f" (one of: {', '.join(known.choices)})"
            star = "* " if known.live else ""
            assert lines[place - 1] == f"# {star}{known.description}{allowed}", entry.name
