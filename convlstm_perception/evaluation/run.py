"""An evaluation from the data set's name to the files that tell how it went."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from convlstm_perception.data.checks import check_sequence
from convlstm_perception.data.composited_sequence import CompositedImages, composite
from convlstm_perception.data.demo_video import fetch_demo_video
from convlstm_perception.data.locate import FOLDERS, data_folder, dataset_path
from convlstm_perception.data.readers import read_sequences
from convlstm_perception.data.sequence import AnnotatedSequence
from convlstm_perception.data.stills import read_coco_persons
from convlstm_perception.data.video import open_source
from convlstm_perception.engine import EngineSettings, ModelBundle, MotionModel, default_bundle_path
from convlstm_perception.errors import ParameterError, SourceError
from convlstm_perception.evaluation.contenders import BASELINES, ModelContender, open_baseline
from convlstm_perception.evaluation.contest import Progress
from convlstm_perception.evaluation.figures import contender_figures, key_figures
from convlstm_perception.evaluation.ground.figures import ground_figures, ground_key_figures
from convlstm_perception.evaluation.ground.view import (
    CalibratedView,
    check_ground_request,
    read_view,
)
from convlstm_perception.evaluation.machine import machine, versions
from convlstm_perception.evaluation.report import write_report
from convlstm_perception.evaluation.side_by_side import Comparison, Entry, compare
from convlstm_perception.visualization.page import write_json

_BUSY = 0.5  # load a core from which times are not to be trusted
_DOUBTS = 5  # about the annotation, that are told
_DEFAULT_SPLITS = {"jaad": "test"}  # the others were trained on
# Composited sequences: enough people in enough recordings, at a size and a rate that take minutes.
_CUTOUTS = "coco-persons"
_LEAST_BOXES = 200
_COMPOSITED_WIDTH, _COMPOSITED_RATE, _COMPOSITED_SECONDS = 960, 10.0, 12.0
_COMPOSITED_SEQUENCES = 20
_COMPOSITED_NOTE = (
    "the images are composited: people cut out of COCO val2017 are drawn into the boxes of real "
    "tracks, before a photograph that stands still"
)
_PEERS = "peers"  # folder of the peers' files below the folder of all data


@dataclass(frozen=True)
class EvaluationRequest:
    """What is to be measured; see the options of the command.

    Attributes:
        dataset: kind of data set.
        output: folder to write.
        path: the data set; None looks for it in ``data``.
        split: of the data set; None for all.
        data: folder of all data sets; None for the usual ones.
        video: images of pets; None for the demo's video, where none lies beside the annotation.
        every: score detections on every n-th annotated frame.
        bundle: None for the shipped one.
        inference: how the model is run; its threads are those of the baselines, too.
        baselines: names; None for all that can run.
        baseline_every: slow baselines run on every n-th annotated frame.
        peers: folder of the baselines' files; None for the one in ``data``.
        ground: judge the model's tracks on the ground too, in metres; for pets only.
        calibration: of the camera, for that; None for the one beside the annotation.
        command: that asked for it, for the report.

    Raises:
        ParameterError: when the ground is asked for where there is none.
    """

    dataset: str
    output: Path
    path: Path | None = None
    split: str | None = None
    data: Path | None = None
    video: Path | None = None
    every: int = 1
    bundle: Path | None = None
    inference: EngineSettings = field(default_factory=EngineSettings)
    baselines: tuple[str, ...] | None = None
    baseline_every: int = 15
    peers: Path | None = None
    ground: bool = False
    calibration: Path | None = None
    command: str = ""

    def __post_init__(self) -> None:
        check_ground_request(self.dataset, self.ground, self.calibration)


def evaluate(
    request: EvaluationRequest,
    begin: Callable[[str, int], Progress] = lambda name, total: lambda: None,
) -> dict[str, Any]:
    """Measure, and write ``evaluation.json`` and ``report.html``.

    Args:
        request: what to measure.
        begin: as in :func:`compare`.

    Returns:
        The content of ``evaluation.json``.

    Raises:
        PerceptionError: when data, bundle or a baseline that was asked for cannot be used.
    """
    data = data_folder(request.data)
    baselines, notes = choose_baselines(request, data)
    bundle = ModelBundle.load(request.bundle or default_bundle_path())
    done = begin(f"reading {request.dataset}", 1)
    sequences = open_sequences(request, data)
    camera = _camera(request, data, sequences)
    done()
    model = MotionModel.load(bundle, request.inference)
    threads = request.inference.threads
    # A count below 0 is OpenCV's own default, and 0 would switch its threads off.
    cv2.setNumThreads(threads or -1)
    times = np.array(bundle.horizons, np.float32)
    peers = _peers(request, data)
    entries = [Entry("model", lambda: ModelContender(model))]
    for name in baselines:
        entries.append(
            Entry(
                name,
                partial(open_baseline, name, peers, times, threads),
                request.baseline_every if BASELINES[name].slow else 1,
            )
        )
    if any(isinstance(sequence.images, CompositedImages) for sequence in sequences):
        notes = [*notes, _COMPOSITED_NOTE]
    measured_on = machine()  # before the work, so that its load is not our own
    values: dict[str, Any] = {
        "dataset": request.dataset,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": request.command,
        "model": bundle.model_id,
        "engine": model.engine_name,
        "memory": model.memory,
        "threads": threads,
        "every": request.every,
        "sequences": [sequence.name for sequence in sequences],
        "machine": measured_on,
        "versions": versions(),
        "notes": [*notes, *_busy(measured_on), *_doubts(sequences, bundle.step)],
    }
    comparison = compare(
        entries,
        sequences,
        threshold=bundle.detection_threshold,
        scored_every=request.every,
        view=camera.view if camera is not None else None,
        begin=begin,
    )
    values = _with_results(values, comparison, camera)
    request.output.mkdir(parents=True, exist_ok=True)
    write_json(request.output / "evaluation.json", values)
    write_report(request.output / "report.html", comparison, values)
    return values


def _with_results(
    values: dict[str, Any], comparison: Comparison, camera: CalibratedView | None
) -> dict[str, Any]:
    """The key figures first, then everything."""
    on_ground: dict[str, Any] = {}
    if camera is not None and comparison.ground is not None:
        scores = comparison.ground.scores
        on_ground = {**ground_key_figures(scores), "ground": ground_figures(scores, camera)}
    return {
        **key_figures(comparison.outcomes),
        **on_ground,
        "frames": comparison.frames,
        **values,
        "peak_memory_mib": {
            "model": comparison.peak_memory_model,
            "whole": comparison.peak_memory,
        },
        "contenders": {outcome.name: contender_figures(outcome) for outcome in comparison.outcomes},
    }


def choose_baselines(
    request: EvaluationRequest, data: Path | None
) -> tuple[Sequence[str], list[str]]:
    """The baselines to run, and a line on each that is left out because it cannot.

    Raises:
        ParameterError: when one that was asked for is unknown or cannot run.
    """
    peers = _peers(request, data)
    chosen, notes = [], []
    for name in BASELINES if request.baselines is None else request.baselines:
        if name not in BASELINES:
            raise ParameterError(f"baseline {name!r}: not one of {', '.join(BASELINES)}")
        reason = BASELINES[name].missing(peers)
        if not reason:
            chosen.append(name)
        elif request.baselines is None:
            notes.append(f"{name} is left out: {reason}")
        else:
            raise ParameterError(f"baseline {name!r}: {reason}")
    return chosen, notes


def open_sequences(request: EvaluationRequest, data: Path | None) -> list[AnnotatedSequence]:
    """The annotated sequences of the data set that was asked for, all of them with images.

    Raises:
        SourceError: when they are missing, damaged, or come without images and none can be made.
    """
    path = dataset_path(request.dataset, data, request.path)
    split = request.split or _DEFAULT_SPLITS.get(request.dataset)
    sequences = read_sequences(request.dataset, path, split)
    if request.dataset == "pets":
        sequences = [_with_video(sequence, request.video) for sequence in sequences]
    elif request.video is not None:
        raise SourceError(f"--video is for pets only; the images of {request.dataset} are its own")
    if all(sequence.images is not None for sequence in sequences):
        return sequences
    return _made_visible(request, path, data, sequences)


def _camera(
    request: EvaluationRequest, data: Path | None, sequences: Sequence[AnnotatedSequence]
) -> CalibratedView | None:
    if not request.ground:
        return None
    (only,) = sequences
    path = dataset_path(request.dataset, data, request.path)
    return read_view(path, request.calibration, only)


def _made_visible(
    request: EvaluationRequest,
    path: Path,
    data: Path | None,
    sequences: Sequence[AnnotatedSequence],
) -> list[AnnotatedSequence]:
    """Recordings of boxes alone, with cutouts of COCO's validation people in the boxes."""
    photographs = data / FOLDERS[_CUTOUTS] if data is not None else None
    if photographs is None or not photographs.is_dir():
        raise SourceError(
            f"{path}: holds boxes without images, and detectors need the images. "
            f"docs/datasets.md tells where {request.dataset} has them; without them people are "
            f"drawn into the boxes when {_CUTOUTS} lies beside it. jaad-boxes measures boxes alone"
        )
    crowded = [
        sequence
        for sequence in sequences
        if sum(len(truth.ids) for truth in sequence.truths.values()) >= _LEAST_BOXES
    ]
    if not crowded:
        raise SourceError(
            f"{path}: holds boxes without images, and too few of them to draw people into: no "
            f"recording has {_LEAST_BOXES} boxes. Add the images, or take longer recordings"
        )
    pictures, cutouts = read_coco_persons(photographs, "val2017")
    backgrounds = [picture for picture in pictures if not len(picture.boxes)]
    return [
        composite(
            sequence,
            cutouts,
            backgrounds,
            width=_COMPOSITED_WIDTH,
            every=max(1, round((sequence.frame_rate or 0.0) / _COMPOSITED_RATE)),
            longest=_COMPOSITED_SECONDS,
            seed=number,
        )
        for number, sequence in enumerate(crowded[:_COMPOSITED_SEQUENCES])
    ]


