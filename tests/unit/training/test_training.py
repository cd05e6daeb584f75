"""Composed clips, their targets, the losses, and a few real optimiser steps."""

from __future__ import annotations

import csv
import dataclasses
import gzip
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from convlstm_perception.data.compositor import Clip, ClipCompositor
from convlstm_perception.data.compositor.people import paint
from convlstm_perception.data.readers import read_tracks
from convlstm_perception.data.sequence import BoxTrack
from convlstm_perception.data.stills import Cutout, Photograph, read_coco_persons, read_penn_fudan
from convlstm_perception.data.walks import WalkSampler
from convlstm_perception.errors import ParameterError, SourceError
from convlstm_perception.training.config import TrainingConfig
from convlstm_perception.training.losses import heatmap_loss
from convlstm_perception.training.targets import make_targets

HEIGHT, WIDTH, SLOTS = 96, 160, 4
HORIZONS = (0.5, 1.0, 2.0)


def photograph(seed: int, people: int) -> Photograph:
    random = np.random.default_rng(seed)
    image = cv2.resize(random.integers(0, 256, (12, 20, 3), np.uint8), (320, 200))
    boxes = np.array([[40.0 * i + 10, 60, 40.0 * i + 40, 150] for i in range(people)], np.float32)
    return Photograph(image, boxes.reshape(-1, 4))


@pytest.fixture(scope="module")
def compositor() -> ClipCompositor:
    random = np.random.default_rng(0)
    cutouts = []
    for _ in range(3):
        alpha = np.zeros((90, 36), np.float32)
        cv2.ellipse(alpha, (18, 45), (17, 44), 0, 0, 360, (1.0,), -1)
        cutouts.append(Cutout(random.integers(0, 256, (90, 36, 3), np.uint8), alpha))
    track = BoxTrack(
        1,
        0,
        np.stack(
            [np.linspace(100, 900, 200), np.full(200, 400), np.full(200, 40), np.full(200, 100)], 1
        ).astype(np.float32),
        30.0,
        1920,
        1080,
    )
    return ClipCompositor(
        [photograph(1, 0), photograph(2, 0), photograph(3, 2)],
        cutouts,
        WalkSampler([track], past=0.8, future=2.0),
        height=HEIGHT,
        width=WIDTH,
        slots=SLOTS,
        step=0.1,
        horizons=HORIZONS,
        person_heights=(20.0, 70.0),
    )


def crowded(compositor: ClipCompositor, still_camera_share: float) -> ClipCompositor:
    """The same with five to seven people in each clip, before empty photographs."""
    people = compositor._people
    return ClipCompositor(
        compositor._empty,
        people._cutouts,
        people._walks,
        height=HEIGHT,
        width=WIDTH,
        slots=SLOTS,
        step=0.1,
        horizons=HORIZONS,
        person_heights=(20.0, 40.0),
        crowd=(5, 7),
        still_camera_share=still_camera_share,
    )


def draw(compositor: ClipCompositor, count: int) -> list[Clip]:
    random = np.random.default_rng(7)
    return [compositor.draw(random) for _ in range(count)]


def test_the_same_seed_gives_the_same_clips(compositor: ClipCompositor) -> None:
    for first, second in zip(draw(compositor, 5), draw(compositor, 5), strict=True):
        assert np.array_equal(first.images, second.images)
        np.testing.assert_array_equal(first.labels.motion, second.labels.motion)


def test_clips_are_what_they_say(compositor: ClipCompositor) -> None:
    clips = draw(compositor, 60)
    assert any(len(clip.labels.boxes) for clip in clips)
    for images, clip in ((clip.images, clip.labels) for clip in clips):
        assert images.shape == (SLOTS, HEIGHT, WIDTH, 3) and images.dtype == np.uint8
        low, high = (
            clip.boxes[:, :2] - clip.boxes[:, 2:] / 2,
            clip.boxes[:, :2] + clip.boxes[:, 2:] / 2,
        )
        assert (low >= -1e-3).all() and (high <= [WIDTH + 1e-3, HEIGHT + 1e-3]).all()
        assert clip.valid[0] == 1.0
        slots = np.flatnonzero(clip.valid)
        assert (clip.dt[slots[:-1]] > 0).all() and clip.dt[slots[-1]] == 0.0
        assert (clip.dt[clip.valid == 0] == 0).all()
        assert not images[clip.valid == 0].any()


def test_a_crowd_before_a_still_camera_teaches_motion(compositor: ClipCompositor) -> None:
    still = [clip.labels for clip in draw(crowded(compositor, 1.0), 20)]
    assert all(len(labels.boxes) + len(labels.ignored) in range(1, 8) for labels in still)
    assert sum(len(labels.boxes) for labels in still) > 3 * len(still)
    asked = [np.isfinite(labels.velocity[:, 0]).mean() for labels in still]
    assert np.mean(asked) > 0.7  # the others are cut by the image's edge
    moved = [clip.labels for clip in draw(crowded(compositor, 0.0), 20)]
    unknown = sum(np.isnan(labels.velocity).all() for labels in moved)
    assert unknown > 10  # the camera's motion is in theirs


