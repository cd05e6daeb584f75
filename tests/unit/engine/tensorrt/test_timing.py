"""Measurements of kernels, kept from one build to the next.

TensorRT-RTX measures nothing, but its builder's configuration takes and gives the same objects.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from convlstm_perception.engine.tensorrt import api
from convlstm_perception.engine.tensorrt.bindings import TensorRtBindings, load_bindings
from convlstm_perception.engine.tensorrt.sealed_file import SealedFile, read_sealed, write_sealed
from convlstm_perception.engine.tensorrt.target import Target
from convlstm_perception.engine.tensorrt.timing import TimingCacheFile

pytest.importorskip("tensorrt_rtx")


@pytest.fixture
def rtx() -> TensorRtBindings:
    return load_bindings("tensorrt-rtx")


@pytest.fixture
def timings(rtx: TensorRtBindings, tmp_path: Path) -> TimingCacheFile:
    """Those of TensorRT."""
    full = dataclasses.replace(rtx, backend="tensorrt")
    return TimingCacheFile(full, tmp_path / "cache", Target("sm87", "Orin (nvgpu)"))


@pytest.fixture
def config(rtx: TensorRtBindings) -> api.IBuilderConfig:
    return rtx.module.Builder(rtx.logger).create_builder_config()


def test_measurements_are_written_and_read(
    timings: TimingCacheFile, config: api.IBuilderConfig, caplog: pytest.LogCaptureFixture
) -> None:
    timings.attach(config)
    timings.keep(config)
    assert timings.path.name.endswith("-sm87-Orin-nvgpu.timings")
    first = read_sealed(timings.path).payload
    assert first
    timings.attach(config)
    timings.keep(config)
    assert read_sealed(timings.path).payload == first
    assert "anew" not in caplog.text


@pytest.mark.parametrize("damage", [b"", b"garbage" * 20])
def test_damaged_measurements_are_made_anew(
    damage: bytes,
    timings: TimingCacheFile,
    config: api.IBuilderConfig,
    caplog: pytest.LogCaptureFixture,
) -> None:
    timings.path.parent.mkdir()
    timings.path.write_bytes(damage)
    timings.attach(config)
    assert "kernels will be measured anew" in caplog.text
    timings.keep(config)
    assert read_sealed(timings.path).payload


def test_a_folder_that_cannot_be_written_stops_no_build(
    timings: TimingCacheFile, config: api.IBuilderConfig, caplog: pytest.LogCaptureFixture
) -> None:
    timings.path.parent.write_text("a file, where the folder should be")
    timings.attach(config)
    timings.keep(config)
    assert "cannot be kept" in caplog.text


def test_rtx_measures_nothing(
    rtx: TensorRtBindings,
    config: api.IBuilderConfig,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    timings = TimingCacheFile(rtx, tmp_path, Target("sm89"))
    write_sealed(timings.path, SealedFile({}, b"never read"))
    before = timings.path.read_bytes()
    timings.attach(config)
    timings.keep(config)
    assert timings.path.read_bytes() == before
    assert caplog.messages == []
