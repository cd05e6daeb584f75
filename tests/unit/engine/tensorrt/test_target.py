"""What can be built for, where, and how it is refused."""

from __future__ import annotations

import dataclasses

import pytest

from convlstm_perception.engine.nvidia_driver import Gpu, find_gpu
from convlstm_perception.engine.tensorrt import target as target_module
from convlstm_perception.engine.tensorrt.bindings import TensorRtBindings, load_bindings
from convlstm_perception.engine.tensorrt.compilation import choose_bindings
from convlstm_perception.engine.tensorrt.log import driver_present
from convlstm_perception.engine.tensorrt.target import Target, parse_target, resolve_target
from convlstm_perception.errors import EngineError

pytest.importorskip("tensorrt_rtx")
without_driver = pytest.mark.skipif(driver_present(), reason="there is a driver here")


@pytest.fixture
def rtx() -> TensorRtBindings:
    return load_bindings("tensorrt-rtx")


@pytest.fixture
def full(rtx: TensorRtBindings) -> TensorRtBindings:
    """TensorRT that builds for its own GPU alone, as far as targets go."""
    return dataclasses.replace(rtx, backend="tensorrt")


def put_in(monkeypatch: pytest.MonkeyPatch, gpu: Gpu) -> None:
    monkeypatch.setattr(target_module, "find_gpu", lambda: gpu)


@pytest.mark.parametrize("text", ["sm89", "SM89", "sm_89", "89", "8.9", " sm89 "])
def test_a_compute_capability_is_read_in_its_usual_forms(text: str) -> None:
    assert parse_target(text) == "sm89"


@pytest.mark.parametrize("text", ["", "ada", "sm8", "sm", "8", "sm89x", "-89"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(EngineError, match="give 'current' or a compute capability"):
        parse_target(text)


def test_every_compute_capability_is_built_for_without_a_gpu(rtx: TensorRtBindings) -> None:
    for name in ("sm75", "sm80", "sm86", "sm89", "sm120"):
        assert resolve_target(rtx, name) == Target(name, gpu="")


@pytest.mark.parametrize("name", ["sm87", "sm90", "sm110"])
def test_what_rtx_does_not_build_for_is_served_by_tensorrt(
    name: str, rtx: TensorRtBindings
) -> None:
    with pytest.raises(EngineError, match=f"no engine for {name}, only for sm75, .*sm120.*Orin"):
        resolve_target(rtx, name)


@without_driver
def test_without_a_gpu_current_is_refused(rtx: TensorRtBindings, full: TensorRtBindings) -> None:
    with pytest.raises(EngineError, match=r"no NVIDIA driver \(libcuda.so.1: "):
        find_gpu()
    with pytest.raises(EngineError, match=r"'current'.*nvidia-smi.*--target sm75, sm80"):
        resolve_target(rtx, "current")
    for name in ("current", "sm89"):
        with pytest.raises(EngineError, match=f"'{name}'.*Compile on the machine that will run"):
            resolve_target(full, name)


@without_driver
def test_auto_tells_why_neither_will_do() -> None:
    with pytest.raises(EngineError, match=r"TensorRT is not installed.*no engine for sm87"):
        choose_bindings("auto", "sm87")
    bindings, target = choose_bindings("auto", "sm86")
    assert (bindings.backend, target) == ("tensorrt-rtx", Target("sm86"))


def test_current_is_the_gpu_of_this_machine(
    rtx: TensorRtBindings, full: TensorRtBindings, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in(monkeypatch, Gpu("NVIDIA L4", "sm89"))
    here = Target("sm89", "NVIDIA L4")
    assert resolve_target(rtx, "current") == resolve_target(full, "current") == here
    assert resolve_target(full, "sm89") == here
    assert resolve_target(rtx, "sm89") == Target("sm89")
    with pytest.raises(EngineError, match=r"only for the GPU it runs on, here sm89 \(NVIDIA L4\)"):
        resolve_target(full, "sm86")


def test_rtx_refuses_a_gpu_that_it_does_not_serve(
    rtx: TensorRtBindings, full: TensorRtBindings, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in(monkeypatch, Gpu("Orin", "sm87"))
    with pytest.raises(EngineError, match=r"no engine for sm87 \(Orin\).*--backend tensorrt "):
        resolve_target(rtx, "current")
    assert resolve_target(full, "current") == Target("sm87", "Orin")
