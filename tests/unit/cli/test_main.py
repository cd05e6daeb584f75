"""The command line: dispatch, help and messages for wrong input."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from convlstm_perception import __version__
from convlstm_perception.cli import main as cli


def test_without_a_command_the_commands_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    output = capsys.readouterr().out
    assert all(f"  {name} " in output for name in cli.COMMANDS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert __version__ in capsys.readouterr().out


def test_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["dance"])
    assert "dance" in capsys.readouterr().err


def test_command_without_its_module_says_so_and_leaves_the_others_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cli.COMMANDS, "absent", "not there")
    assert cli.main(["absent"]) == 2
    assert "convlstm_perception.cli.absent" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="0"):
        cli.main(["play", "--help"])


def test_help_imports_neither_ros_nor_torch() -> None:
    program = (
        "import sys; from convlstm_perception.cli.main import main\n"
        "try: main(['play', '--help'])\n"
        "except SystemExit: pass\n"
        "print('heavy:', [name for name in ('rclpy', 'torch', 'onnxruntime', 'cv2') "
        "if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "heavy: []" in result.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rate", "fast"], "'fast': expected a number of images a second"),
        (["--rate", "0"], "expected 0.01 to 1000"),
        (["--rate", "nan"], "expected a number"),
        (["--frames", "0"], "expected a whole number from 1"),
        (["--start-delay", "-1"], "expected 0 or more"),
        (["--reliable", "--best-effort"], "not allowed with"),
    ],
)
def test_play_refuses_bad_values(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["play", "video.avi", *words])
    assert message in capsys.readouterr().err


def test_demo_refuses_a_missing_bundle(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("rclpy")
    assert cli.main(["demo", "--bundle", str(tmp_path / "none"), "--out", str(tmp_path)]) == 2
    assert str(tmp_path / "none") in capsys.readouterr().err
