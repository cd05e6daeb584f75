"""What the machine has: looked up for real, and when it is asked for."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from convlstm_perception.engine.environment import Environment, Library, jetson_release
from convlstm_perception.engine.nvidia_driver import NvidiaDriver, find_driver
from convlstm_perception.engine.tensorrt.bindings import load_bindings
from tests.support.environments import driver

without_gpu = pytest.mark.skipif(bool(find_driver().gpus), reason="there is a GPU here")


def put(folder: Path, monkeypatch: pytest.MonkeyPatch, module: str, source: str) -> None:
    """Install a module whose source a test gives, in the place of one that may be there."""
    (folder / f"{module}.py").write_text(source)
    for name in [name for name in sys.modules if name.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)  # so that it is forgotten after the test
    del sys.modules[module]
    monkeypatch.syspath_prepend(folder)


def test_installed_libraries_give_their_versions() -> None:
    found = Environment()
    onnxruntime = importlib.import_module("onnxruntime")
    assert found.onnxruntime.version == onnxruntime.__version__
    assert "CPUExecutionProvider" in found.onnxruntime.offers
    assert found.onnx == Library(importlib.import_module("onnx").__version__)


def test_tensorrt_rtx_tells_which_gpus_it_serves() -> None:
    pytest.importorskip("tensorrt_rtx")
    found = Environment().tensorrt_rtx
    assert found.version == load_bindings("tensorrt-rtx").version and not found.problem
    assert {"sm86", "sm89", "sm120"} <= set(found.offers) and "sm87" not in found.offers


@pytest.mark.parametrize(
    ("part", "module", "mend"),
    [
        ("tensorrt", "tensorrt", "JetPack"),
        ("tensorrt_rtx", "tensorrt_rtx", "pip install tensorrt-rtx-cu13"),
        ("cuda_bindings", "cuda.bindings", "pip install cuda-bindings"),
        ("onnxruntime", "onnxruntime", "pip install onnxruntime"),
        ("onnx", "onnx", "pip install onnx"),
    ],
)
def test_a_library_that_is_not_installed_comes_with_its_mend(
    part: str, module: str, mend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    found = getattr(Environment(), part)
    assert found.problem == f"the Python module {module} is not installed"
    assert mend in found.mend
    assert (found.version, found.broken) == ("", False)


def test_a_folder_of_the_same_name_is_no_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tensorrt").mkdir()
    monkeypatch.delitem(sys.modules, "tensorrt", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    if importlib.util.find_spec("tensorrt").origin is not None:
        pytest.skip("TensorRT is installed here")
    assert "not installed" in Environment().tensorrt.problem


@pytest.mark.parametrize(
    "source", ["raise ImportError('libx.so.1')", "raise RuntimeError('libx.so.1')", "'libx.so.1' ("]
)
def test_a_library_that_fails_to_import_is_broken_whatever_it_raises(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, monkeypatch, "onnxruntime", source)
    found = Environment().onnxruntime
    assert found.broken and not found.version
    assert found.problem.startswith("the Python module onnxruntime is installed but cannot be used")


def test_a_tensorrt_that_is_too_old_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, monkeypatch, "tensorrt", "__version__ = '8.6.1'")
    load_bindings.cache_clear()
    found = Environment().tensorrt
    load_bindings.cache_clear()
    assert found.broken and found.problem.startswith("TensorRT 8.6.1 is older than 10.3")
    assert found.problem.endswith("use engine 'onnxruntime-cpu'")


@without_gpu
def test_a_cuda_runtime_that_the_driver_is_too_old_for_is_broken() -> None:
    pytest.importorskip("cuda.bindings.runtime")
    machine = Environment()
    machine.driver = NvidiaDriver("470.1", "11.4", driver().gpus)
    found = machine.cuda_bindings
    assert found.broken and "cudaErrorInsufficientDriver, 35" in found.problem
    assert "driver for CUDA 11.4" in found.problem and "'cuda-bindings==11.*'" in found.mend
    machine = Environment()
    machine.driver = NvidiaDriver(problem="no driver")
    assert machine.cuda_bindings.version and not machine.cuda_bindings.problem


@without_gpu
def test_nothing_is_imported_that_the_choice_does_not_hang_on() -> None:
    program = (
        "import sys\n"
        "from convlstm_perception.engine import EngineSettings, Environment, decide_engine\n"
        "print('before:', 'onnxruntime' in sys.modules)\n"
        "print(decide_engine(EngineSettings(), Environment()).engine)\n"
        "print('after:', [name for name in ('tensorrt', 'tensorrt_rtx', 'cuda.bindings', 'onnx') "
        "if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout.splitlines() == ["before: False", "onnxruntime-cpu", "after: []"]


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("# R36 (release), REVISION: 4.0, GCID: 37537400, BOARD: generic", "R36.4.0"),
        ("# R35 (release), REVISION: 4.1, GCID: 33958178, BOARD: t186ref", "R35.4.1"),
        ("something else", "of unknown release"),
    ],
)
def test_the_release_of_a_jetson_is_read(text: str, release: str, tmp_path: Path) -> None:
    path = tmp_path / "nv_tegra_release"
    path.write_text(text)
    assert jetson_release(path) == release
    assert jetson_release(tmp_path / "absent") == ""
