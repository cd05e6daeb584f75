"""The driver is asked through its C library; here one that was compiled for the test answers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from convlstm_perception.engine.nvidia_driver import (
    Gpu,
    NvidiaDriver,
    find_driver,
    version_in_words,
)
from tests.support.fake_driver import build_fake_driver

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc here")
_VERSION_OPEN = (
    "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.4.0  Release Build\n"
    "GCC version:  gcc version 11.4.0 (Ubuntu 11.4.0-1ubuntu1~22.04)\n"
)
_VERSION_PC = (
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\n"
)


def kernel_module(folder: Path, text: str) -> Path:
    path = folder / "version"
    path.write_text(text)
    return path


@needs_gcc
def test_the_driver_lists_its_gpus(tmp_path: Path) -> None:
    found = find_driver(build_fake_driver(tmp_path), kernel_module(tmp_path, _VERSION_PC))
    assert found == NvidiaDriver(
        version="550.54.15",
        cuda="12.6",
        gpus=(
            Gpu("NVIDIA L4", "sm89", memory_mb=23034, integrated=False),
            Gpu("Orin", "sm87", memory_mb=7620, integrated=True),
        ),
    )


@needs_gcc
@pytest.mark.parametrize(
    ("facts", "problem", "broken"),
    [
        ({"INIT": 100}, "(cuInit: CUDA_ERROR_NO_DEVICE, 100)", False),
        ({"INIT": 34}, "(cuInit: unknown error, 34)", False),  # the toolkit's stub library
        ({"INIT": 803}, "(cuInit: CUDA_ERROR_SYSTEM_DRIVER_MISMATCH, 803)", True),
        ({"INIT": 999, "NO_ERROR_NAMES": 1}, "(cuInit: unknown error, 999)", True),
        ({"COUNT": 0}, "(cuDeviceGetCount: 0)", False),
        ({"MEMORY_STATUS": 2}, "(cuDeviceTotalMem_v2: unknown error, 2)", True),
        ({"NO_COUNT": 1}, "(libcuda.so.1 has no cuDeviceGetCount)", True),
    ],
)
def test_a_driver_without_gpus_says_why(
    facts: dict[str, int], problem: str, broken: bool, tmp_path: Path
) -> None:
    found = find_driver(build_fake_driver(tmp_path, **facts), tmp_path / "absent")
    assert found.gpus == ()
    assert found.problem == f"NVIDIA's driver gives no GPU {problem}"
    assert found.broken is broken


def test_without_the_library_the_kernel_module_tells_whether_there_is_a_driver(
    tmp_path: Path,
) -> None:
    absent = str(tmp_path / "libcuda.so.1")
    nothing = find_driver(absent, tmp_path / "absent")
    assert nothing.problem.startswith(f"no NVIDIA driver ({absent}: cannot open")
    assert (nothing.version, nothing.gpus, nothing.broken) == ("", (), False)
    contained = find_driver(absent, kernel_module(tmp_path, _VERSION_OPEN))
    assert contained.version == "540.4.0"
    assert contained.problem.startswith(
        "NVIDIA's driver 540.4.0 is on this machine, but not in reach ("
    )


@pytest.mark.parametrize("text", ["", "no version in it"])
def test_a_kernel_module_that_does_not_tell_has_no_version(text: str, tmp_path: Path) -> None:
    assert find_driver(str(tmp_path / "no"), kernel_module(tmp_path, text)).version == ""


def test_a_file_that_is_no_library_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "libcuda.so.1"
    path.write_bytes(b"not a library")
    assert "no NVIDIA driver" in find_driver(str(path), tmp_path / "absent").problem


def test_this_machine_answers_as_nvidia_smi_does() -> None:
    found = find_driver()
    names: list[str] = []
    if shutil.which("nvidia-smi"):
        query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        asked = subprocess.run(query, capture_output=True, text=True)
        names = [] if asked.returncode else asked.stdout.splitlines()
    assert sorted(gpu.name for gpu in found.gpus) == sorted(names)
    assert bool(found.problem) is not bool(found.gpus)


def test_versions_of_cuda_are_written_as_people_do() -> None:
    assert [version_in_words(number) for number in (12060, 11040, 13000)] == [
        "12.6",
        "11.4",
        "13.0",
    ]
