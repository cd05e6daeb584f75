"""Finding TensorRT, its types, and what it says."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from convlstm_perception.engine.tensorrt.bindings import load_bindings, numpy_dtype
from convlstm_perception.engine.tensorrt.log import Log, driver_present, telling_lines
from convlstm_perception.errors import EngineError


@pytest.fixture
def no_tensorrt(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As where nobody imported TensorRT yet; what a test loads is forgotten after it."""
    monkeypatch.delitem(sys.modules, "tensorrt", raising=False)
    load_bindings.cache_clear()
    yield
    load_bindings.cache_clear()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("__version__ = '8.6.1'", "TensorRT 8.6.1 is older than 10.3.*Upgrade JetPack"),
        ("__version__ = '10.2.0'", "10.2.0 is older than 10.3"),
        ("import ctypes; ctypes.CDLL('libnvinfer.so.0')", "cannot be imported: libnvinfer.so.0"),
        ("import tensorrt_absent", "not installed.*tensorrt_absent.*pip install tensorrt-rtx-cu13"),
    ],
)
@pytest.mark.usefixtures("no_tensorrt")
def test_a_tensorrt_that_cannot_serve_is_refused_with_the_mend(
    source: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tensorrt.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EngineError, match=message):
        load_bindings("tensorrt")
    sys.modules.pop("tensorrt", None)


@pytest.mark.usefixtures("no_tensorrt")
def test_a_missing_tensorrt_is_told_with_where_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, mend in (("tensorrt", "JetPack"), ("tensorrt_rtx", "pip install tensorrt-rtx-cu13")):
        monkeypatch.setitem(sys.modules, name, None)
        backend = name.replace("_", "-")
        with pytest.raises(EngineError, match=f"is not installed .*{mend}"):
            load_bindings(backend)


def test_tensorrt_rtx_is_loaded_once_a_process() -> None:
    pytest.importorskip("tensorrt_rtx")
    bindings = load_bindings("tensorrt-rtx")
    assert bindings is load_bindings("tensorrt-rtx")
    assert bindings.title == f"TensorRT-RTX {bindings.version}"


def test_types_of_tensors_are_those_of_numpy() -> None:
    trt = pytest.importorskip("tensorrt_rtx")
    assert numpy_dtype(trt.DataType.HALF) == np.float16
    assert numpy_dtype(trt.DataType.BOOL) == np.bool_
    with pytest.raises(EngineError, match="BF16 has no counterpart"):
        numpy_dtype(trt.DataType.BF16)


def test_errors_are_kept_for_the_exception_and_logged_without_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = Log()
    with pytest.raises(EngineError, match="two lines, one failure"), log.failures() as failures:
        log.add("ERROR", "two lines,\none failure")
        raise EngineError(" ".join(failures.lines))
    assert caplog.messages == []
    with log.failures():
        log.add("INTERNAL_ERROR", "mended by itself")
    log.add("ERROR", "outside of a call")
    log.add("WARNING", "slow")
    log.add("INFO", "so many megabytes")
    assert caplog.messages == ["mended by itself", "outside of a call", "slow"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2 + [logging.WARNING]


def test_a_warning_is_told_once_in_a_call(caplog: pytest.LogCaptureFixture) -> None:
    log = Log()
    for _ in range(2):
        with log.failures():
            for _ in range(100):
                log.add("WARNING", "of every layer")
            log.add("WARNING", "another")
    assert caplog.messages == ["of every layer", "another"] * 2


@pytest.mark.skipif(driver_present(), reason="with a driver, such a line is an error")
def test_lines_about_the_missing_driver_are_left_out() -> None:
    assert telling_lines("the reason\n [catchCudaError] (cudaError 35: insufficient)\n\n") == [
        "the reason"
    ]
