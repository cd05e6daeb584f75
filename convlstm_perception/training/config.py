"""What a training run is made of, read from a YAML or TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import yaml

from convlstm_perception.errors import ParameterError
from convlstm_perception.toml import tomllib

PHASES = ("appearance", "motion", "tracks", "jaad-boxes")


@dataclass(frozen=True)
class TrainingConfig:
    """One training run of :class:`PedestrianMotionNet`.

    Attributes:
        phase: ``appearance`` trains the whole network on single frames; ``motion`` keeps the
            encoder as it is and trains the ConvLSTM and the heads on windows.
        data: folders of the data sets: ``penn_fudan``, ``coco_persons``, ``jaad``. Only those
            named are read; without ``jaad`` everybody is on random walks.
        rendered_people: rendered walking figures added to the people cut out of photographs, with
            a rendered background for every eight of them. Validation is on photographs, or on
            other rendered people where ``coco_persons`` is not named.
        recordings: annotated recordings, path to kind of reader: people walk as in them, before
            frames of them. The last fifth of each is for validation. They give nobody to cut out.
        pretrained: published weights to begin with, ``movenet`` or ``imagenet``, or None.
        start_from: checkpoint of an earlier run to begin with, or None.
        output: folder for checkpoints and logs.
        height, width: size of a training clip in pixels, multiples of 32.
        person_heights: smallest and largest height of a pasted person in pixels.
        peopled_share: share of the clips on photographs that hold people already.
        crowd: fewest and most people pasted into a clip.
        still_camera_share: share of the clips whose camera stands still; only those teach motion.
        slots, step: the window's T and its step in seconds.
        clips: in ``motion``, how many clips are encoded once and then seen in every epoch.
        validation_clips: clips of the validation set.
        batch_size: clips a step, on each device.
        steps: optimiser steps.
        learning_rate: peak of the one-cycle schedule, of new weights.
        detector_learning_rate: the same of the pretrained detector: of the encoder in
            ``appearance``, and of the heatmap and box heads.
        weight_decay: of AdamW.
        frozen_blocks: first blocks of the backbone that keep their weights in ``appearance``.
        validate_every: steps between validations; each may leave a better checkpoint.
        workers: processes that compose clips.
        seed: of everything random.
        network: arguments of :class:`NetworkConfig`.
    """

    phase: Literal["appearance", "motion"]
    data: dict[str, str]
    output: str
    rendered_people: int = 0
    recordings: dict[str, str] = field(default_factory=dict)
    pretrained: Literal["movenet", "imagenet"] | None = None
    start_from: str | None = None
    height: int = 256
    width: int = 384
    person_heights: tuple[float, float] = (20.0, 230.0)
    peopled_share: float = 0.25
    crowd: tuple[int, int] = (1, 8)
    still_camera_share: float = 0.5
    slots: int = 8
    step: float = 0.1
    clips: int = 6000
    validation_clips: int = 300
    batch_size: int = 16
    steps: int = 3000
    learning_rate: float = 1e-3
    detector_learning_rate: float = 2e-5
    weight_decay: float = 1e-4
    frozen_blocks: int = 4
    validate_every: int = 500
    workers: int = 1
    seed: int = 1
    network: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path, **overrides: Any) -> TrainingConfig:
        """Read a YAML file; ``overrides`` that are not None win.

        Raises:
            ParameterError: for a missing file, a key that does not exist, or a missing one.
        """
        values = read_values(path, cls, overrides)
        try:
            return cls(**values)
        except TypeError as error:
            raise ParameterError(f"{path}: {error}") from error


def read_phase(path: Path) -> str:
    """The phase that a YAML file is for.

    Raises:
        ParameterError: for a missing file, or one that names no known phase.
    """
    phase = str(_read_table(path).get("phase"))
    if phase not in PHASES:
        raise ParameterError(f"{path}: phase: {phase!r} is not one of {', '.join(PHASES)}")
    return phase


def read_values(path: Path, kind: type[Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a configuration class; ``overrides`` that are not None win.

    Raises:
        ParameterError: for a missing file, or a key that the class has not.
    """
    values = _read_table(path)
    values.update({key: value for key, value in overrides.items() if value is not None})
    known = {entry.name for entry in fields(kind)}
    if unknown := sorted(set(values) - known):
        raise ParameterError(f"{path}: unknown key {unknown[0]!r}; known: {sorted(known)}")
    return values


def _read_table(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ParameterError(f"{path}: no such training configuration; see config/train/")
    try:
        values = _parsed(path) or {}
    except (ValueError, yaml.YAMLError) as error:
        raise ParameterError(f"{path}: cannot be read ({error})") from error
    if not isinstance(values, dict):
        raise ParameterError(f"{path}: not a table of keys and values")
    return values


def _parsed(path: Path) -> Any:
    if path.suffix.lower() == ".toml":
        return tomllib.loads(path.read_text())
    return yaml.safe_load(path.read_text())
