"""Which engine is taken on which machine, and what is said of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from convlstm_perception.engine import EngineSettings, ModelBundle, MotionModel
from convlstm_perception.engine.choice import decide_engine, load_backend
from convlstm_perception.engine.environment import Environment, Library
from convlstm_perception.engine.nvidia_driver import NvidiaDriver
from convlstm_perception.errors import EngineError
from tests.support.environments import (
    BROKEN_DRIVER,
    CPU_RUNTIME,
    CUDA_RUNTIME,
    RTX,
    broken,
    driver,
    environment,
)
from tests.support.graphs import write_tiny_bundle

CUDA = Library("12.4")
FULL = Library("10.3.0")
AUTO = EngineSettings()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    return ModelBundle.load(write_tiny_bundle(tmp_path_factory.mktemp("bundle")))


@pytest.mark.parametrize(
    ("machine", "engine", "passed_over"),
    [
        (environment(driver(), CUDA, FULL, RTX, CUDA_RUNTIME), "tensorrt", []),
        (environment(driver(), CUDA, FULL), "tensorrt", []),
        (environment(driver(), CUDA, None, RTX, CUDA_RUNTIME), "tensorrt-rtx", ["not installed"]),
        (
            environment(driver("sm87", "Orin"), CUDA, None, RTX, CUDA_RUNTIME),
            "onnxruntime-cuda",
            ["tensorrt is not installed", "it serves no sm87 (Orin), only sm86, sm89"],
        ),
        (
            environment(driver(), None, FULL, RTX, CUDA_RUNTIME),
            "onnxruntime-cuda",
            ["cuda_bindings is not installed"] * 2,
        ),
        (
            environment(driver(), onnxruntime=CPU_RUNTIME),
            "onnxruntime-cpu",
            ["tensorrt is not", "tensorrt_rtx is not", "ONNX Runtime 1.20 was built without CUDA"],
        ),
        (
            environment(cuda_bindings=CUDA, tensorrt=FULL, onnxruntime=CUDA_RUNTIME),
            "onnxruntime-cpu",
            ["no NVIDIA driver"] * 3,
        ),
    ],
)
def test_auto_takes_the_first_engine_that_has_all_it_needs(
    machine: Environment, engine: str, passed_over: list[str]
) -> None:
    decision = decide_engine(AUTO, machine)
    assert decision.engine == engine
    assert len(decision.passed_over) == len(passed_over)
    for obstacle, words in zip(decision.passed_over, passed_over, strict=True):
        assert words in obstacle.problem and obstacle.mend and not obstacle.broken
        assert obstacle.problem in decision.why


def test_why_names_engines_that_lack_the_same_together() -> None:
    decision = decide_engine(AUTO, environment(onnxruntime=CPU_RUNTIME))
    assert decision.why == (
        "engine 'auto' passed over TensorRT, TensorRT-RTX, ONNX Runtime on CUDA: "
        "no NVIDIA driver (for the test)"
    )
    first = decide_engine(AUTO, environment(driver(), CUDA, FULL))
    assert first.why == "the first choice of engine 'auto'"


@pytest.mark.parametrize(
    ("found", "settings", "idle"),
    [
        (driver(), AUTO, "NVIDIA L4"),
        (NvidiaDriver("540.4.0", problem="not in reach"), AUTO, "that of NVIDIA's driver 540.4.0"),
        (NvidiaDriver(problem="no driver"), AUTO, ""),
        (driver(), EngineSettings(engine="onnxruntime-cpu"), ""),
    ],
)
def test_a_gpu_that_auto_leaves_idle_is_named(
    found: NvidiaDriver, settings: EngineSettings, idle: str
) -> None:
    decision = decide_engine(settings, environment(found, onnxruntime=CPU_RUNTIME))
    assert (decision.engine, decision.idle_gpu) == ("onnxruntime-cpu", idle)


def test_a_gpu_in_use_is_not_idle() -> None:
    assert decide_engine(AUTO, environment(driver(), onnxruntime=CUDA_RUNTIME)).idle_gpu == ""


@pytest.mark.parametrize(
    ("machine", "message"),
    [
        (
            environment(driver(), CUDA, broken("tensorrt"), RTX, CUDA_RUNTIME),
            "'auto', TensorRT: tensorrt fails. To run without it, set engine to 'onnxruntime-cpu'",
        ),
        (environment(driver(), CUDA, None, broken("rtx"), CUDA_RUNTIME), "TensorRT-RTX: rtx fails"),
        (environment(driver(), broken("cuda"), FULL, None, CUDA_RUNTIME), "TensorRT: cuda fails"),
        (environment(driver(), onnxruntime=broken("onnxruntime")), "on CUDA: onnxruntime fails"),
        (environment(BROKEN_DRIVER, CUDA, FULL, None, CPU_RUNTIME), "TensorRT: the driver fails"),
        (environment(BROKEN_DRIVER, onnxruntime=CUDA_RUNTIME), "on CUDA: the driver fails.*nvidia"),
    ],
)
def test_auto_does_not_give_way_to_the_cpu_when_what_is_there_fails(
    machine: Environment, message: str
) -> None:
    with pytest.raises(EngineError, match=message):
        decide_engine(AUTO, machine)


def test_a_driver_that_fails_concerns_nobody_without_a_library_for_its_gpu() -> None:
    decision = decide_engine(AUTO, environment(BROKEN_DRIVER, onnxruntime=CPU_RUNTIME))
    assert decision.engine == "onnxruntime-cpu"
    assert decision.idle_gpu == "that of NVIDIA's driver 550.1"


def test_without_any_engine_all_is_told() -> None:
    with pytest.raises(EngineError) as refused:
        decide_engine(AUTO, environment())
    assert str(refused.value) == (
        "nothing here can run the networks: TensorRT, TensorRT-RTX, ONNX Runtime on CUDA: "
        "no NVIDIA driver (for the test); ONNX Runtime on the CPU: onnxruntime is not installed. "
        "Install onnxruntime."
    )


@pytest.mark.parametrize(
    ("machine", "engine"),
    [
        (environment(driver(), CUDA, FULL, RTX, CUDA_RUNTIME), "tensorrt-rtx"),
        (environment(driver(), CUDA, broken("tensorrt"), None, CUDA_RUNTIME), "onnxruntime-cuda"),
        (environment(BROKEN_DRIVER, CUDA, FULL, RTX, CUDA_RUNTIME), "onnxruntime-cpu"),
    ],
)
def test_an_engine_that_is_asked_for_depends_on_no_other(machine: Environment, engine) -> None:
    decision = decide_engine(EngineSettings(engine=engine), machine)
    assert (decision.engine, decision.why) == (engine, f"engine is set to '{engine}'")
    assert decision.passed_over == ()


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        ("tensorrt", "engine 'tensorrt': no NVIDIA driver.*nvidia-smi.*Or use engine 'auto'"),
        ("onnxruntime-cuda", "engine 'onnxruntime-cuda': no NVIDIA driver"),
        ("onnxruntime-cpu", "onnxruntime is not installed. Install onnxruntime. Or use"),
    ],
)
def test_an_engine_that_is_asked_for_and_missing_is_refused(engine, message: str) -> None:
    with pytest.raises(EngineError, match=message):
        decide_engine(EngineSettings(engine=engine), environment())


def test_the_mend_of_an_onnx_runtime_without_cuda_is_the_other_build() -> None:
    machine = environment(driver(), onnxruntime=CPU_RUNTIME)
    with pytest.raises(EngineError, match=r"built without CUDA.*pip install 'onnxruntime-gpu"):
        decide_engine(EngineSettings(engine="onnxruntime-cuda"), machine)


def test_a_model_keeps_why_it_runs_where_it_does(bundle: ModelBundle) -> None:
    settings = EngineSettings(engine="onnxruntime-cpu", threads=1)
    model = MotionModel.load(bundle, settings)
    assert model.decision and model.decision.engine == "onnxruntime-cpu"
    model.close()


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_an_onnx_runtime_that_does_not_give_the_cuda_it_names_is_an_error(
    bundle: ModelBundle,
) -> None:
    """As where CUDA's libraries do not load: ONNX Runtime then goes on with the CPU by itself."""
    machine = environment(driver(), onnxruntime=CUDA_RUNTIME)
    if "CUDAExecutionProvider" in Environment().onnxruntime.offers:
        pytest.skip("this ONNX Runtime has CUDA")
    with pytest.raises(EngineError, match=r"does not give CUDA.*cudnn.*took ONNX Runtime on CUDA"):
        load_backend(bundle, EngineSettings(threads=1), 1, machine)
    asked = EngineSettings(engine="onnxruntime-cuda", threads=1)
    with pytest.raises(EngineError, match=r"does not give CUDA.*\]'\.$"):
        load_backend(bundle, asked, 1, machine)


def test_a_tensorrt_that_cannot_load_is_an_error_and_no_cpu_takes_its_place(
    bundle: ModelBundle, tmp_path: Path
) -> None:
    pytest.importorskip("tensorrt_rtx")
    if Environment().driver.gpus:
        pytest.skip("there is a GPU here")
    machine = environment(driver(), CUDA, None, RTX, CPU_RUNTIME)
    settings = EngineSettings(precision="fp32", engine_cache=str(tmp_path))
    with pytest.raises(EngineError, match=r"no NVIDIA driver.*took TensorRT-RTX.*onnxruntime-cpu"):
        load_backend(bundle, settings, 1, machine)
