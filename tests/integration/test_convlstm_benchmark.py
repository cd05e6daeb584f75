"""The benchmark of the ConvLSTM runs, prints its fields, and all contenders answer alike."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(find_spec("keras") is None, reason="Keras is missing")
ROOT = Path(__file__).resolve().parents[2]
OTHERS = ("keras", "reference")


def test_a_quick_run_prints_json_with_its_fields() -> None:
    command = ["benchmarks/convlstm.py", "--json", "--quick", "--rounds", "1"]
    result = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    figures = json.loads(result.stdout)
    for other in OTHERS:
        assert 0.0 <= figures[f"max_abs_diff_{other}"] < 1e-5
        for kind in ("infer", "train"):
            assert figures[f"ratio_{other}_{kind}"] > 0.0
            assert figures[f"ratio_{other}_{kind}_of_pairs"] > 0.0
            assert figures["seconds"][kind][other] > 0.0
    memory = figures["memory_of_a_training_step_mb"]
    assert set(memory) == {"ours", "ours_recompute", *OTHERS}
    assert all(value > 0.0 for value in memory.values())
    assert figures["memory_ratio_recompute"] == pytest.approx(
        memory["ours_recompute"] / memory["reference"], abs=1e-3
    )
    assert figures["machine"]["cores"] > 0
    assert {"torch", "keras"} <= set(figures["versions"])


def test_a_reference_file_that_is_none_is_named() -> None:
    command = ["benchmarks/convlstm.py", "--quick", "--reference-file", "none.py"]
    result = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode != 0
    assert "--reference-file none.py: no Python file" in result.stderr
