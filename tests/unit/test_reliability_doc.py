"""docs/reliability.md names the tests that exist, and all of them."""

from __future__ import annotations

import re
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_FAULTS = _ROOT / "tests" / "integration" / "faults"


def test_the_document_lists_every_fault_test_and_no_other() -> None:
    document = (_ROOT / "docs" / "reliability.md").read_text()
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", document)
    existing = [
        (path.name, name)
        for path in sorted(_FAULTS.glob("test_*.py"))
        for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE)
    ]
    assert sorted(named) == sorted(existing)
