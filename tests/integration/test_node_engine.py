"""The node's choice of an engine, beside a driver that was compiled for the test."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

rclpy = pytest.importorskip("rclpy", reason="no ROS 2 in this environment")
pytest.importorskip("tensorrt_rtx")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus  # noqa: E402

from convlstm_perception.engine import Environment  # noqa: E402
from convlstm_perception.engine.environment import CUDA_PROVIDER  # noqa: E402
from tests.support.fake_driver import build_fake_driver  # noqa: E402
from tests.support.graphs import write_tiny_bundle  # noqa: E402
from tests.support.node import STATES, running_node, values_of  # noqa: E402

pytestmark = [
    pytest.mark.ros,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc here"),
]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


@pytest.fixture(autouse=True)
def no_other_gpu_engine() -> None:
    here = Environment()
    if here.driver.gpus or not here.tensorrt.problem or CUDA_PROVIDER in here.onnxruntime.offers:
        pytest.skip("this machine has more for a GPU than the test assumes")


def install_driver(folder: Path, monkeypatch: pytest.MonkeyPatch, **facts: int) -> None:
    """Let processes that the test starts find a driver."""
    build_fake_driver(folder, **facts)
    paths = [str(folder), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
    monkeypatch.setenv("LD_LIBRARY_PATH", os.pathsep.join(paths))


def test_a_gpu_that_lies_idle_is_warned_of(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_driver(tmp_path, monkeypatch, FIRST=1, COUNT=1)  # TensorRT-RTX serves no Orin
    with running_node(tmp_path, bundle=bundle) as node:
        diagnostics = node.collect(DiagnosticArray, "/diagnostics")
        node.reach("active")
        assert "this machine's GPU lies idle (Orin)" in node.log
        assert "it serves no sm87 (Orin)" in node.log
        node.wait_until(lambda: diagnostics and "idle GPU" in values_of(diagnostics), "diagnostics")
        values = values_of(diagnostics)
        assert values["idle GPU"] == "Orin"
        assert "it serves no sm87 (Orin)" in values["engine chosen because"]


def test_a_gpu_that_fails_is_refused_and_not_replaced_by_the_cpu(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_driver(tmp_path, monkeypatch, INIT=803)
    with running_node(tmp_path, bundle=bundle) as node:
        diagnostics = node.collect(DiagnosticArray, "/diagnostics")
        assert not node.change_state("configure")
        assert node.state() == STATES["unconfigured"]
        message = "TensorRT-RTX: NVIDIA's driver gives no GPU (cuInit: CUDA_ERROR_SYSTEM_DRIVER"
        assert message in node.log and "set engine to 'onnxruntime-cpu'" in node.log
        node.wait_until(
            lambda: diagnostics and message in diagnostics[-1].status[0].message,
            "the problem in the diagnostics",
        )
        assert diagnostics[-1].status[0].level == DiagnosticStatus.ERROR
        assert node.set_parameter("engine", "onnxruntime-cpu") == ""
        assert node.change_state("configure"), node.log
        assert "engine is set to 'onnxruntime-cpu'" in node.log
        assert "lies idle" not in node.log
