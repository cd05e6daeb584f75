"""Which clips a training configuration stands for, without any data set on disk."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from torch.utils.data import DataLoader

from convlstm_perception.errors import ParameterError
from convlstm_perception.training.clips import ComposedClips
from convlstm_perception.training.config import TrainingConfig
from convlstm_perception.training.data import make_compositors

HORIZONS = (0.5, 1.0)
SMALL = {"height": 96, "width": 160, "slots": 4, "person_heights": (20.0, 90.0)}


def config(data: dict[str, str], rendered_people: int, **values: object) -> TrainingConfig:
    return TrainingConfig(
        phase="motion",
        data=data,
        output="unused",
        rendered_people=rendered_people,
        **SMALL | values,  # type: ignore[arg-type]
    )


def test_rendered_people_alone_are_enough() -> None:
    training, validation = make_compositors(config({}, 5), HORIZONS)
    clips = [training.draw(np.random.default_rng(seed)) for seed in range(8)]
    assert all(clip.images.shape == (4, 96, 160, 3) for clip in clips)
    assert any(len(clip.labels.boxes) for clip in clips)
    other = validation.draw(np.random.default_rng(0))
    assert (other.images != clips[0].images).any()


def test_the_same_seed_gives_the_same_clips() -> None:
    first, second, third = (
        make_compositors(config({}, 5, seed=seed), HORIZONS)[0].draw(np.random.default_rng(1))
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.images, second.images)
    assert (first.images != third.images).any()


def test_rendered_people_load_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("phase: motion\ndata: {}\nrendered_people: 7\noutput: out\n")
    assert TrainingConfig.load(path).rendered_people == 7


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"names no photographs.*set rendered_people"):
        make_compositors(config({}, 0), HORIZONS)
    with pytest.raises(ParameterError, match="names no photographs"):
        make_compositors(config({"jaad": "nowhere"}, 0), HORIZONS)


def test_an_unknown_data_set_is_named() -> None:
    with pytest.raises(ParameterError, match="'pets' is not one of penn_fudan"):
        make_compositors(config({"pets": "nowhere"}, 5), HORIZONS)


def test_photographs_of_people_alone_need_backgrounds(tmp_path: Path) -> None:
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    image = np.random.default_rng(0).integers(0, 256, (200, 320, 3), np.uint8)
    mask = np.zeros((200, 320), np.uint8)
    mask[40:160, 100:150] = 1
    cv2.imwrite(str(tmp_path / "images/a.jpg"), image)
    cv2.imwrite(str(tmp_path / "masks/a.png"), mask)
    (tmp_path / "boxes.csv").write_text("image,instance,x1,y1,x2,y2\na.jpg,1,100,40,150,160\n")
    data = {"penn_fudan": str(tmp_path)}
    with pytest.raises(ParameterError, match="no photograph without people for training"):
        make_compositors(config(data, 0), HORIZONS)
    training, _ = make_compositors(config(data, 8), HORIZONS)
    assert training.draw(np.random.default_rng(0)).images.any()


def test_people_walk_as_in_a_recording(tmp_path: Path) -> None:
    """Everybody on a real track runs by far faster than a random walk ever does."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "seqinfo.ini").write_text(
        "[Sequence]\nname=run\nframeRate=10\nseqLength=100\nimWidth=1920\nimHeight=1080\n"
    )
    lines = [f"{frame + 1},1,{18 * frame},400,20,40,1,1,1" for frame in range(100)]
    (tmp_path / "run" / "gt.txt").write_text("\n".join(lines))
    recordings = {str(tmp_path / "run" / "gt.txt"): "mot"}

    def fastest(values: dict[str, object]) -> float:
        training, _ = make_compositors(config({}, 5, **values), HORIZONS)
        clips = [training.draw(np.random.default_rng(seed)).labels for seed in range(20)]
        speeds = np.concatenate([np.abs(clip.velocity[:, 0]) for clip in clips])
        return float(np.nanmax(speeds))

    assert fastest({"recordings": recordings}) == pytest.approx(4.5, abs=0.01)
    assert fastest({}) < 2.0


def test_processes_and_workers_share_one_series() -> None:
    """Two processes of two workers each draw the clips of one process, each of them once."""
    compositor, _ = make_compositors(config({}, 3), HORIZONS)
    alone = [clip.images for clip in ComposedClips(compositor, 1, 6)]
    shared = []
    for rank in range(2):
        clips = ComposedClips(compositor, 1, 6, rank=rank, ranks=2)
        shared += [clip.images for clip in DataLoader(clips, batch_size=None, num_workers=2)]
    digests = [{images.tobytes() for images in series} for series in (alone, shared)]
    assert len(shared) == 6 and digests[0] == digests[1]
