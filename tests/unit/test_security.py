"""What the node's code cannot do, and that its policies are well formed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.policy import DOMAIN_OF_RULE, POLICIES, allowed_names, read_policy

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "convlstm_perception"
RUN_TIME_FOLDERS = ("engine", "stream", "geometry")

FORBIDDEN_MODULES = {
    *("subprocess", "pty", "multiprocessing", "pickle", "shelve", "marshal", "dill", "joblib"),
    *("urllib", "http", "ftplib", "smtplib", "requests", "httpx", "aiohttp", "socketserver"),
    *("xmlrpc", "webbrowser", "code", "runpy"),
}
FORBIDDEN_CALLS = {
    *("eval", "exec", "compile", "__import__"),
    *("os.system", "os.popen", "os.fork", "os.startfile"),
    *("yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.full_load", "torch.load"),
}
FORBIDDEN_PREFIXES = ("os.exec", "os.spawn", "os.posix_spawn", "socket.")
EXCEPTIONS = {
    # A pair of connected sockets within the process, by which a signal wakes the main thread.
    ("ros/process.py", "socket.socketpair"),
}


def run_time_modules() -> list[Path]:
    """Every module of the run-time folders, and every other one that the node can import.

    Not those of the folder ros that serve doctor, demo and player: they start processes.
    """
    package = ROOT / PACKAGE
    found = {path for folder in RUN_TIME_FOLDERS for path in (package / folder).rglob("*.py")}
    found |= {package / "__init__.py", package / "ros" / "node.py"}
    waiting = list(found)
    while waiting:
        for name in _imported(ast.parse(waiting.pop().read_text())):
            for path in _files(name):
                if path not in found:
                    found.add(path)
                    waiting.append(path)
    return sorted(found)


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, "relative imports are not followed"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files(name: str) -> Iterator[Path]:
    """A module of this package, and the packages that are imported with it."""
    parts = name.split(".")
    if parts[0] != PACKAGE:
        return
    for end in range(1, len(parts) + 1):
        place = ROOT.joinpath(*parts[:end])
        yield from (
            path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()
        )


def _dotted(node: ast.expr, names: dict[str, str]) -> str:
    """``os.system`` of an expression, also where it was imported under another name."""
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, names)}.{node.attr}"
    return names.get(node.id, node.id) if isinstance(node, ast.Name) else ""


def offences(text: str) -> set[str]:
    """What a module imports or calls that the node must not."""
    tree, names, found = ast.parse(text), dict[str, str](), set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    found |= {name for name in _imported(tree) if name.split(".")[0] in FORBIDDEN_MODULES}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = _dotted(node.func, names)
        if called in FORBIDDEN_CALLS or called.startswith(FORBIDDEN_PREFIXES):
            found.add(called)
        if called in ("numpy.load", "np.load") and any(
            keyword.arg == "allow_pickle" for keyword in node.keywords
        ):
            found.add(f"{called}(allow_pickle)")
        if any(
            keyword.arg == "shell" and not _is_false(keyword.value) for keyword in node.keywords
        ):
            found.add(f"{called}(shell)")
    return found


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


@pytest.mark.parametrize(
    ("text", "offence"),
    [
        ("import subprocess", "subprocess"),
        ("from urllib.request import urlopen", "urllib.request"),
        ("def f():\n    import pickle", "pickle"),
        ("import os as o\no.system('x')", "os.system"),
        ("from os import execv as run\nrun('x', [])", "os.execv"),
        ("import socket\nsocket.create_connection(('h', 1))", "socket.create_connection"),
        ("import yaml\nyaml.load(x, Loader=yaml.Loader)", "yaml.load"),
        ("eval('1')", "eval"),
        ("import numpy as np\nnp.load(p, allow_pickle=True)", "numpy.load(allow_pickle)"),
    ],
)
def test_an_offence_is_noticed(text: str, offence: str) -> None:
    assert offence in offences(text)


def test_what_is_harmless_is_not() -> None:
    assert not offences("import yaml, re\nyaml.safe_load(x)\nnet.eval()\nre.compile('x')")


def test_run_time_code_has_no_shell_pickle_eval_or_network() -> None:
    modules = run_time_modules()
    found = {
        (str(path.relative_to(ROOT / PACKAGE)), offence)
        for path in modules
        for offence in offences(path.read_text())
    }
    assert found == EXCEPTIONS


def test_the_node_cannot_reach_training_evaluation_or_the_fetching_of_videos() -> None:
    folders = {path.relative_to(ROOT / PACKAGE).parts[0] for path in run_time_modules()}
    assert not folders & {"training", "evaluation", "cli", "benchmark"}
    names = {path.relative_to(ROOT / PACKAGE).as_posix() for path in run_time_modules()}
    assert {"data/image_message.py", "types.py", "boxes.py", "ros/black_box.py"} <= names
    assert not names & {"data/demo_video.py", "demo/processes.py"}


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.name)
def test_a_policy_has_the_form_of_the_schema(path: Path) -> None:
    """As policy.xsd 0.2.0 of sros2 has it, for what these policies make use of."""
    root = read_policy(path)
    assert root.tag == "policy" and root.attrib == {"version": "0.2.0"}
    (enclaves,) = root
    (enclave,) = enclaves
    assert (enclaves.tag, enclave.tag) == ("enclaves", "enclave")
    assert enclave.attrib == {"path": "/convlstm_perception"}
    (profiles,) = enclave
    (profile,) = profiles
    assert (profiles.tag, profile.tag) == ("profiles", "profile")
    assert profile.attrib == {"ns": "/", "node": "convlstm_perception"}
    for rule in profile:
        assert set(rule.attrib.values()) == {"ALLOW"}
        assert all((rule.tag, way) in DOMAIN_OF_RULE for way in rule.attrib)
        assert len(rule)
        for entry in rule:
            assert entry.tag == rule.tag.removesuffix("s") and not entry.attrib and not len(entry)


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.name)
def test_a_policy_names_each_right_once_and_none_by_pattern(path: Path) -> None:
    for kind, names in allowed_names(path).items():
        assert len(names) == len(set(names)), kind
        assert not [name for name in names if set(name) & set("*?[]{}")], kind


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.name)
def test_a_policy_is_valid_for_sros2_itself(path: Path) -> None:
    policies = pytest.importorskip("sros2.policy", reason="sros2 is not installed here")
    policies.load_policy(path)  # raises where its schema is not met
