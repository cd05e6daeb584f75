"""A bag answered again, without ROS: the same results each time, and those of the node's frames."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from convlstm_perception.bags import PARAMETERS_KEY, BagReader, BagWriter, message_types
from convlstm_perception.cli.main import main
from convlstm_perception.errors import SourceError
from convlstm_perception.messages import DETECTIONS, TRAJECTORIES
from convlstm_perception.replay.recording import find_cameras
from tests.support.graphs import write_tiny_bundle

TYPES = message_types().types
PERIOD_NS = 100_000_000
HEIGHT, WIDTH = 96, 160


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


def pixels(step: int) -> np.ndarray:
    """Dark and grainy, with a bright figure that walks to the right."""
    image = np.random.default_rng(step).integers(10, 40, (HEIGHT, WIDTH, 3), np.uint8)
    image[30:70, 20 + 3 * step : 38 + 3 * step] = 255
    return image


def header(step: int) -> object:
    sec, nanosec = divmod(10**12 + step * PERIOD_NS, 10**9)
    time = TYPES["builtin_interfaces/msg/Time"](sec=sec, nanosec=nanosec)
    return TYPES["std_msgs/msg/Header"](stamp=time, frame_id="camera")


def raw(step: int) -> tuple[str, object]:
    kind = "sensor_msgs/msg/Image"
    data = pixels(step).ravel()
    fields = {"height": HEIGHT, "width": WIDTH, "encoding": "bgr8", "is_bigendian": 0}
    return kind, TYPES[kind](header=header(step), step=3 * WIDTH, data=data, **fields)


def png(step: int) -> tuple[str, object]:
    kind = "sensor_msgs/msg/CompressedImage"
    data = cv2.imencode(".png", pixels(step))[1].ravel()
    return kind, TYPES[kind](header=header(step), format="png", data=data)


def write_bag(
    path: Path, count: int = 10, image=raw, topics: tuple[str, ...] = ("/image",)
) -> Path:
    with BagWriter(path) as bag:
        for step in range(count):
            for topic in topics:
                kind, message = image(step)
                bag.write(topic, kind, step * PERIOD_NS, message)
    return path


def run(bag: Path, bundle: Path, output: Path, *options: str) -> dict:
    words = [str(bag), "--bundle", str(bundle), "--output", str(output), "--threads", "1", *options]
    assert main(["replay", *words]) == 0
    return json.loads((output / "summary.json").read_text())


def results(output: Path) -> list[tuple[str, int, bytes]]:
    """Every result, to the last bit."""
    with BagReader(output / "results") as bag:
        topics = bag.topics(TRAJECTORIES, DETECTIONS)
        return [
            (m.topic, m.received_ns, bytes(message_types().serialize_cdr(m.message, m.kind)))
            for m in bag.messages(topics)
        ]


@pytest.mark.parametrize("image", [raw, png])
def test_the_same_bag_gives_the_same_results_to_the_last_bit(
    bundle: Path, tmp_path: Path, image: object
) -> None:
    bag = write_bag(tmp_path / "bag", image=image)
    first = run(bag, bundle, tmp_path / "first", "--no-overlay")
    run(bag, bundle, tmp_path / "second", "--no-overlay")
    assert results(tmp_path / "first") == results(tmp_path / "second")
    (camera,) = first["cameras"]
    assert (camera["topic"], camera["images"], camera["answered"]) == ("/image", 10, 10)
    topics = {topic for topic, _, _ in results(tmp_path / "first")}
    node = "/convlstm_perception"
    assert topics == {f"{node}/trajectories", f"{node}/detections"}
    with BagReader(tmp_path / "first" / "results") as written:
        people = [len(m.message.trajectories) for m in written.messages([f"{node}/trajectories"])]
    assert people == [0] + [1] * 9


def test_a_bag_of_another_version_is_replayed_and_its_answers_not_compared(
    bundle: Path, tmp_path: Path
) -> None:
    """Its trajectories, as this package's messages were once, lack fields."""
    kind = TRAJECTORIES
    store, old = message_types(), get_typestore(Stores.EMPTY)
    text = store.generate_msgdef(kind, ros_version=2)[0]
    shorter = re.sub(r"^.*(ground|ego_motion).*\n", "", text, flags=re.MULTILINE)
    assert len(shorter) < len(text)
    old.register(get_types_from_msg(shorter, kind))
    with Writer(tmp_path / "bag", version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        images = writer.add_connection("/image", raw(0)[0], typestore=store)
        answers = writer.add_connection("/convlstm_perception/trajectories", kind, typestore=old)
        for step in range(6):
            time = step * PERIOD_NS
            writer.write(images, time, store.serialize_cdr(raw(step)[1], raw(step)[0]))
            if step % 2 == 0:
                head = old.types["std_msgs/msg/Header"](stamp=header(step).stamp, frame_id="")
                answer = old.types[kind](
                    header=head, model_id="old-1", status=0, status_reason="", trajectories=[]
                )
                writer.write(answers, time, old.serialize_cdr(answer, kind))
    (camera,) = run(tmp_path / "bag", bundle, tmp_path / "out", "--no-overlay")["cameras"]
    assert (camera["answered"], camera["passed_over"]) == (3, 3)
    assert (camera["identical"], camera["different"]) == (0, 0)
    assert camera["other_models"] == ["old-1"]


def test_raw_and_lossless_images_of_both_storages_give_the_same_results(
    bundle: Path, tmp_path: Path
) -> None:
    run(write_bag(tmp_path / "bag"), bundle, tmp_path / "mcap", "--no-overlay")
    run(write_bag(tmp_path / "png", image=png), bundle, tmp_path / "lossless", "--no-overlay")
    with Writer(tmp_path / "db", version=9, storage_plugin=StoragePlugin.SQLITE3) as writer:
        kind = "sensor_msgs/msg/Image"
        connection = writer.add_connection("/image", kind, typestore=message_types())
        for step in range(10):
            data = message_types().serialize_cdr(raw(step)[1], kind)
            writer.write(connection, step * PERIOD_NS, data)
    run(tmp_path / "db", bundle, tmp_path / "sqlite", "--no-overlay")
    expected = results(tmp_path / "mcap")
    assert results(tmp_path / "lossless") == expected == results(tmp_path / "sqlite")


def test_where_the_node_had_answered_its_frames_are_answered_and_no_others(
    bundle: Path, tmp_path: Path
) -> None:
    every_other = [step for step in range(12) if step % 2 == 0]
    with BagWriter(tmp_path / "bag") as bag:
        for step in range(12):
            bag.write("/front/image_raw", raw(step)[0], step * PERIOD_NS, raw(step)[1])
            if step in every_other:
                answer = TYPES[TRAJECTORIES](
                    header=header(step),
                    model_id="",
                    status=0,
                    status_reason="",
                    ground_frame_id="",
                    ground_reason="",
                    ego_motion_compensated=False,
                    trajectories=[],
                )
                bag.write("/robot/node/front/trajectories", TRAJECTORIES, step, answer)
    summary = run(tmp_path / "bag", bundle, tmp_path / "node", "--no-overlay")
    (camera,) = summary["cameras"]
    assert (camera["answered"], camera["passed_over"]) == (6, 6)
    topics = {topic for topic, _, _ in results(tmp_path / "node")}
    assert topics == {"/robot/node/front/trajectories", "/robot/node/front/detections"}
    only = tmp_path / "only"
    with BagWriter(only) as bag:
        for step in every_other:
            bag.write("/image", raw(step)[0], step * PERIOD_NS, raw(step)[1])
    run(only, bundle, tmp_path / "alone", "--no-overlay")
    data = [content for _, _, content in results(tmp_path / "node")]
    assert data == [content for _, _, content in results(tmp_path / "alone")]
    everything = run(tmp_path / "bag", bundle, tmp_path / "all", "--no-overlay", "--all")
    assert everything["cameras"][0]["answered"] == 12


def test_the_nodes_parameters_in_the_bag_are_taken(bundle: Path, tmp_path: Path) -> None:
    parameters = {PARAMETERS_KEY: json.dumps({"detection_threshold": 1.0, "cameras": [""]})}
    with BagWriter(tmp_path / "bag", parameters) as bag:
        for step in range(5):
            bag.write("/image", raw(step)[0], step * PERIOD_NS, raw(step)[1])
    run(tmp_path / "bag", bundle, tmp_path / "out", "--no-overlay")
    with BagReader(tmp_path / "out" / "results") as written:
        for entry in written.messages(written.topics(TRAJECTORIES)):
            assert not entry.message.trajectories, "nobody is that certain"


def test_two_cameras_are_told_apart_and_each_has_its_video(bundle: Path, tmp_path: Path) -> None:
    topics = ("/front/image_raw", "/rear/image_raw")
    bag = write_bag(tmp_path / "bag", topics=topics)
    assert [camera.name for camera in find_cameras(bag)] == ["front", "rear"]
    run(bag, bundle, tmp_path / "out")
    for name in ("front", "rear"):
        video = cv2.VideoCapture(str(tmp_path / "out" / f"overlay_{name}.mp4"))
        assert int(video.get(cv2.CAP_PROP_FRAME_COUNT)) == 10
    one = run(bag, bundle, tmp_path / "one", "--no-overlay", "--topic", "/rear/image_raw")
    assert [camera["topic"] for camera in one["cameras"]] == ["/rear/image_raw"]


def test_broken_images_are_counted_by_reason_and_the_rest_is_answered(
    bundle: Path, tmp_path: Path
) -> None:
    def spoiled(step: int) -> tuple[str, object]:
        kind, message = raw(step)
        if step in (3, 4):
            message.encoding = "yuv999"
        return kind, message

    summary = run(write_bag(tmp_path / "bag", image=spoiled), bundle, tmp_path / "out")
    (camera,) = summary["cameras"]
    assert camera["answered"] == 8
    ((reason, count),) = camera["refused"].items()
    assert "'yuv999' is not supported" in reason and count == 2


def test_what_cannot_be_replayed_is_named(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = write_bag(tmp_path / "bag")
    assert main(["replay", str(bag), "--topic", "/rear", "--bundle", str(bundle)]) == 2
    assert "no images on /rear; it has images on /image" in capsys.readouterr().err
    with pytest.raises(SourceError, match="not a bag that can be read"):
        find_cameras(tmp_path / "gone")
    (file,) = bag.glob("*.mcap")
    file.write_bytes(file.read_bytes()[:5000])
    assert main(["replay", str(bag), "--bundle", str(bundle)]) == 2
    assert "bag: " in capsys.readouterr().err


def test_the_nodes_answers_are_compared_to_the_last_bit(bundle: Path, tmp_path: Path) -> None:
    run(write_bag(tmp_path / "bag", 12), bundle, tmp_path / "node", "--no-overlay")
    with BagReader(tmp_path / "node" / "results") as bag:
        answers = [m.message for m in bag.messages(bag.topics(TRAJECTORIES))]

    def with_answers(name: str) -> dict:
        with BagWriter(tmp_path / name) as bag:
            for step, answer in enumerate(answers):
                bag.write("/image", raw(step)[0], step * PERIOD_NS, raw(step)[1])
                bag.write("/convlstm_perception/trajectories", TRAJECTORIES, step, answer)
        (camera,) = run(tmp_path / name, bundle, tmp_path / f"{name}_out", "--no-overlay")[
            "cameras"
        ]
        return camera

    same = with_answers("same")
    assert (same["identical"], same["different"]) == (12, 0)
    box = answers[7].trajectories[0].bbox
    box.size_x = float(np.nextafter(box.size_x, np.inf))
    for answer in answers[9:]:
        answer.model_id = "other-2.0"
    other = with_answers("other")
    assert (other["identical"], other["different"]) == (8, 4)
    assert same["other_models"] == [] and other["other_models"] == ["other-2.0"]


def test_a_second_replay_takes_the_place_of_the_first_and_of_nothing_else(
    bundle: Path, tmp_path: Path
) -> None:
    bag, output = write_bag(tmp_path / "bag"), tmp_path / "out"
    run(bag, bundle, output)
    files = [output / "results" / "results.mcap", output / "overlay.mp4"]
    before = [file.read_bytes() for file in files]
    run(bag, bundle, output)
    assert [file.read_bytes() for file in files] == before
    assert cv2.VideoCapture(str(files[1])).get(cv2.CAP_PROP_FPS) == pytest.approx(10.0)
    (output / "results" / "note.txt").write_text("mine")
    words = ["replay", str(bag), "--bundle", str(bundle), "--output", str(output)]
    assert main(words) == 2
    assert (output / "results" / "note.txt").exists()


def test_a_report_is_written_where_it_is_asked_for_and_nothing_changes_else(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = write_bag(tmp_path / "bag", topics=("/front/image_raw", "/rear/image_raw"))
    without = run(bag, bundle, tmp_path / "without")
    summary = run(bag, bundle, tmp_path / "with", "--report")
    assert summary.pop("report") == str(tmp_path / "with" / "report.html")
    assert summary.keys() == without.keys()
    assert results(tmp_path / "with") == results(tmp_path / "without")
    mp4 = [(tmp_path / name / "overlay_front.mp4").read_bytes() for name in ("with", "without")]
    assert mp4[0] == mp4[1]
    more = {"report.html", "overlay_front.webm", "overlay_rear.webm"}
    files = [{path.name for path in (tmp_path / name).iterdir()} for name in ("with", "without")]
    assert files[0] - files[1] == more
    page = (tmp_path / "with" / "report.html").read_text()
    data = json.loads(re.findall(r"id=data>(.*)</script>", page)[0])
    assert [camera["topic"] for camera in data["cameras"]] == [
        "/front/image_raw",
        "/rear/image_raw",
    ]
    front = data["cameras"][0]
    assert (len(front["frames"]), front["rate"], front["size"]) == (10, 10.0, [WIDTH, HEIGHT])
    assert [len(frame["who"]) for frame in front["frames"]] == [0] + [1] * 9
    assert front["frames"][3]["t"] == 0.3 and "no target_frame" in front["frames"][3]["no"]
    video = cv2.VideoCapture(str(tmp_path / "with" / front["video"]))
    assert int(video.get(cv2.CAP_PROP_FRAME_COUNT)) == 10
    with pytest.raises(SystemExit) as refusal:
        main(["replay", str(bag), "--report", "--no-overlay"])
    assert refusal.value.code == 2
    assert "not allowed with argument" in capsys.readouterr().err


def test_a_report_of_images_that_all_failed_says_so(bundle: Path, tmp_path: Path) -> None:
    def spoiled(step: int) -> tuple[str, object]:
        kind, message = raw(step)
        message.encoding = "yuv999"
        return kind, message

    run(write_bag(tmp_path / "bag", image=spoiled), bundle, tmp_path / "out", "--report")
    page = (tmp_path / "out" / "report.html").read_text()
    assert '"cameras":[]' in page and "No image was answered" in page
    assert "yuv999" in page, "why"
