"""``convlstm-perception evaluate`` on tiny data: standard output, files, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from convlstm_perception.cli import main as cli
from convlstm_perception.data.locate import VARIABLE, data_folder, dataset_path
from convlstm_perception.errors import SourceError
from tests.support.graphs import BOX, HEIGHT, WIDTH, write_tiny_bundle
from tests.support.tsai import write_tsai

FRAMES = 32
SPEED = 8  # pixels a frame; the camera has 10 frames a second


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle"))


def figure(x: int) -> np.ndarray:
    """Dark, with a bright upright patch whose centre is at (x, 48)."""
    image = np.full((HEIGHT, WIDTH, 3), 20, np.uint8)
    image[28:68, max(x - 12, 0) : x + 12] = 255
    return image


def place(frame: int) -> int:
    return 20 + abs((SPEED * frame) % 240 - 120)


@pytest.fixture(scope="module")
def mot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sequence as MOTChallenge has it, of one person who walks to and fro."""
    folder = tmp_path_factory.mktemp("mot") / "tiny-01"
    (folder / "gt").mkdir(parents=True)
    (folder / "img1").mkdir()
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname=tiny-01\nimDir=img1\nframeRate=10\nseqLength={FRAMES}\n"
        f"imWidth={WIDTH}\nimHeight={HEIGHT}\nimExt=.png\n"
    )
    lines = []
    for frame in range(FRAMES):
        x = place(frame)
        lines.append(f"{frame + 1},1,{x - BOX[0] / 2},{48 - BOX[1] / 2},{BOX[0]},{BOX[1]},1,1,1")
        cv2.imwrite(str(folder / "img1" / f"{frame + 1:06d}.png"), figure(x))
    (folder / "gt" / "gt.txt").write_text("\n".join(lines) + "\n")
    return folder


def command(bundle: Path, output: Path, *words: object) -> list[str]:
    return ["evaluate", "--bundle", str(bundle), "--output", str(output), *map(str, words)]


def test_json_alone_on_standard_output(
    bundle: Path, mot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--dataset", "mot", "--path", mot, "--baselines", "hog", "--json")
    assert cli.main(command(bundle, tmp_path / "out", *words, "--baseline-every", 8)) == 0
    output = capsys.readouterr().out
    values = json.loads(output)
    for key in (
        "ap50",
        "idf1",
        "ade_2s",
        "ade_2s_constant_velocity",
        "coverage_90",
        "fps",
        "fps_hog",
        "contenders",
        "frames",
        "model",
        "engine",
        "machine",
        "peak_memory_mib",
    ):
        assert key in values, key
    assert (values["frames"], values["model"]) == (FRAMES, "tiny-1.0.0")
    assert values["ap50"] > 0.6 and values["idf1"] > 0.5 and values["fps"] > 0
    assert values["machine"]["cpu"] and values["machine"]["cores"] >= 1
    assert set(values["contenders"]) == {"model", "hog"}
    assert values["contenders"]["hog"]["frames_run"] == FRAMES // 8
    assert values["contenders"]["hog"]["tracking"] is None
    assert "--dataset mot" in values["command"] and "--baselines hog" in values["command"]
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text()) == values
    assert "Side by side" in (tmp_path / "out" / "report.html").read_text()


