"""``convlstm-perception compile`` without a GPU: files, report, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from convlstm_perception.cli import main as cli
from convlstm_perception.cli.compile import CALIBRATION_FRAMES, calibration_frames
from convlstm_perception.engine import ModelBundle
from convlstm_perception.engine.tensorrt.log import driver_present
from tests.support.graphs import HEIGHT, WIDTH, write_tiny_bundle
from tests.support.onnx_graph import write_convolution_bundle

pytest.importorskip("tensorrt_rtx")
without_driver = pytest.mark.skipif(driver_present(), reason="there is a driver here")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle"))


def images(folder: Path, count: int) -> Path:
    """As many grey images, each a little brighter than the one before."""
    folder.mkdir()
    for number in range(count):
        image = np.full((HEIGHT, 2 * WIDTH, 3), number, np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), image)
    return folder


def test_the_shipped_bundle_is_compiled_for_another_gpu(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["compile", "--precision", "fp16", "--target", "sm89", "--cache", str(tmp_path)]
    assert cli.main(words) == 0
    printed = capsys.readouterr().out
    files = sorted(tmp_path.glob("*.engine"))
    assert len(files) >= 3
    assert all(f"{file}\n" in printed for file in files)
    assert "TensorRT-RTX" in printed and "for sm89" in printed
    assert "convolution" in printed and "fp16" in printed and "built in" in printed
    assert cli.main(words) == 0
    assert "from the cache" in capsys.readouterr().out
    assert sorted(tmp_path.glob("*.engine")) == files


def test_json_alone_on_standard_output(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["compile", str(bundle), "--precision", "fp32", "--target", "8.6", "--cameras", "3"]
    assert cli.main([*words, "--cache", str(tmp_path), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["model"], values["target"], values["cameras"]) == ("tiny-1.0.0", "sm86", 3)
    assert values["backend"] == "tensorrt-rtx" and values["version"]
    assert {"encoder", "motion"} <= set(values["engines"])
    encoder = values["engines"]["encoder"]
    assert encoder["inputs"][0]["name"] == "image" and encoder["inputs"][0]["dtype"] == "uint8"
    assert (encoder["built"], encoder["precision"]) == (True, "fp32")
    assert Path(encoder["file"]).stat().st_size > encoder["bytes"] > 0
    assert {"kind", "dtype", "count"} == set(encoder["layers"][0])


def test_int8_is_measured_on_images_of_the_camera(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_convolution_bundle(tmp_path / "bundle")
    words = ["compile", str(folder), "--precision", "int8", "--target", "sm86", "--json"]
    words += ["--cache", str(tmp_path / "engines")]
    assert cli.main([*words, "--calibration", str(images(tmp_path / "images", 2))]) == 0
    engines = json.loads(capsys.readouterr().out)["engines"]
    quantised = {
        role: sum(layer["count"] for layer in engine["layers"] if layer["kind"] == "quantize")
        for role, engine in engines.items()
    }
    assert quantised.pop("encoder") >= 2
    assert set(quantised.values()) == {0}
    assert cli.main(words) == 0
    again = json.loads(capsys.readouterr().out)["engines"]
    assert not any(engine["built"] for engine in again.values())


def test_calibration_frames_are_evenly_chosen_and_letterboxed(bundle: Path, tmp_path: Path) -> None:
    loaded = ModelBundle.load(bundle)
    few = list(calibration_frames(images(tmp_path / "few", 3), loaded))
    assert [frame[0, HEIGHT // 2, 0, 0] for frame in few] == [0, 1, 2]
    assert all(frame.shape == (1, HEIGHT, WIDTH, 3) for frame in few)
    assert (few[0][0, 0] == 114).all()  # the band above an image that is wider than the input
    many = list(calibration_frames(images(tmp_path / "many", 2 * CALIBRATION_FRAMES + 1), loaded))
    middles = [int(frame[0, HEIGHT // 2, 0, 0]) for frame in many]
    assert middles == list(range(0, 2 * CALIBRATION_FRAMES, 2))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--target", "sm87"], "builds no engine for sm87, only for sm75"),
        (["--target", "ada"], "give 'current' or a compute capability"),
        (["--target", "sm89", "--backend", "tensorrt"], "TensorRT"),
        (["--calibration", "here"], "--calibration is for --precision int8 alone"),
        (["--precision", "int8", "--target", "sm86"], "int8 needs images of the camera"),
        (
            ["--precision", "int8", "--target", "sm86", "--calibration", "absent"],
            "absent: no such file or folder",
        ),
        pytest.param([], "target 'current': no NVIDIA driver (libcuda.so.1", marks=without_driver),
    ],
)
def test_bad_input_is_refused(
    words: list[str],
    message: str,
    bundle: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["compile", str(bundle), *words, "--cache", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.out == ""
    assert not list(tmp_path.glob("*.engine"))


def test_a_missing_bundle_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compile", str(tmp_path / "none")]) == 2
    assert "none/model.toml: no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--cameras", "0"], ["--precision", "fp8"], ["--workspace", "-1"]]
)
def test_wrong_words_are_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["compile", *words])
