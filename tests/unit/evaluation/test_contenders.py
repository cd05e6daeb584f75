"""Contenders: each one really runs; peers where their files are."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from convlstm_perception.boxes import pairwise_iou
from convlstm_perception.data.demo_video import find_demo_video
from convlstm_perception.data.readers.pets import read_pets_xml
from convlstm_perception.data.sequence import AnnotatedSequence, FrameTruth
from convlstm_perception.data.synthetic_scene import SyntheticScene
from convlstm_perception.data.video import VideoSource
from convlstm_perception.engine import ModelBundle, MotionModel
from convlstm_perception.errors import EngineError, SourceError
from convlstm_perception.evaluation.contenders import (
    BASELINES,
    DetectorContender,
    ModelContender,
    open_baseline,
)
from convlstm_perception.evaluation.contenders.base import without_doubles
from convlstm_perception.evaluation.contenders.fastestdet import FastestDetDetector
from convlstm_perception.evaluation.contenders.hog import HogDetector
from convlstm_perception.evaluation.contenders.yolo_fastest import FILES, YoloFastestDetector
from convlstm_perception.evaluation.contest import answer, detections_on, frames_to_run, score
from convlstm_perception.evaluation.detection import score_detections
from convlstm_perception.types import Float32Array, Frame, Image
from tests.support.graphs import write_tiny_bundle

TIMES = np.array([0.5, 1.0, 2.0], np.float32)
DATA = Path(os.environ.get("CONVLSTM_PERCEPTION_DATA", "datasets"))


class WhiteBox:
    """Finds the one white rectangle of a black image, with a score that a test sets."""

    name = "white"
    description = "a rectangle"
    detection_threshold = 0.5
    low_threshold = 0.2
    score = 0.9

    def detect(self, image: Image) -> tuple[Float32Array, Float32Array]:
        rows, columns = np.nonzero(image[..., 0])
        if not len(rows):
            return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
        low = np.array([columns.min(), rows.min()])
        high = np.array([columns.max() + 1, rows.max() + 1])
        box = np.concatenate([(low + high) / 2, high - low]).astype(np.float32)
        return box[None], np.array([self.score], np.float32)


def white(x: int) -> Image:
    image = np.zeros((80, 200, 3), np.uint8)
    image[20:60, x : x + 20] = 255
    return image


class Images:
    """A source of given images that counts its passes."""

    name = "images"
    frame_rate = None

    def __init__(self, images: list[Image]) -> None:
        self.images, self.passes = images, 0
        self.height, self.width = images[0].shape[:2]
        self.frame_count = len(images)

    def __iter__(self):
        self.passes += 1
        return iter(self.images)

    def __enter__(self):
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        pass


def walk(frames: int, rate: float | None = 10.0) -> AnnotatedSequence:
    truths = {
        frame: FrameTruth(
            np.array([7], np.int64), np.array([[10 + 4 * frame + 10, 40, 20, 40]], np.float32)
        )
        for frame in range(frames)
    }
    images = Images([white(10 + 4 * frame) for frame in range(frames)])
    return AnnotatedSequence("walk", rate, 200, 80, truths, images)


def test_a_detector_becomes_tracks_at_constant_velocity() -> None:
    contender = DetectorContender(WhiteBox(), TIMES)
    sequence = walk(10)
    answers = answer(contender, sequence)
    last = answers.results[-1]
    assert len(last.tracks) == 1
    assert set(last.latencies) == {"detect", "track"}
    x, future = last.tracks.boxes[0, 0], last.tracks.trajectories.boxes[0, :, 0]
    # The prior of the speed shrinks it a little: 40 pixels a second.
    assert future == pytest.approx(x + 40 * TIMES, abs=3.0)
    assert (last.tracks.trajectories.variances < 1e4).all()
    outcome = score(contender, [answers])
    assert outcome.detection.ap50 == pytest.approx(1.0)
    assert outcome.whole is not None and outcome.whole.tracking.id_switches == 0
    assert len(outcome.seconds) == 10 and outcome.frames_per_second > 0


def test_a_weak_detection_continues_no_track() -> None:
    detector = WhiteBox()
    contender = DetectorContender(detector, TIMES)
    for number in range(3):
        contender.process(Frame(white(10), number * 100_000_000))
    detector.score = 0.1
    result = contender.process(Frame(white(10), 300_000_000))
    assert len(result.detections) == 1
    assert result.tracks.coasting.tolist() == [True]
    contender.reset()
    assert len(contender.process(Frame(white(10), 400_000_000)).tracks) == 0


def test_left_out_frames_leave_detection_figures_only() -> None:
    contender = DetectorContender(WhiteBox(), TIMES)
    sequence = walk(10)
    assert frames_to_run(sequence, 4) == 3
    answers = answer(contender, sequence, every=4)
    assert list(answers.frames) == [0, 4, 8]
    outcome = score(contender, [answers], every=4)
    assert outcome.whole is None
    assert (outcome.detection.frames, outcome.detection.ap50) == (3, pytest.approx(1.0))
    whole = answer(contender, sequence)
    assert detections_on([whole], 4).frames == 3
    scored = score(contender, [whole], scored_every=5)
    assert scored.whole is not None
    assert (scored.detection.frames, scored.whole.tracking.frames) == (2, 10)


def test_still_images_are_shown_once_each_and_have_no_tracks() -> None:
    contender = DetectorContender(WhiteBox(), TIMES)
    sequence = walk(4, rate=None)
    answers = answer(contender, sequence)
    assert sequence.images.passes == 1  # type: ignore[union-attr]
    assert [len(result.tracks) for result in answers.results] == [0] * 4
    outcome = score(contender, [answers])
    assert outcome.whole is None
    assert outcome.detection.ap50 == pytest.approx(1.0)


def test_images_that_end_early_or_are_missing_are_refused() -> None:
    contender = DetectorContender(WhiteBox(), TIMES)
    sequence = walk(5)
    sequence.images.images.pop()  # type: ignore[union-attr]
    with pytest.raises(SourceError, match=r"ends after 4 frames, but frame 4 of walk"):
        answer(contender, sequence)
    boxes = AnnotatedSequence("boxes", 10.0, 200, 80, sequence.truths)
    with pytest.raises(SourceError, match="only its boxes"):
        answer(contender, boxes)


def test_the_model_answers_far_below_its_thresholds(tmp_path: Path) -> None:
    model = MotionModel.load(ModelBundle.load(write_tiny_bundle(tmp_path)))
    contender = ModelContender(model)
    image = np.full((96, 160, 3), 40, np.uint8)
    image[20:60, 60:84] = 255
    for number in range(3):
        result = contender.process(Frame(image, number * 100_000_000))
    assert len(result.tracks) == 1
    assert result.detections.scores.min() < model.bundle.low_threshold
    contender.reset()
    assert contender.process(Frame(image, 0)).valid_slots == 1


def test_hog_finds_drawn_people() -> None:
    scene = SyntheticScene(width=480, height=360, walkers=3, frame_count=1, seed=1)
    boxes, scores = HogDetector().detect(scene.image(0))
    assert boxes.shape == (len(scores), 4)
    assert ((scores >= 0) & (scores <= 1)).all() and (np.diff(scores) <= 0).all()
    assert pairwise_iou(boxes, scene.boxes(0)).max() > 0.7
    assert HogDetector().detect(np.zeros((360, 480, 3), np.uint8))[0].shape == (0, 4)


def test_of_two_boxes_on_one_person_the_stronger_stays() -> None:
    boxes = np.array([[50, 50, 20, 40], [51, 50, 20, 40], [150, 50, 20, 40]], np.float32)
    kept, scores = without_doubles(boxes, np.array([0.3, 0.8, 0.5], np.float32))
    assert kept.tolist() == [boxes[1].tolist(), boxes[2].tolist()]
    assert scores == pytest.approx([0.8, 0.5])


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    assert BASELINES["hog"].missing(None) == ""
    assert "FastestDet.onnx" in BASELINES["fastestdet"].missing(tmp_path)
    assert "--peers" in BASELINES["yolo-fastest"].missing(None)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    for name in (*FILES, "FastestDet.onnx"):
        (tmp_path / name).write_text("nothing of use")
    with pytest.raises(EngineError, match=r"yolo-fastest-1\.1_body\.cfg"):
        YoloFastestDetector(tmp_path)
    with pytest.raises(EngineError, match=r"FastestDet\.onnx"):
        FastestDetDetector(tmp_path)


@pytest.mark.parametrize(("name", "least"), [("yolo-fastest", 0.75), ("fastestdet", 0.65)])
def test_peers_find_people(name: str, least: float) -> None:
    """On a few frames of PETS2009 S2.L1, where their average precision is 0.82 and 0.78."""
    reason = BASELINES[name].missing(DATA / "peers")
    video, annotation = find_demo_video(), DATA / "pets2009_s2l1" / "gt.xml"
    if reason or video is None or not annotation.exists():
        pytest.skip(reason or "the demo's video or its annotation is not on this machine")
    truths = read_pets_xml(annotation)
    contender = open_baseline(name, DATA / "peers", TIMES)
    people, boxes, scores = [], [], []
    for number, image in enumerate(VideoSource(video)):
        if number % 80 == 0:
            found = contender.process(Frame(image, number * 142_857_143)).detections
            people.append(truths[number].boxes)
            boxes.append(found.boxes)
            scores.append(found.scores)
    assert score_detections(people, boxes, scores).average_precision > least
