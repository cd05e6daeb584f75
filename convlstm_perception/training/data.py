"""From the folders of a configuration to clips for training and for validation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from convlstm_perception.data.compositor import ClipCompositor
from convlstm_perception.data.readers import read_tracks
from convlstm_perception.data.stills import read_coco_persons, read_penn_fudan
from convlstm_perception.data.walks import WalkSampler
from convlstm_perception.training.config import TrainingConfig

_PAST_MARGIN = 0.2  # seconds that a frame may be older than its slot


def make_compositors(
    config: TrainingConfig, horizons: Sequence[float]
) -> tuple[ClipCompositor, ClipCompositor]:
    """Compositors of the training and of the validation clips: other photographs, other tracks.

    Raises:
        SourceError: when a data set is missing or damaged.
    """
    folders = {name: Path(folder).expanduser() for name, folder in config.data.items()}
    photographs, cutouts = read_penn_fudan(folders["penn_fudan"])
    coco_photographs, coco_cutouts = read_coco_persons(folders["coco_persons"], "train2017")
    pools = (
        ([*photographs, *coco_photographs], [*cutouts, *coco_cutouts], "train"),
        (*read_coco_persons(folders["coco_persons"], "val2017"), "val"),
    )
    past = config.slots * config.step + _PAST_MARGIN
    training, validation = (
        ClipCompositor(
            pool_photographs,
            pool_cutouts,
            WalkSampler(read_tracks("jaad", folders["jaad"], split), past, max(horizons)),
            height=config.height,
            width=config.width,
            slots=config.slots if config.phase == "motion" else 1,
            step=config.step,
            horizons=horizons,
            person_heights=config.person_heights,
            peopled_share=config.peopled_share,
        )
        for pool_photographs, pool_cutouts, split in pools
    )
    return training, validation