def test_a_table_for_people(
    bundle: Path,
    mot: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    words = ["evaluate", "--bundle", str(bundle), "--dataset", "mot", "--path", str(mot)]
    assert cli.main([*words, "--baselines", "none", "--every", "4"]) == 0
    output = capsys.readouterr().out
    assert "AP50" in output and "tiny-1.0.0 on mot" in output
    values = json.loads((tmp_path / "out" / "evaluate" / "mot" / "evaluation.json").read_text())
    model = values["contenders"]["model"]
    assert (model["detection"]["frames"], model["tracking"]["frames"]) == (FRAMES // 4, FRAMES)


def test_still_images(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("images", "labels"):
        (tmp_path / "yolo" / name).mkdir(parents=True)
    for number, x in enumerate((40, 80, 120)):
        cv2.imwrite(str(tmp_path / "yolo" / "images" / f"{number}.png"), figure(x))
        row = f"0 {x / WIDTH} 0.5 {BOX[0] / WIDTH} {BOX[1] / HEIGHT}\n"
        (tmp_path / "yolo" / "labels" / f"{number}.txt").write_text(row)
    words = ("--dataset", "yolo", "--path", tmp_path / "yolo", "--baselines", "none", "--json")
    assert cli.main(command(bundle, tmp_path / "out", *words)) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["frames"], values["idf1"], values["fps_hog"]) == (3, None, None)
    assert values["ap50"] > 0.6
    assert values["contenders"]["model"]["tracking"] is None


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The person of ``mot`` before a camera of PETS, whose images are larger, without calibration.

    The tiny bundle's input has 6 pixels of the camera in each of its own.
    """
    folder = tmp_path_factory.mktemp("pets")
    (folder / "images").mkdir()
    frames = []
    for frame in range(FRAMES):
        x = place(frame)
        box = f'xc="{6 * x}" yc="{6 * 48}" w="{6 * BOX[0]}" h="{6 * BOX[1]}"'
        frames.append(f'<frame number="{frame}"><object id="1"><box {box}/></object></frame>')
        large = cv2.resize(figure(x), None, fx=6, fy=6, interpolation=cv2.INTER_NEAREST)
        cv2.imwrite(str(folder / "images" / f"{frame}.png"), large[:576, :768])
    (folder / "gt.xml").write_text(f"<dataset>{''.join(frames)}</dataset>")
    return folder


def test_on_the_ground(
    bundle: Path, pets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    size = {"width": "768", "height": "576"}
    calibration = write_tsai(tmp_path / "camera.xml", size)
    words = ("--path", pets, "--ground", "--baselines", "none")
    given = (*words, "--calibration", calibration)
    assert cli.main(command(bundle, tmp_path / "out", *given, "--json")) == 0
    values = json.loads(capsys.readouterr().out)
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text()) == values
    for seconds in (1, 2, 3):
        for name in ("ade", "fde"):
            key = f"{name}_{seconds}s_m"
            assert key in values and f"{key}_constant_velocity" in values
    assert values["samples_1s_m"] > 0 and values["ade_1s_m"] > 0
    assert 0 <= values["coverage_90_m"] <= 1 and "speed_share_ok" in values
    assert values["ground"]["tsai_agreement_mm"] < 1.0
    assert values["ground"]["matches"] >= values["samples_1s_m"]
    assert "--ground" in values["command"] and "camera.xml" in values["command"]
    assert "On the ground, in metres" in (tmp_path / "out" / "report.html").read_text()
    # The terminal tells of it too; and without being asked nothing does.
    assert cli.main(command(bundle, tmp_path / "out", *given)) == 0
    assert "straight on" in capsys.readouterr().out
    assert cli.main(command(bundle, tmp_path / "out", "--path", pets, "--baselines", "none")) == 0
    plain = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert "ground" not in plain and "ade_2s_m" not in plain
    assert "straight on" not in capsys.readouterr().out
    assert "On the ground" not in (tmp_path / "out" / "report.html").read_text()


def test_a_calibration_that_does_not_fit_is_refused(
    bundle: Path, pets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--path", pets, "--ground", "--baselines", "none")
    assert cli.main(command(bundle, tmp_path, *words)) == 2
    told = capsys.readouterr().err.replace("\n", "")
    assert f"{pets / 'View_001.xml'}: no such calibration" in told
    small = write_tsai(tmp_path / "small.xml")
    assert cli.main(command(bundle, tmp_path, *words, "--calibration", small)) == 2
    assert "640x480 pixels, but" in capsys.readouterr().err
    assert not (tmp_path / "evaluation.json").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--dataset", "mot"], "give --path"),
        (["--dataset", "mot", "--path", "absent"], "absent: no such"),
        (["--dataset", "pets", "--data", "absent"], "absent: no such folder"),
        (["--dataset", "pets"], "Looked for datasets, ../shared/data; $CONVLSTM"),
        (["--dataset", "jaad-boxes"], "no folder of data found"),
        (["--baselines", "fastestdet", "--peers", "absent"], "no FastestDet.onnx"),
        (["--bundle", "absent"], "model.toml"),
        (["--dataset", "mot", "--path", ".", "--ground"], "--ground needs a camera"),
        (["--dataset", "jaad-boxes", "--ground"], "for --dataset pets only"),
        (["--dataset", "pets", "--calibration", "absent"], "give --ground too"),
    ],
)
def test_bad_input_is_refused(
    words: list[str],
    message: str,
    bundle: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    monkeypatch.delenv(VARIABLE, raising=False)
    assert cli.main(["evaluate", "--bundle", str(bundle), *words]) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.out == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--dataset", "moon"], "invalid choice"),
        (["--baselines", "hog,yolo"], "'yolo': expected some of"),
        (["--every", "0"], "expected a whole number from 1"),
    ],
)
def test_wrong_words_are_refused(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["evaluate", *words])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("photographs", "reason"),
    [(False, "docs/datasets.md tells where"), (True, "no recording has 200 boxes")],
)
def test_boxes_without_images_are_refused(
    photographs: bool,
    reason: str,
    bundle: Path,
    mot: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recording, data = tmp_path / "recording", tmp_path / "data"
    for name in ("seqinfo.ini", "gt/gt.txt"):
        (recording / name).parent.mkdir(parents=True, exist_ok=True)
        (recording / name).write_text((mot / name).read_text())
    (data / "coco_persons" if photographs else data).mkdir(parents=True)
    monkeypatch.setenv("CONVLSTM_PERCEPTION_DATA", str(data))
    words = ("--dataset", "mot", "--path", recording, "--baselines", "none")
    assert cli.main(command(bundle, tmp_path / "out", *words)) == 2
    told = capsys.readouterr().err
    assert "boxes without images" in told and reason in told


def test_the_first_folder_of_data_that_exists_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    assert data_folder() is None
    (tmp_path / "datasets" / "penn_fudan").mkdir(parents=True)
    assert data_folder() == Path("datasets")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "own"))
    assert data_folder() == Path("datasets")
    (tmp_path / "own").mkdir()
    assert data_folder() == tmp_path / "own"
    assert data_folder(tmp_path) == tmp_path
    assert dataset_path("penn-fudan", Path("datasets")) == Path("datasets/penn_fudan")
    assert dataset_path("mot", None, tmp_path) == tmp_path
    with pytest.raises(SourceError, match=r"pets2009_s2l1: no such folder"):
        dataset_path("pets", tmp_path)
    with pytest.raises(SourceError, match=r"own \(\$CONVLSTM_PERCEPTION_DATA\)"):
        dataset_path("pets", None)