def test_a_person_is_where_its_box_says(compositor: ClipCompositor) -> None:
    """Of a clip drawn with and without its people, only the boxes (and distractors) differ."""
    random = np.random.default_rng(0)
    times = np.zeros(SLOTS + len(HORIZONS) + 2, np.float32)
    person = compositor._people.draw(random, times)
    person.centre, person.height = np.array([80.0, 50.0], np.float32), 60.0
    image, owner = np.zeros((HEIGHT, WIDTH, 3), np.uint8), np.zeros((HEIGHT, WIDTH), np.int16)
    paint(image, owner, 1, person, 0, 0.0, np.zeros(2, np.float32))
    x, y, _, h = person.box
    rows, columns = np.nonzero(owner)
    assert rows.min() == pytest.approx(y - h / 2, abs=2.5)
    assert rows.max() == pytest.approx(y + h / 2, abs=2.5)
    assert columns.mean() == pytest.approx(x, abs=1.5)


def test_real_tracks_end_in_unknown_not_in_zero() -> None:
    boxes = np.tile(np.array([[100.0, 100, 20, 50]], np.float32), (45, 1))
    walks = WalkSampler([BoxTrack(1, 0, boxes, 30.0, 1920, 1080)], past=0.5, future=3.0)
    random = np.random.default_rng(0)
    real = [walks._real(random, np.array([0.0, 3.0], np.float32)) for _ in range(5)]
    assert all(np.isfinite(motion[0]).all() and np.isnan(motion[1]).all() for motion in real)


