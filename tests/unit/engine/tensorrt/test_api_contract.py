"""What this package touches of TensorRT is there, in every version that is served.

The bindings of TensorRT come as wheels of their own, which import without TensorRT's libraries
when empty ones stand in for them: enumerations and signatures are then real, though nothing can be
built.
"""

from __future__ import annotations

import ast
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from convlstm_perception.engine import tensorrt as package
from convlstm_perception.engine.tensorrt import api
from tests.support import tensorrt_contract

ROOT = Path(__file__).resolve().parents[4]
WHEELS = ROOT / "out" / "tensorrt_bindings"  # kept: they need not be fetched for each run
CONTRACT = [sys.executable, "-m", tensorrt_contract.__name__]
VERSIONS = [
    ("tensorrt-cu12-bindings", "10.3.0"),
    ("tensorrt-cu12-bindings", "10.13.3.9"),
    ("tensorrt-cu12-bindings", "10.16.1.11"),
    ("tensorrt-cu13-bindings", "11.4.0.106"),
]
# The functions of TensorRT's libraries to which its bindings refer.
LIBRARY = "\n".join(
    f"void *{name}(void) {{ return 0; }}"
    for name in (
        "createInferBuilder_INTERNAL",
        "createInferRefitter_INTERNAL",
        "createInferRuntime_INTERNAL",
        "createNvOnnxParserRefitter_INTERNAL",
        "createNvOnnxParser_INTERNAL",
        "getBuilderPluginRegistry",
        "getNvOnnxParserVersion",
        "getPluginRegistry",
        "initLibNvInferPlugins",
    )
)
UNREACHABLE = "connection broken by"


def install(wheel: str, version: str) -> Path:
    """The folder that the bindings are in, fetched when they are not there yet."""
    tag = f"{sys.implementation.cache_tag}-{platform.machine()}"
    folder = WHEELS / f"{wheel}-{version}-{tag}"
    if folder.is_dir():
        return folder
    partial = WHEELS / f"{folder.name}.{os.getpid()}"
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--only-binary", ":all:"]
    command += [
        "--retries",
        "1",
        "--disable-pip-version-check",
        "--target",
        str(partial),
        f"{wheel}=={version}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(partial, ignore_errors=True)
        if UNREACHABLE in done.stdout + done.stderr:
            pytest.skip(f"the package index cannot be reached, for {wheel} {version}")
        pytest.fail(f"pip cannot install {wheel} {version}:\n{done.stderr}")
    partial.rename(folder)
    return folder


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of libraries that do nothing, under the names of TensorRT's."""
    folder = tmp_path_factory.mktemp("libraries")
    source = folder / "nothing.c"
    source.write_text(LIBRARY)
    for major in (10, 11):
        for name in ("nvinfer", "nvinfer_plugin", "nvonnxparser"):
            library = f"lib{name}.so.{major}"
            command = ["cc", "-shared", "-fPIC", "-w", source, f"-Wl,-soname,{library}"]
            subprocess.run([*command, "-o", folder / library], check=True)
    return folder


def contract(backend: str, environment: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [*CONTRACT, backend],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="not every version has other wheels")
@pytest.mark.parametrize(("wheel", "version"), VERSIONS)
def test_tensorrt_has_what_is_touched(
    wheel: str, version: str, libraries: Path, tmp_path: Path
) -> None:
    # This is what the module tensorrt is where the libraries are installed beside the bindings.
    (tmp_path / "tensorrt.py").write_text(
        "from tensorrt_bindings import *\nfrom tensorrt_bindings import __version__\n"
    )
    paths = [str(tmp_path), str(install(wheel, version)), os.environ.get("PYTHONPATH", "")]
    environment = {"PYTHONPATH": ":".join(paths), "LD_LIBRARY_PATH": str(libraries)}
    found = contract("tensorrt", environment)
    assert found["version"] == version
    assert found["faults"] == []
    explicit = [] if version.startswith("11") else ["EXPLICIT_BATCH"]
    assert found["network_flags"] == [*explicit, "STRONGLY_TYPED"]
    assert found["compute_capabilities"] == []
    assert found["dtypes"]["HALF"] == "float16"


def test_tensorrt_rtx_has_what_is_touched() -> None:
    pytest.importorskip("tensorrt_rtx")
    found = contract("tensorrt-rtx", {})
    assert found["faults"] == []
    assert found["network_flags"] == ["STRONGLY_TYPED"]
    assert {"sm75", "sm80", "sm86", "sm89", "sm120"} <= set(found["compute_capabilities"])


def test_what_is_missing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison itself: a parameter and a member that TensorRT has not."""
    pytest.importorskip("tensorrt_rtx")
    bindings = package.load_bindings("tensorrt-rtx")

    def create_network(self: object, colour: int) -> None: ...

    create_network.__module__ = api.__name__
    monkeypatch.setattr(api.Builder, "create_network", create_network)
    monkeypatch.setitem(api.ITensor.__annotations__, "colour", "int")
    found = tensorrt_contract.faults(bindings)
    assert len(found) == 2
    assert "Builder.create_network(colour) is not" in found[0] + found[1]
    assert "ITensor has no colour" in found


def test_nothing_else_of_tensorrt_is_touched() -> None:
    """No module uses a member of TensorRT that is not declared, also where mypy sees Any.

    Names of one word in lower case are left to mypy: lists and paths have them too.
    """
    trt = pytest.importorskip("tensorrt_rtx")
    real = {
        member
        for name, value in vars(trt).items()
        for member in {name, *(dir(value) if isinstance(value, type) else ())}
        if re.search(r"^[a-z0-9]+_|[A-Z]", member)
    }
    declared = {name.removeprefix("Rtx") for name in tensorrt_contract.declared()}
    for protocol in tensorrt_contract.declared().values():
        declared |= {name for name, _ in tensorrt_contract.members(protocol)}
    modules = [ast.parse(path.read_text()) for path in Path(package.__file__).parent.glob("*.py")]
    touched = {name for module in modules for name in attributes(module) if name in real}
    ours = {name for module in modules for name in defined(module)}
    assert sorted(touched - declared - ours) == []


def attributes(module: ast.Module) -> set[str]:
    """Names of the attributes that a module uses, but for those of the modules it imports."""
    imported = {
        alias.asname or alias.name.split(".")[0]
        for node in ast.walk(module)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    return {
        node.attr
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute)
        and not (isinstance(node.value, ast.Name) and node.value.id in imported)
    }


def defined(module: ast.Module) -> set[str]:
    """Names of the functions, classes and fields of a module."""
    names = set()
    for node in ast.walk(module):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names
