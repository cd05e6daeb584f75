"""The track decoder: its windows, a real training run of both phases, and its export."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

from convlstm_perception.cli.main import main
from convlstm_perception.data.sequence import BoxTrack
from convlstm_perception.data.track_windows import camera_windows
from convlstm_perception.data.walks import WalkSampler
from convlstm_perception.errors import BundleError
from convlstm_perception.model.track_decoder import TrackDecoder, TrackDecoderConfig


def write_jaad(folder: Path) -> Path:
    """Three people who walk straight, 100 frames each, in the table's form."""
    (folder / "split_ids/default").mkdir(parents=True)
    for number, split in enumerate(("train", "val", "test")):
        (folder / f"split_ids/default/{split}.txt").write_text(f"video_000{number}\n")
    columns = ["video", "width", "height", "frame", "id", "label"]
    columns += ["x1", "y1", "x2", "y2", "occlusion"]
    with gzip.open(folder / "jaad_boxes.csv.gz", "wt", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        for video in range(3):
            for frame in range(100):
                x = 300 + (2 + video) * frame
                row = [f"video_000{video}", 1920, 1080, frame, "p", "pedestrian"]
                writer.writerow([*row, x, 400, x + 40, 500, "none"])
    return folder


def grid(count: int, noise: float = 0.0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Walkers at 30 pixels a second on the decoder's grid."""
    ages = torch.arange(6) * 0.1
    boxes = torch.tensor([400.0, 300.0, 40.0, 100.0]).repeat(count, 6, 1)
    boxes[..., 0] -= 30.0 * ages
    boxes += noise * torch.randn_like(boxes)
    return boxes, torch.ones(count, 6), torch.full((count, 2), 1000.0)


def decoder(**values: object) -> TrackDecoder:
    torch.manual_seed(0)
    config = TrackDecoderConfig(slots=6, step=0.1, horizons=(0.5, 1.0), width=16, **values)  # type: ignore[arg-type]
    network = TrackDecoder(config).eval()
    torch.nn.init.normal_(network.outputs.weight, std=0.1)
    return network


def test_untrained_decoder_is_constant_velocity() -> None:
    network = TrackDecoder(TrackDecoderConfig(slots=6, step=0.1, horizons=(0.5, 1.0), width=16))
    forecast = network.eval()(*grid(2))
    torch.testing.assert_close(forecast.boxes[0, :, 0], torch.tensor([415.0, 430.0]))
    torch.testing.assert_close(forecast.boxes[0, :, 1:], torch.tensor([[300.0, 40, 100]] * 2))


def test_a_masked_slot_has_no_influence() -> None:
    network = decoder()
    boxes, valid, size = grid(1, noise=2.0)
    valid[0, 3:] = 0.0
    other = boxes.clone()
    other[0, 3:] = -77.0
    torch.testing.assert_close(network(other, valid, size), network(boxes, valid, size))
    valid[0, 3] = 1.0
    assert not torch.equal(network(other, valid, size).boxes, network(boxes, valid, size).boxes)


def test_forecasts_scale_and_move_with_the_boxes() -> None:
    """Without image context only the boxes' own units count."""
    network = decoder()
    boxes, valid, size = grid(3, noise=2.0)
    small = network(boxes, valid, size)
    moved = boxes * 2.0
    moved[..., :2] += 50.0
    large = network(moved, valid, size)
    torch.testing.assert_close(large.scales, 2 * small.scales)
    torch.testing.assert_close(large.boxes[..., :2], 2 * small.boxes[..., :2] + 50.0)
    context = decoder(image_context=True)
    assert not torch.allclose(
        context(moved, valid, size).scales, 2 * context(boxes, valid, size).scales
    )


def test_camera_windows_are_what_a_detector_would_give() -> None:
    boxes = np.tile(np.array([[900.0, 500.0, 40.0, 100.0]], np.float32), (200, 1))
    boxes[:, 0] += 2.0 * np.arange(200)
    track = BoxTrack(1, 0, boxes, 30.0, 1920, 1080)
    walks = WalkSampler([track], past=1.4, future=1.0, real_share=1.0, least_past=0.3)
    windows = camera_windows(
        np.random.default_rng(3), walks, 300, slots=12, step=0.1, horizons=(0.5, 1.0)
    )
    again = camera_windows(
        np.random.default_rng(3), walks, 300, slots=12, step=0.1, horizons=(0.5, 1.0)
    )
    np.testing.assert_array_equal(windows.boxes, again.boxes)
    assert np.isfinite(windows.boxes).all() and (windows.valid[:, 0] == 1).all()
    assert 0.2 < windows.valid.mean() < 0.95  # young tracks and old ones
    assert (windows.boxes[windows.valid == 0] == 0).all()
    height = windows.boxes[:, 0, 3]
    moved = np.abs(windows.future[:, 1, 0] - windows.boxes[:, 0, 0]) / height
    # 60 pixels a second, 100 high, whichever way it is mirrored; the detector's error apart.
    assert np.nanmedian(moved) == pytest.approx(0.6, abs=0.05)
    assert np.nanstd(moved) > 0.01
    assert np.isnan(windows.future).any()  # tracks end


@pytest.mark.parametrize("phase", ["tracks", "jaad-boxes"])
def test_training_from_the_command_line_to_an_exported_decoder(phase: str, tmp_path: Path) -> None:
    pytest.importorskip("pytorch_lightning")
    from convlstm_perception.training.tracks import load_trained_tracks

    jaad = write_jaad(tmp_path / "jaad")
    config = tmp_path / "tracks.yaml"
    config.write_text(
        f"phase: {phase}\njaad: {jaad}\noutput: {tmp_path / 'out'}\nwindows: 64\nwidth: 16\n"
        "batch_size: 8\nepochs: 2\nstride: 4\naveraging: 0.5\n"
    )
    arguments = ["--accelerator", "cpu", "--devices", "1"]
    assert main(["train", str(config), *arguments]) == 0
    best = tmp_path / "out" / "best.ckpt"
    trained = load_trained_tracks(best)
    assert trained.config.width == 16 and trained.config.image_context == (phase == "jaad-boxes")
    assert trained.outputs.weight.abs().max() > 0
    assert main(["train", str(config), "--steps", "5", *arguments]) != 0  # has epochs
    if phase == "jaad-boxes":
        assert main(["export", str(best), "--output", str(tmp_path / "decoder")]) == 0
        from convlstm_perception.evaluation.box_forecasting import run_box_forecasting

        result = run_box_forecasting(jaad, tmp_path / "decoder" / "decoder.onnx")
        assert result.windows == 6 and result.linear.mse_15 == pytest.approx(0.0, abs=1e-3)


def test_other_checkpoints_are_refused(tmp_path: Path) -> None:
    from convlstm_perception.training.run import load_trained
    from convlstm_perception.training.tracks import load_trained_tracks

    path = tmp_path / "other.ckpt"
    torch.save({"hyper_parameters": {"phase": "motion"}, "state_dict": {}}, path)
    with pytest.raises(BundleError, match="a checkpoint of the network"):
        load_trained_tracks(path)
    torch.save({"hyper_parameters": {"phase": "tracks"}, "state_dict": {}}, path)
    with pytest.raises(BundleError, match="a checkpoint of a track decoder"):
        load_trained(path)
    path.write_text("nothing")
    with pytest.raises(BundleError, match="not a checkpoint"):
        load_trained(path)
