"""Configurations are read from files and options, and refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from convlstm_perception.errors import ParameterError
from convlstm_perception.forecasting.config import ForecastConfig

_YAML = "data: [a.nc, b.nc]\nsplit: [0.7, 0.2, 0.1]\nlow: 0\nnetwork: {recurrence: depthwise}\n"
_TOML = (
    'data = ["a.nc", "b.nc"]\nsplit = [0.7, 0.2, 0.1]\nlow = 0\n'
    'network = { recurrence = "depthwise" }\n'
)


@pytest.mark.parametrize(("name", "text"), [("a.yaml", _YAML), ("a.toml", _TOML)])
def test_files_are_read_and_options_win(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    config = ForecastConfig.load(tmp_path / name, steps=7, split=None)
    assert config.data == ("a.nc", "b.nc")
    assert config.split == (0.7, 0.2, 0.1)
    assert config.low == (0,)
    assert config.network == {"recurrence": "depthwise"}
    assert config.steps == 7


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "data: no file or folder"),
        ({"data": "a.npy", "inputs": 0}, r"'inputs': 0 is outside \[1"),
        ({"data": "a.npy", "loss": "hinge"}, "'hinge' is not one of mse, mae, cross_entropy"),
        ({"data": "a.npy", "minutes": 0.0}, "minutes: 0.0: expected a number above 0"),
        ({"data": "a.npy", "hidden_channels": ()}, "hidden_channels"),
        ({"data": "a.npy", "crop": 0}, "crop: 0: expected a whole number from 1"),
        (
            {"data": "a.npy", "residual": True, "loss": "cross_entropy"},
            "a change is no probability",
        ),
    ],
)
def test_values_that_cannot_be_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        ForecastConfig.load(None, **values)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "data: [a]\nstep: 3\n", "unknown key 'step'; known: .*'steps'"),
        ("a.toml", "data = [", "cannot be read"),
        ("a.yaml", "data: [", "cannot be read"),
    ],
)
def test_files_that_cannot_be_are_refused(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ParameterError, match=message):
        ForecastConfig.load(tmp_path / name)
