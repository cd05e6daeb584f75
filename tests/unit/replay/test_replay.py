"""Replays of bags written here: every storage and image, twice the same, the node's frames only."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin

from convlstm_perception.bags import type_store
from convlstm_perception.bags.messages import empty_message
from convlstm_perception.cli import main as cli
from convlstm_perception.data.video import open_source
from convlstm_perception.errors import PerceptionError, SourceError
from convlstm_perception.replay import ReplayRequest, replay
from tests.support.bags import files_below, image
from tests.support.graphs import write_tiny_bundle
from tests.support.replay import STEP_NS, Message, figure, results_of, walk, write_bag

EVENTS, EVENT = "/parameter_events", "rcl_interfaces/msg/ParameterEvent"
NODE = "/convlstm_perception"
TRAJECTORIES = f"{NODE}/trajectories"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


def run(bag: Path, bundle: Path, output: Path, **more: Any) -> dict[str, Any]:
    request = ReplayRequest(bag, output, bundle, **{"overlay": False, **more})
    return replay(request, lambda name, total: lambda: None)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def answers_in(output: Path, topic: str = TRAJECTORIES) -> list[Message]:
    return [entry for entry in results_of(output) if entry[0] == topic]


@pytest.mark.parametrize("storage", [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
@pytest.mark.parametrize("compressed", [False, True])
def test_a_bag_is_answered_twice_the_same(
    tmp_path: Path, bundle: Path, storage: StoragePlugin, compressed: bool
) -> None:
    bag = write_bag(tmp_path / "bag", walk(12, compressed=compressed), storage)
    first = run(bag, bundle, tmp_path / "a", overlay=True)
    second = run(bag, bundle, tmp_path / "b", overlay=True)
    assert digest(tmp_path / "a/results/results.mcap") == digest(
        tmp_path / "b/results/results.mcap"
    )
    (camera,) = first["cameras"].values()
    assert camera["answered"] == camera["images"] == 12 and camera["track_ids"] >= 1
    assert first["cameras"] == second["cameras"]
    assert json.loads((tmp_path / "a/summary.json").read_text()) == first
    topics = {topic for topic, *_ in results_of(tmp_path / "a")}
    assert topics == {TRAJECTORIES, f"{NODE}/detections"}
    with open_source(tmp_path / "a/overlay.mp4") as video:
        assert video.frame_count == 12
        assert video.frame_rate == pytest.approx(12 / 1.1, abs=0.5)
    # and again to the same place
    run(bag, bundle, tmp_path / "a")
    assert digest(tmp_path / "a/results/results.mcap") == digest(
        tmp_path / "b/results/results.mcap"
    )


def test_raw_and_lossless_compressed_images_have_the_same_answers(
    tmp_path: Path, bundle: Path
) -> None:
    for name, compressed in (("raw", False), ("png", True)):
        bag = write_bag(tmp_path / f"bag_{name}", walk(8, compressed=compressed))
        run(bag, bundle, tmp_path / name)
    assert digest(tmp_path / "raw/results/results.mcap") == digest(
        tmp_path / "png/results/results.mcap"
    )


def recorded(tmp_path: Path, bundle: Path, steps: list[int]) -> list[Message]:
    """What a node answered that was given only some of 16 images."""
    given = [message for step, message in enumerate(walk(16)) if step in steps]
    run(write_bag(tmp_path / "given", given), bundle, tmp_path / "node")
    return answers_in(tmp_path / "node")


STEPS = [0, 1, 2, 3, 5, 6, 9, 10, 11, 12]


def test_only_what_the_node_answered_is_answered_and_compared(tmp_path: Path, bundle: Path) -> None:
    answers = recorded(tmp_path, bundle, STEPS)
    bag = write_bag(tmp_path / "bag", [*walk(16), *answers])
    (camera,) = run(bag, bundle, tmp_path / "out")["cameras"].values()
    assert (camera["images"], camera["answered"]) == (16, len(STEPS))
    assert (camera["identical"], camera["different"]) == (len(STEPS), 0)
    assert digest(tmp_path / "out/results/results.mcap") == digest(
        tmp_path / "node/results/results.mcap"
    )
    (every,) = run(bag, bundle, tmp_path / "all", every_frame=True)["cameras"].values()
    assert every["answered"] == 16
    assert every["different"] > 0  # other frames are in the window
    assert every["first_difference"] == "100.500000000"


def test_one_bit_of_difference_is_found(tmp_path: Path, bundle: Path) -> None:
    answers = recorded(tmp_path, bundle, STEPS)
    person = answers[7][3].trajectories[0]
    person.bbox.size_x = float(np.nextafter(person.bbox.size_x, 1e9))
    bag = write_bag(tmp_path / "bag", [*walk(16), *answers])
    (camera,) = run(bag, bundle, tmp_path / "out")["cameras"].values()
    assert (camera["identical"], camera["different"]) == (len(STEPS) - 1, 1)
    assert camera["first_difference"] == "101.000000000"


def test_answers_whose_image_is_gone_are_counted(tmp_path: Path, bundle: Path) -> None:
    answers = recorded(tmp_path, bundle, STEPS)
    bag = write_bag(tmp_path / "bag", [*walk(16)[2:], *answers])
    (camera,) = run(bag, bundle, tmp_path / "out")["cameras"].values()
    assert (camera["answered"], camera["without_image"]) == (len(STEPS) - 2, 2)


def test_a_black_box_that_begins_in_mid_stream_agrees_once_the_window_is_filled(
    tmp_path: Path, bundle: Path
) -> None:
    answers = recorded(tmp_path, bundle, list(range(16)))
    bag = write_bag(tmp_path / "bag", [*walk(16)[5:], *answers[5:]])
    run(bag, bundle, tmp_path / "out")
    replayed = answers_in(tmp_path / "out")
    assert len(replayed) == 11

    def boxes(message: Any) -> list[str]:
        return [repr(person.bbox) for person in message.trajectories]

    for (*_, live), (*_, again) in zip(answers[9:], replayed[4:], strict=True):
        assert boxes(live) == boxes(again)


def event(node: str, **values: float) -> Any:
    store = type_store()
    message = empty_message(store, EVENT)
    message.node = node
    for name, value in values.items():
        parameter = empty_message(store, "rcl_interfaces/msg/Parameter")
        parameter.name, parameter.value.type, parameter.value.double_value = name, 3, value
        message.new_parameters.append(parameter)
    return message


def test_parameters_of_the_bag_are_followed(tmp_path: Path, bundle: Path) -> None:
    images = walk(10)
    changes: list[Message] = [
        (EVENTS, EVENT, images[0][2] - 1, event(NODE, detection_threshold=1.0, low_threshold=0.9)),
        (EVENTS, EVENT, images[0][2] - 1, event("/other", detection_threshold=0.0)),
        (EVENTS, EVENT, images[5][2] - 1, event(NODE, detection_threshold=0.5, low_threshold=0.4)),
    ]
    bag = write_bag(tmp_path / "bag", [*images, *changes])
    summary = run(bag, bundle, tmp_path / "out")
    assert summary["parameters"] == "of the bag"
    people = [len(message.trajectories) for *_, message in answers_in(tmp_path / "out")]
    assert people[:6] == [0] * 6 and people[7:] == [1, 1, 1]


def test_several_cameras_are_known_by_their_answers(tmp_path: Path, bundle: Path) -> None:
    left = walk(8, "/cam0/image_raw", frame_id="left")
    right = walk(8, "/cam1/image_raw", frame_id="right")
    bag = write_bag(tmp_path / "bag", [*left, *right])
    summary = run(
        bag,
        bundle,
        tmp_path / "first",
        cameras={"left": "/cam0/image_raw", "right": "/cam1/image_raw"},
    )
    assert {name: one["answered"] for name, one in summary["cameras"].items()} == {
        "left": 8,
        "right": 8,
    }
    answers = results_of(tmp_path / "first")
    assert {topic for topic, *_ in answers} == {
        f"{NODE}/{name}/{kind}"
        for name in ("left", "right")
        for kind in ("detections", "trajectories")
    }
    with_answers = write_bag(tmp_path / "bag2", [*left, *right, *answers])
    cameras = run(with_answers, bundle, tmp_path / "second", overlay=True)["cameras"]
    assert cameras["right"]["image_topic"] == "/cam1/image_raw"
    assert [one["identical"] for one in cameras.values()] == [8, 8]
    assert (tmp_path / "second/overlay_left.mp4").is_file()


def test_without_answers_cameras_are_named_by_their_topics(tmp_path: Path, bundle: Path) -> None:
    bag = write_bag(tmp_path / "bag", [*walk(3, "/a/image"), *walk(3, "/b/image")])
    assert list(run(bag, bundle, tmp_path / "out")["cameras"]) == ["a", "b"]


def test_images_that_cannot_be_used_are_counted_and_the_rest_answered(
    tmp_path: Path, bundle: Path
) -> None:
    messages = walk(6)
    messages[2][3].encoding = "yuv999"
    late = (*messages[5][:2], messages[5][2] + 5, image(1003 * STEP_NS, figure(0)))
    (camera,) = run(write_bag(tmp_path / "bag", [*messages, late]), bundle, tmp_path / "out")[
        "cameras"
    ].values()
    assert camera["answered"] == 5
    refused = " ".join(camera["refused"])
    assert "yuv999" in refused and "check the camera driver's stamps" in refused


def test_another_model_is_noted(tmp_path: Path, bundle: Path) -> None:
    answers = recorded(tmp_path, bundle, STEPS)
    for *_, message in answers:
        message.model_id = "other-9.9"
    bag = write_bag(tmp_path / "bag", [*walk(16), *answers])
    (note,) = run(bag, bundle, tmp_path / "out")["notes"]
    assert "other-9.9" in note and "--bundle" in note


@pytest.mark.parametrize(
    ("messages", "cameras", "said"),
    [
        ([], None, "no images; a topic of"),
        (walk(2), {"": "/other"}, "no images on /other; there are some on /image"),
        (walk(2), {"a": "/image", "b": "/image"}, "as several cameras"),
        ([*walk(2, "/a/x"), *walk(2, "/a/y")], None, "no names of cameras can be made; name each"),
    ],
)
def test_what_is_not_clear_is_refused(
    tmp_path: Path, bundle: Path, messages: list[Message], cameras: Any, said: str
) -> None:
    note: Message = (
        "/note",
        "std_msgs/msg/String",
        1,
        type_store().types["std_msgs/msg/String"]("x"),
    )
    bag = write_bag(tmp_path / "bag", [note, *messages])
    with pytest.raises(SourceError, match=said):
        run(bag, bundle, tmp_path / "out", cameras=cameras)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("storage", [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
def test_a_damaged_bag_leaves_no_results(
    tmp_path: Path, bundle: Path, storage: StoragePlugin
) -> None:
    bag = write_bag(tmp_path / "bag", walk(60), storage)
    (path,) = (file for file in bag.iterdir() if file.suffix in (".mcap", ".db3"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 70_000] = bytes(70_000)
    path.write_bytes(data)
    with pytest.raises(PerceptionError, match=r"bag: "):
        run(bag, bundle, tmp_path / "out")
    assert files_below(tmp_path / "out") == []


def test_foreign_files_are_not_removed(tmp_path: Path, bundle: Path) -> None:
    bag = write_bag(tmp_path / "bag", walk(2))
    mine = tmp_path / "out/results/mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("")
    with pytest.raises(SourceError, match="holds other files"):
        run(bag, bundle, tmp_path / "out")
    assert mine.exists()


def test_the_command(tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag = write_bag(tmp_path / "bag", walk(4))
    words = ["replay", str(bag), "--bundle", str(bundle), "--output", str(tmp_path / "out")]
    assert cli.main([*words, "--no-overlay", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["cameras"][""]["answered"] == 4
    assert cli.main([*words, "--topic", "/image"]) == 0
    assert "4 of 4 images answered" in capsys.readouterr().out
    assert (tmp_path / "out/overlay.mp4").is_file()
    assert cli.main(["replay", str(tmp_path / "none"), *words[2:]]) == 2
    assert "not a bag that can be read" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        cli.main([*words, "--camera", "x"])
    assert "expected NAME=TOPIC" in capsys.readouterr().err
