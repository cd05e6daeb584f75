"""From the folders of a configuration to clips for training and for validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convlstm_perception.data.compositor import Clip, ClipCompositor
from convlstm_perception.data.readers import read_tracks
from convlstm_perception.data.recordings import read_recordings
from convlstm_perception.data.rendered_people import render_backgrounds, render_people
from convlstm_perception.data.sequence import BoxTrack
from convlstm_perception.data.stills import (
    Cutout,
    Photograph,
    read_coco_persons,
    read_penn_fudan,
)
from convlstm_perception.data.walks import WalkSampler
from convlstm_perception.errors import ParameterError
from convlstm_perception.training.clips import ComposedClips
from convlstm_perception.training.config import TrainingConfig

_DATA_SETS = ("penn_fudan", "coco_persons", "jaad")
_PAST_MARGIN = 0.2  # seconds that a frame may be older than its slot
_PEOPLE_PER_BACKGROUND = 8
_VALIDATION_SEED_OFFSET = 2_000_003


@dataclass(frozen=True)
class _Pool:
    """What clips are composed of."""

    photographs: Sequence[Photograph]
    cutouts: Sequence[Cutout]
    tracks: Sequence[BoxTrack]


def make_compositors(
    config: TrainingConfig, horizons: Sequence[float]
) -> tuple[ClipCompositor, ClipCompositor]:
    """Compositors of the training and of the validation clips: other photographs, other tracks.

    Raises:
        ParameterError: when ``data`` has an unknown name, or there is nothing to compose clips of.
        SourceError: when a data set is missing or damaged.
    """
    past = config.slots * config.step + _PAST_MARGIN
    training, validation = (
        ClipCompositor(
            pool.photographs,
            pool.cutouts,
            WalkSampler(pool.tracks, past, max(horizons)),
            height=config.height,
            width=config.width,
            slots=config.slots if config.phase == "motion" else 1,
            step=config.step,
            horizons=horizons,
            person_heights=config.person_heights,
            peopled_share=config.peopled_share,
            crowd=config.crowd,
            still_camera_share=config.still_camera_share,
        )
        for pool in _read_pools(config)
    )
    return training, validation


def first_clips(config: TrainingConfig, horizons: Sequence[float], count: int) -> list[Clip]:
    """The clips that a training run begins with.

    Raises:
        ParameterError, SourceError: as :func:`make_compositors`.
    """
    compositor, _ = make_compositors(config, horizons)
    return list(ComposedClips(compositor, config.seed, count))


def _read_pools(config: TrainingConfig) -> tuple[_Pool, _Pool]:
    if unknown := sorted(set(config.data) - set(_DATA_SETS)):
        raise ParameterError(f"data: {unknown[0]!r} is not one of {', '.join(_DATA_SETS)}")
    folders = {name: Path(folder).expanduser() for name, folder in config.data.items()}
    if not folders.keys() & {"penn_fudan", "coco_persons"} and not config.rendered_people:
        raise ParameterError(
            "data: names no photographs to cut people from; name penn_fudan and coco_persons, or "
            "set rendered_people"
        )
    photographs: list[Photograph] = []
    cutouts: list[Cutout] = []
    held_out, held_out_cutouts = _rendered(config.rendered_people, config.seed, validation=True)
    if "penn_fudan" in folders:
        photographs, cutouts = read_penn_fudan(folders["penn_fudan"])
    if "coco_persons" in folders:
        more_photographs, more_cutouts = read_coco_persons(folders["coco_persons"], "train2017")
        photographs, cutouts = [*photographs, *more_photographs], [*cutouts, *more_cutouts]
        held_out, held_out_cutouts = read_coco_persons(folders["coco_persons"], "val2017")
    backgrounds, people = _rendered(config.rendered_people, config.seed, validation=False)
    tracks, held_out_tracks = (
        read_tracks("jaad", folders["jaad"], split) if "jaad" in folders else []
        for split in ("train", "val")
    )
    own, own_held_out = read_recordings(config.recordings)
    pools = (
        _Pool(
            [*photographs, *backgrounds, *own.photographs],
            [*cutouts, *people],
            [*tracks, *own.tracks],
        ),
        _Pool(
            [*held_out, *own_held_out.photographs],
            held_out_cutouts,
            [*held_out_tracks, *own_held_out.tracks],
        ),
    )
    for pool, purpose in zip(pools, ("training", "validation"), strict=True):
        _check(pool, purpose)
    return pools


def _rendered(count: int, seed: int, *, validation: bool) -> tuple[list[Photograph], list[Cutout]]:
    if validation:
        seed += _VALIDATION_SEED_OFFSET
    backgrounds = -(-count // _PEOPLE_PER_BACKGROUND)
    return render_backgrounds(backgrounds, seed), render_people(count, seed)


def _check(pool: _Pool, purpose: str) -> None:
    """Every clip needs somebody to walk, and a picture without people as ground or distractor."""
    if not pool.cutouts:
        raise ParameterError(
            f"data: no person to cut out for {purpose}; name coco_persons with people that have "
            "outlines, or set rendered_people"
        )
    if all(len(photograph.boxes) for photograph in pool.photographs):
        raise ParameterError(
            f"data: no photograph without people for {purpose}; add some to coco_persons, or set "
            "rendered_people"
        )