def test_heat_is_one_at_each_centre(compositor: ClipCompositor) -> None:
    clips = [clip.labels for clip in draw(compositor, 8)]
    batch = make_targets(clips, HEIGHT, WIDTH)
    for row, clip in enumerate(clips):
        for x, y in clip.boxes[:, :2]:
            cell = min(int(y / 4), HEIGHT // 4 - 1), min(int(x / 4), WIDTH // 4 - 1)
            assert batch.heat[row, 0][cell] == 1.0 and batch.weight[row, 0][cell] == 1.0
        assert batch.present[row].sum() == len(clip.boxes)


def test_heatmap_loss_prefers_the_truth() -> None:
    heat = torch.zeros(1, 1, 4, 4)
    heat[0, 0, 1, 2] = 1.0
    weight = torch.ones_like(heat)
    right = (heat - 0.5) * 12
    assert heatmap_loss(right, heat, weight) < 0.01
    assert heatmap_loss(-right, heat, weight) > 1.0
    assert heatmap_loss(-right, heat, torch.zeros_like(heat)) == 0.0


def write_data_sets(folder: Path) -> dict[str, str]:
    """The smallest folders that the readers take for the three data sets."""
    random = np.random.default_rng(1)
    for name in (
        "penn_fudan/images",
        "penn_fudan/masks",
        "coco_persons/images/train2017",
        "coco_persons/images/val2017",
    ):
        (folder / name).mkdir(parents=True)
    image = cv2.resize(random.integers(0, 256, (10, 16, 3), np.uint8), (320, 200))
    mask = np.zeros((200, 320), np.uint8)
    mask[40:160, 100:150] = 1
    cv2.imwrite(str(folder / "penn_fudan/images/a.jpg"), image)
    cv2.imwrite(str(folder / "penn_fudan/masks/a.png"), mask)
    (folder / "penn_fudan/boxes.csv").write_text(
        "image,instance,x1,y1,x2,y2\na.jpg,1,100,40,150,160\n"
    )
    (folder / "coco_persons/boxes.csv").write_text("split,image,x1,y1,x2,y2\n")
    for split in ("train2017", "val2017"):
        cv2.imwrite(str(folder / f"coco_persons/images/{split}/b.jpg"), image)
        (folder / f"coco_persons/polygons/{split}").mkdir(parents=True)
        cv2.imwrite(str(folder / f"coco_persons/images/{split}/c.jpg"), image)
        outline = "0.3 0.2 0.45 0.2 0.45 0.8 0.3 0.8"
        (folder / f"coco_persons/polygons/{split}/c.txt").write_text(f"{outline}\n")
    (folder / "jaad/split_ids/default").mkdir(parents=True)
    for split in ("train", "val"):
        (folder / f"jaad/split_ids/default/{split}.txt").write_text("video_0001\n")
    columns = ["video", "width", "height", "frame", "id", "label"]
    columns += ["x1", "y1", "x2", "y2", "occlusion"]
    with gzip.open(folder / "jaad/jaad_boxes.csv.gz", "wt", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        for frame in [*range(90), *range(100, 220)]:
            row = ["video_0001", 1920, 1080, frame, "p", "pedestrian", frame, 10, frame + 40, 110]
            writer.writerow([*row, "none"])
    return {name: str(folder / name) for name in ("penn_fudan", "coco_persons", "jaad")}


def test_readers(tmp_path: Path) -> None:
    folders = write_data_sets(tmp_path)
    photographs, cutouts = read_penn_fudan(Path(folders["penn_fudan"]))
    assert photographs[0].boxes.tolist() == [[100, 40, 150, 160]]
    assert cutouts[0].alpha.shape == (120, 50)
    (background, _), _ = read_coco_persons(Path(folders["coco_persons"]), "train2017")
    assert background.boxes.shape == (0, 4)
    tracks = read_tracks("jaad", Path(folders["jaad"]), "train")
    assert [len(track.boxes) for track in tracks] == [90, 120]  # split at the gap
    assert tracks[0].boxes[5].tolist() == [25, 60, 40, 100]
    with pytest.raises(SourceError, match=r"boxes\.csv: no such file"):
        read_penn_fudan(tmp_path)


def test_a_bad_configuration_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    with pytest.raises(ParameterError, match=r"run\.yaml: no such training configuration"):
        TrainingConfig.load(path)
    path.write_text("phase: motion\nlearning_rat: 1\n")
    with pytest.raises(ParameterError, match="unknown key 'learning_rat'"):
        TrainingConfig.load(path)
    path.write_text("phase: motion\n")
    with pytest.raises(ParameterError, match="missing 2 required"):
        TrainingConfig.load(path)


def test_both_phases_train_for_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few Lightning steps of each phase: weights move where they should and only there."""
    pytest.importorskip("pytorch_lightning")
    from convlstm_perception.training.hardware import Hardware
    from convlstm_perception.training.module import PedestrianMotionTraining
    from convlstm_perception.training.run import train

    folders = write_data_sets(tmp_path)
    small = {"width": 0.5, "hidden_channels": 8, "candidates": 4}
    shared = {"data": folders, "height": 64, "width": 96, "batch_size": 2, "steps": 2}
    shared |= {"slots": 3, "workers": 0, "network": small, "clips": 4, "validation_clips": 2}
    cpu = Hardware("cpu", 1)
    appearance = TrainingConfig(phase="appearance", output=str(tmp_path / "a"), **shared)
    first = train(appearance, cpu)
    motion = TrainingConfig(
        phase="motion", output=str(tmp_path / "m"), start_from=str(first), **shared
    )
    second = train(motion, cpu)
    before = torch.load(first, weights_only=True)["state_dict"]
    after = torch.load(second, weights_only=True)["state_dict"]
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert any("motion.recurrence" in name for name in moved)
    assert any("encoder.input_to_state" in name for name in moved)
    assert not any("encoder.backbone" in name or "encoder.pyramid" in name for name in moved)
    assert list((tmp_path / "m").glob("csv/*/metrics.csv"))
    assert list((tmp_path / "m").glob("tensorboard/*/events*"))
    # A run that dies goes on from its last checkpoint, with the clips that are encoded already.
    longer = dataclasses.replace(motion, output=str(tmp_path / "r"), steps=4, validate_every=2)
    training_step = PedestrianMotionTraining.training_step

    def dies(self: PedestrianMotionTraining, batch: object, index: int) -> torch.Tensor:
        if self.global_step == 3:
            raise RuntimeError("power cut")
        return training_step(self, batch, index)

    monkeypatch.setattr(PedestrianMotionTraining, "training_step", dies)
    with pytest.raises(RuntimeError, match="power cut"):
        train(longer, cpu)
    last = tmp_path / "r" / "last.ckpt"
    assert torch.load(last, weights_only=True)["global_step"] == 2
    encoded = sorted((tmp_path / "r").glob("clips-*/labels.pkl"))
    stamps = [path.stat().st_mtime_ns for path in encoded]
    monkeypatch.undo()
    train(longer, cpu, resume=True)
    assert torch.load(last, weights_only=True)["global_step"] == 4
    assert [path.stat().st_mtime_ns for path in encoded] == stamps and len(stamps) == 2


def test_a_checkpoint_tells_what_it_began_with(tmp_path: Path) -> None:
    """An export says so in its manifest; the published weights are not fetched for it."""
    pytest.importorskip("pytorch_lightning")
    from convlstm_perception.training.module import PedestrianMotionTraining
    from convlstm_perception.training.run import load_trained

    network = {"width": 0.5, "hidden_channels": 8}
    config = TrainingConfig(phase="motion", data={}, output=str(tmp_path), network=network)
    weights = PedestrianMotionTraining(config).state_dict()
    values = dataclasses.asdict(dataclasses.replace(config, pretrained="movenet"))
    path = tmp_path / "best.ckpt"
    torch.save({"hyper_parameters": values, "state_dict": weights}, path)
    assert load_trained(path)[0].pretrained == "movenet"