def _with_video(sequence: AnnotatedSequence, video: Path | None) -> AnnotatedSequence:
    if video is None and sequence.images is not None:
        return sequence
    images = open_source(video or fetch_demo_video())
    size = sequence.width, sequence.height
    if (images.width, images.height) != size:
        raise SourceError(
            f"{images.name}: {images.width}x{images.height} pixels, but {sequence.name} is "
            f"annotated at {size[0]}x{size[1]}; give the annotated video"
        )
    return dataclasses.replace(sequence, images=images)


def _busy(measured_on: Mapping[str, Any]) -> list[str]:
    """A line when others use the processor too."""
    load, cores = measured_on["load_1min"], measured_on["cores"]
    if load <= _BUSY * cores:
        return []
    return [
        f"the machine was busy before this began (load {load:g} on {cores} cores): times are "
        "longer than on an idle one, and those of two contenders compare badly"
    ]


def _doubts(sequences: Sequence[AnnotatedSequence], step: float) -> list[str]:
    """What is odd about the annotation, the first few of it."""
    doubts = [doubt for sequence in sequences for doubt in check_sequence(sequence, step)]
    more = len(doubts) - _DOUBTS
    return doubts[:_DOUBTS] + ([f"and {more} more doubts about the annotation"] if more > 0 else [])


def _peers(request: EvaluationRequest, data: Path | None) -> Path | None:
    if request.peers is not None:
        return request.peers.expanduser()
    return data / _PEERS if data is not None else None
