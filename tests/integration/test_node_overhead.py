"""The benchmark of what the node adds to DDS runs, and prints its fields."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy")

pytestmark = pytest.mark.ros
ROOT = Path(__file__).resolve().parents[2]


def test_a_short_run_prints_json_with_its_fields() -> None:
    # Two seconds are sixty frames, of which the benchmark leaves out the first thirty.
    command = ["-m", "benchmarks.node_overhead", "--json", "--seconds", "2", "--pairs", "1"]
    result = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=os.environ, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    figures = json.loads(result.stdout)
    assert figures["overhead_ratio_p50"] > 0.0 and figures["overhead_ratio_p99"] > 0.0
    for name in ("answered_share_720p", "delivered_share_1080p", "answered_share_1080p"):
        assert 0.0 < figures[name] <= 1.0, name
        if "1080p" in name:
            assert 0.0 <= figures[f"{name}_default_profile"] <= 1.0
    assert figures["frames"] > 0 and len(figures["ratios_p50_by_pair"]) == 1
    assert 0.0 < figures["bare_p50_ms"] <= figures["bare_p99_ms"]
    assert 0.0 < figures["node_p50_ms"] <= figures["node_p99_ms"]
    assert 0.0 <= figures["idle_cpu_percent"] <= 100.0
    assert isinstance(figures["idle_rss_growth_mb"], float)
