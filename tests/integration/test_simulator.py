"""The node in the simulated street, for real, where the simulator's environment is set up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convlstm_perception_sim.bridge import mounting
from convlstm_perception_sim.camera import StreetCamera
from convlstm_perception_sim.process import INTERPRETER, ROOT
from convlstm_perception_sim.scene import ways
from convlstm_perception_sim.scoring import read_truth
from convlstm_perception_sim.snapshot import Snapshot
from convlstm_perception_sim.truth_message import transform_of

SECONDS = 5
CAMERA = StreetCamera()

pytestmark = [
    pytest.mark.ros,
    pytest.mark.timeout(400),
    pytest.mark.skipif(
        not INTERPRETER.is_file(), reason="no simulator here; `make sim-demo` sets it up"
    ),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a short run of the demo writes."""
    out = tmp_path_factory.mktemp("sim_demo")
    command = [sys.executable, "-m", "convlstm_perception_sim.demo", "--seconds", str(SECONDS)]
    done = subprocess.run(
        [*command, "--out", str(out)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    logs = "\n".join(path.read_text(errors="replace") for path in out.glob("*.log"))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{logs}"
    return out


@pytest.fixture
def truth(folder: Path) -> list[Snapshot]:
    return read_truth(folder / "truth.jsonl")


def test_every_image_is_answered_in_pixels_and_in_metres(folder: Path) -> None:
    scores: dict[str, Any] = json.loads((folder / "scores.json").read_text())
    assert scores["frames"] == 10 * SECONDS
    assert scores["answered_share"] >= 0.95
    assert scores["ap50"] > 0.2 and scores["samples_2s_px"] > 0
    # A wrong clock, transform or calibration gives no places, or places far off.
    assert scores["samples_2s_m"] > 0 and scores["position_error_m"] < 3.0


def test_the_pictures_are_written(folder: Path) -> None:
    for name in ("overlay.mp4", "birds_eye.png", "report.html"):
        assert (folder / name).stat().st_size > 10_000, name


def test_simulated_time_goes_in_tenths_and_everybody_is_told(truth: list[Snapshot]) -> None:
    stamps = [snapshot.stamp_ns for snapshot in truth]
    assert set(np.diff(stamps).tolist()) == {100_000_000}
    assert all(len(snapshot.people) == len(ways()) for snapshot in truth)


def test_boxes_of_the_rendered_bodies_agree_with_calibration_and_transforms(
    truth: list[Snapshot],
) -> None:
    """A point a metre above somebody's ground is in the box that the renderer's vertices give, and
    ground and head are near its lower and upper edges."""
    checked = 0
    for snapshot in truth:
        to_camera = (transform_of(snapshot.ego) @ mounting(CAMERA)).inverse()
        for person in snapshot.people:
            if person.box is None or person.box[3] < 40:
                continue
            place = np.array(person.position)
            points = place + np.outer([0.0, 1.0, person.height], [0.0, 0.0, 1.0])
            pixels = CAMERA.project(to_camera.apply(points))
            assert pixels is not None
            x, y, width, height = person.box
            assert abs(pixels[1, 0] - x) <= width / 2 and abs(pixels[1, 1] - y) <= height / 2
            # The feet of a step are beside the point below the body, and the knees bend.
            assert pixels[0, 1] == pytest.approx(y + height / 2, abs=0.08 * height)
            assert pixels[2, 1] == pytest.approx(y - height / 2, abs=0.08 * height)
            checked += 1
    assert checked > 50


def test_people_move_as_their_velocities_say(truth: list[Snapshot]) -> None:
    places = np.array([[person.position[:2] for person in one.people] for one in truth])
    velocities = np.array([[person.velocity for person in one.people] for one in truth])
    moved = np.diff(places, axis=0) / 0.1
    middle = (velocities[1:] + velocities[:-1]) / 2
    assert np.abs(moved - middle).max() < 0.4
    assert np.abs(moved - middle).mean() < 0.05
