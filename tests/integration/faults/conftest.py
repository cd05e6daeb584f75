"""Marks the tests of this folder, and says at the end which fault was put and what it proved."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.graphs import write_tiny_bundle

_HERE = Path(__file__).parent
# Of a fault put several times over, the worst is shown: the last here.
_OUTCOMES = {"skipped": "not tried", "passed": "held", "failed": "BROKEN", "error": "BROKEN"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder is one of a fault, of a real node over real DDS."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.fault)
            item.add_marker(pytest.mark.ros)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the faults; the first line of a test's docstring is what is promised under it."""
    lines = {
        promise: f"{_OUTCOMES[outcome]:>9}  {promise}"
        for outcome in _OUTCOMES
        for report in terminalreporter.getreports(outcome)
        for key, promise in getattr(report, "user_properties", [])
        if key == "promise"
    }
    if lines:
        terminalreporter.section("faults put to the node")
        for line in lines.values():
            terminalreporter.write_line(line)


@pytest.fixture(autouse=True)
def _promise(request: pytest.FixtureRequest) -> None:
    """Keep with the report what the test proves."""
    function = request.function
    name = f"{function.__module__.rpartition('.')[2]}: "
    first = (function.__doc__ or function.__name__).strip().splitlines()[0]
    request.node.user_properties.append(("promise", name + first))


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny bundle: a window of four frames, 0.1 s apart."""
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")
