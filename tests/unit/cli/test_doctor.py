"""``convlstm-perception doctor`` on this machine and on others."""

from __future__ import annotations

import dataclasses
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from convlstm_perception.cli import main as cli
from convlstm_perception.cli.doctor import examine, show, to_json
from convlstm_perception.engine import EngineSettings, Environment, ModelBundle
from convlstm_perception.engine.environment import Library
from convlstm_perception.engine.nvidia_driver import find_driver
from convlstm_perception.engine.tensorrt import BuildCache, compile_bundle
from convlstm_perception.engine.tensorrt import target as target_module
from tests.support.environments import CPU_RUNTIME, RTX, broken, driver, environment
from tests.support.graphs import write_tiny_bundle

without_gpu = pytest.mark.skipif(bool(find_driver().gpus), reason="there is a GPU here")
CPU = ["--engine", "onnxruntime-cpu"]
TITLES = ("NVIDIA driver", "TensorRT", "TensorRT-RTX", "CUDA for Python", "ONNX Runtime", "onnx (")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle"))


def shown(
    capsys: pytest.CaptureFixture[str], machine: Environment, bundle: Path, **settings
) -> tuple[str, bool]:
    """What is printed of a machine, its lines joined, and whether the bundle can run there."""
    diagnosis = examine(bundle, EngineSettings(**settings), machine)
    show(diagnosis)
    json.dumps(to_json(diagnosis))
    return " ".join(capsys.readouterr().out.split()), not diagnosis.problems


def test_the_shipped_bundle_runs_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", *CPU]) == 0
    printed = capsys.readouterr().out
    assert all(title in printed for title in TITLES)
    words = " ".join(printed.split())
    version = importlib.import_module("onnxruntime").__version__
    assert f"loads and answers a frame on ONNX Runtime {version} (CPU)" in words
    assert "engine ONNX Runtime on the CPU (engine is set to 'onnxruntime-cpu')" in words
    assert "Problem" not in printed


def test_json_alone_on_standard_output(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", str(bundle), *CPU, "--memory", "stateful", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["usable"] is True and found["problems"] == []
    assert found["bundle"] == {"folder": str(bundle), "model": "tiny-1.0.0"}
    assert found["decision"]["engine"] == "onnxruntime-cpu"
    assert "CPUExecutionProvider" in found["onnxruntime"]["offers"]
    assert set(found["driver"]) == {"version", "cuda", "gpus", "problem", "broken"}


def test_a_bundle_that_cannot_be_read_is_told_below_the_table(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["doctor", str(tmp_path / "none"), *CPU]) == 1
    printed = capsys.readouterr().out
    assert all(title in printed for title in TITLES)
    assert f"Problem: {tmp_path}/none/model.toml: no such file" in printed
    damaged = write_tiny_bundle(tmp_path / "damaged")
    (damaged / "motion.onnx").write_bytes(b"")
    assert cli.main(["doctor", str(damaged), *CPU, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert "motion.onnx: sha256" in found["problems"][0] and found["usable"] is False


def test_a_graph_that_does_not_load_is_found_by_loading_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_tiny_bundle(tmp_path)
    manifest = (folder / "model.toml").read_text()
    (folder / "model.toml").write_text(
        manifest.replace("candidates = 8", "candidates = 9").replace(
            '"candidates" = 8', '"candidates" = 9'
        )
    )
    assert cli.main(["doctor", str(folder), *CPU]) == 1
    assert "Problem: " in (printed := capsys.readouterr().out)
    assert "motion.onnx: tensor" in printed and "cannot run here" in printed


def test_a_machine_with_nothing_gets_a_readable_table(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, usable = shown(capsys, environment(), bundle)
    assert not usable
    assert "TensorRT not installed TensorRT-RTX not installed" in words
    assert "engine none result cannot run here" in words
    assert "Problem: nothing here can run the networks" in words
    assert "Install onnxruntime." in words


def test_a_python_without_any_of_the_libraries_gets_a_readable_table(bundle: Path) -> None:
    program = (
        "import sys\n"
        "names = ('tensorrt', 'tensorrt_rtx', 'cuda', 'onnx', 'onnxruntime', 'rclpy', 'torch')\n"
        "for name in names:\n"
        "    sys.modules[name] = None\n"
        "from convlstm_perception.cli.main import main\n"
        f"sys.exit(main(['doctor', {str(bundle)!r}, '--engine', 'onnxruntime-cpu']))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 1, result.stderr
    assert result.stdout.count("not installed") >= 6  # five rows and the problem
    assert "Install it: pip install onnxruntime." in result.stdout
    assert result.stderr == ""


def test_a_gpu_that_lies_idle_comes_with_what_would_use_it(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = environment(driver("sm87", "Orin"), tensorrt_rtx=RTX, onnxruntime=CPU_RUNTIME)
    machine.jetson = "R36.4.0"
    gpu = dataclasses.replace(machine.driver.gpus[0], integrated=True)
    machine.driver = dataclasses.replace(machine.driver, gpus=(gpu,))
    words, usable = shown(capsys, machine, bundle)
    assert usable
    assert "Jetson Linux R36.4.0 NVIDIA driver 550.1, up to CUDA 12.4" in words
    assert "GPU Orin, sm87, 23034 MiB of the host" in words
    assert "A GPU lies idle (Orin). Any of these would put it to work:" in words
    assert "* TensorRT: tensorrt is not installed. Install tensorrt." in words
    assert "* TensorRT-RTX: it serves no sm87 (Orin), only sm86, sm89. Install TensorRT" in words
    assert "* ONNX Runtime on CUDA: ONNX Runtime 1.20 was built without CUDA. Put" in words


def test_a_library_that_fails_is_told_in_the_table_and_as_the_problem(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = environment(driver(), Library("12.4"), broken("tensorrt"), None, CPU_RUNTIME)
    words, usable = shown(capsys, machine, bundle)
    assert not usable
    assert "TensorRT tensorrt fails" in words
    assert "Problem: engine 'auto', TensorRT: tensorrt fails." in words


@without_gpu
def test_engines_are_looked_up_in_the_cache_and_never_built(
    bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("tensorrt_rtx")
    machine = environment(driver(), Library("12.4"), None, RTX, CPU_RUNTIME)
    monkeypatch.setattr(target_module, "find_gpu", lambda: driver().gpus[0])
    settings = {"precision": "fp32", "engine_cache": str(tmp_path)}
    words, usable = shown(capsys, machine, bundle, **settings)
    assert usable and "not tried: its engines are built when the node is configured" in words
    words, usable = shown(capsys, machine, bundle, build_engine="never", **settings)
    assert not usable and "may not be built. Build it: convlstm-perception compile" in words
    assert not list(tmp_path.glob("*.engine"))

    compile_bundle(
        ModelBundle.load(bundle),
        precision="fp32",
        backend="tensorrt-rtx",
        target="sm89",
        cache=BuildCache(tmp_path),
    )
    diagnosis = examine(bundle, EngineSettings(**settings), machine)
    assert set(diagnosis.engines) == {"encoder", "motion"}
    assert all(Path(path).parent == tmp_path for path in diagnosis.engines.values())
    # They are then loaded for real, which takes a real GPU.
    assert "GPU" in diagnosis.problems[0] and not diagnosis.trial


def test_settings_out_of_range_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "--threads", "-1"]) == 2
    assert "threads" in capsys.readouterr().err
