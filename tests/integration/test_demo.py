"""The demo as a user runs it: node, player and recorder over DDS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest

from convlstm_perception.data.video import open_source
from tests.support.graphs import write_tiny_bundle

pytest.importorskip("rclpy", reason="needs ROS 2's rclpy")
pytestmark = pytest.mark.ros

SECONDS = 4
RATE = 7
FRAMES = SECONDS * RATE
DEMO = [sys.executable, "-m", "convlstm_perception.cli.main", "demo"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "tiny"
    write_tiny_bundle(folder)
    return folder


def run_demo(*words: str | Path, cache: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DEMO, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
    )


def processes_that_name(path: Path) -> list[str]:
    """Command lines of running processes in which a path occurs."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(path) in words:
            found.append(words)
    return found


def test_demo_writes_everything_and_ends_well(bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ["--generated", "--seconds", str(SECONDS), "--rate", str(RATE)]
    result = run_demo("--bundle", bundle, "--out", out, *options, cache=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    values = json.loads((out / "summary.json").read_text())
    assert values["passed"] is True
    assert values["frames_in"] == FRAMES
    assert values["frames_answered"] + values["frames_skipped"] == FRAMES
    assert values["model"] and values["engine"] != "unknown"
    assert 0.0 < values["stamp_to_answer"]["p50_ms"] <= values["stamp_to_answer"]["p99_ms"]
    assert values["stages"]["encoder"]["p50_ms"] > 0.0
    lines = [json.loads(line) for line in (out / "detections.jsonl").read_text().splitlines()]
    assert len(lines) == values["frames_answered"]
    assert [line["stamp_ns"] for line in lines] == sorted({line["stamp_ns"] for line in lines})
    with open_source(out / "overlay.mp4") as video:
        assert sum(1 for _ in video) == values["frames_recorded"]
        assert (video.width, video.height) == (768, 576)
    assert cv2.imread(str(out / "contact_sheet.png")) is not None
    assert values["verdict"] in (out / "summary.html").read_text()
    assert str(out / "summary.html") in result.stdout
    assert not list(out.glob(".frames*"))
    assert not processes_that_name(tmp_path)


def test_interrupt_stops_everything(bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["--generated", "--seconds", "60", "--bundle", str(bundle), "--out", str(out)]
    demo = subprocess.Popen(
        [*DEMO, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
    )
    deadline = time.monotonic() + 60.0
    while not list(out.glob(".frames*/*.jpg")):
        assert demo.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    demo.send_signal(signal.SIGINT)
    output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 130, output
    assert "Traceback" not in output
    assert not processes_that_name(tmp_path)
    assert not list(out.glob(".frames*"))


def test_node_that_refuses_is_told_at_once(bundle: Path, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA, so the node would not refuse it")
    words = ["--generated", "--seconds", "1", "--engine", "onnxruntime-cuda"]
    result = run_demo("--bundle", bundle, "--out", tmp_path / "out", *words, cache=tmp_path)
    assert result.returncode == 1, result.stderr
    assert "the node reports: configure refused" in result.stdout
    assert not processes_that_name(tmp_path)


@pytest.mark.parametrize("kind", ["missing", "text", "bundle", "damaged", "engine"])
def test_bad_input_ends_with_exit_code_2_and_the_mend(
    kind: str, bundle: Path, tmp_path: Path
) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    damaged = tmp_path / "damaged"
    write_tiny_bundle(damaged)
    with (damaged / "motion.onnx").open("ab") as file:
        file.write(b"\0")
    words, expected = {
        "missing": (["--video", tmp_path / "none.mp4"], "no such file or folder. Give"),
        "text": (["--video", text], "not a video that OpenCV can decode"),
        "bundle": (["--bundle", tmp_path / "none"], str(tmp_path / "none")),
        "damaged": (["--bundle", damaged], "sha256"),
        "engine": (["--engine", "steam"], "unknown engine. Choose from"),
    }[kind]
    if "--bundle" not in words:
        words = ["--bundle", bundle, *words]
    result = run_demo("--out", tmp_path / "out", *words, cache=tmp_path)
    assert result.returncode == 2, result.stdout + result.stderr
    assert expected in result.stderr
    assert "Traceback" not in result.stderr
