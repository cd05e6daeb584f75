"""Runs contenders over annotated sequences and scores what they answer."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.data.sequence import AnnotatedSequence, FrameTruth
from convlstm_perception.errors import SourceError
from convlstm_perception.evaluation.answered import AnsweredSequence
from convlstm_perception.evaluation.contenders import Contender
from convlstm_perception.evaluation.detection import DetectionSummary, detection_summary
from convlstm_perception.evaluation.summary import EvaluationSummary, evaluate_answers
from convlstm_perception.types import NANOSECONDS_PER_SECOND, Frame, Image, PerceptionResult

# Stands in for the frame rate of still images, of which only detections are scored.
_STILL_RATE = 1.0

Progress = Callable[[], object]


@dataclass(frozen=True)
class Answers:
    """What one contender answered to one sequence.

    Attributes:
        sequence: what was asked.
        frames: numbers of the frames that were answered, rising.
        results: the answers, one for each of ``frames``.
        seconds: (len(frames),) wall-clock time of each answer.
    """

    sequence: AnnotatedSequence
    frames: Sequence[int]
    results: Sequence[PerceptionResult]
    seconds: NDArray[np.float64]

    def scored(self, wanted: frozenset[int] | None = None) -> AnsweredSequence:
        """As the metrics take it, with the truth of the wanted frames (None for all).

        Where frames were left out the others are numbered anew, so that only figures of single
        frames mean anything then.
        """
        truths: dict[int, FrameTruth] = {}
        for index, frame in enumerate(self.frames):
            truth = self.sequence.truths.get(frame)
            if truth is not None and (wanted is None or frame in wanted):
                truths[index] = truth
        rate = self.sequence.frame_rate or _STILL_RATE
        return AnsweredSequence(self.sequence.name, truths, self.results, rate)


@dataclass(frozen=True)
class Outcome:
    """What one contender achieved.

    Attributes:
        name, description: of the contender.
        every: it was run on every n-th annotated frame only; 1 for all frames.
        seconds: (frames,) wall-clock time of each answer, from image to tracks.
        stages: mean seconds of each stage, as the contender itself measures them.
        detection: of the scored frames.
        whole: everything else; None for still images, and where frames were left out.
        reference: for a contender that was run on some frames only, the detection figures of the
            first contender on the same frames; else None.
    """

    name: str
    description: str
    every: int
    seconds: NDArray[np.float64]
    stages: Mapping[str, float]
    detection: DetectionSummary
    whole: EvaluationSummary | None
    reference: DetectionSummary | None = None

    @property
    def frames_per_second(self) -> float:
        """Frames that one camera could send, on average."""
        return 1.0 / float(self.seconds.mean())


def annotated_frames(sequence: AnnotatedSequence, every: int) -> frozenset[int]:
    """Every n-th annotated frame."""
    return frozenset(sorted(sequence.truths)[::every])


def frames_to_run(sequence: AnnotatedSequence, every: int = 1) -> int:
    """How many frames :func:`answer` asks a contender."""
    if every > 1 or sequence.frame_rate is None:
        return len(annotated_frames(sequence, every))
    return max(sequence.truths, default=-1) + 1


def answer(
    contender: Contender,
    sequence: AnnotatedSequence,
    every: int = 1,
    progress: Progress = lambda: None,
) -> Answers:
    """Show a sequence to a contender, as a camera would send it.

    Still images are shown once each, the contender reset before each of them. A video is shown
    whole, up to its last annotated frame, stamped at its frame rate.

    Args:
        contender: to be run; it is reset first.
        sequence: with images.
        every: above 1, show every n-th annotated frame only, each as a still image.
        progress: called after each answer.

    Raises:
        SourceError: when the sequence has no images, or ends before its last annotated frame.
    """
    rate = sequence.frame_rate or _STILL_RATE
    alone = every > 1 or sequence.frame_rate is None
    frames: list[int] = []
    results: list[PerceptionResult] = []
    seconds: list[float] = []
    contender.reset()
    for number, image in _wanted_images(sequence, every, alone):
        if alone:
            contender.reset()
        frame = Frame(image, round(number * NANOSECONDS_PER_SECOND / rate))
        start = time.perf_counter()
        result = contender.process(frame)
        seconds.append(time.perf_counter() - start)
        frames.append(number)
        results.append(result)
        progress()
    return Answers(sequence, frames, results, np.array(seconds, np.float64))


def _wanted_images(
    sequence: AnnotatedSequence, every: int, alone: bool
) -> Iterator[tuple[int, Image]]:
    if sequence.images is None:
        raise SourceError(
            f"{sequence.name}: only its boxes are here, and detectors need the images; "
            "give a folder that holds them too"
        )
    wanted = annotated_frames(sequence, every)
    last = max(wanted, default=-1)
    number = -1
    if last >= 0:
        with sequence.images as images:
            for number, image in enumerate(images):
                if not alone or number in wanted:
                    yield number, image
                if number == last:
                    return
    if number < last:
        raise SourceError(
            f"{sequence.images.name}: ends after {number + 1} frames, but frame {last} of "
            f"{sequence.name} is annotated; give the images of this annotation"
        )


def score(
    contender: Contender, answers: Sequence[Answers], every: int = 1, scored_every: int = 1
) -> Outcome:
    """Score a contender's answers to all sequences together.

    Args:
        contender: whose answers they are.
        answers: of :func:`answer`.
        every: as in :func:`answer`.
        scored_every: detections are scored on every n-th annotated frame. Tracks and trajectories
            are always scored on all of them, for they need the frames between.

    Raises:
        SourceError: when no frame was answered.
    """
    results = [result for part in answers for result in part.results]
    if not results:
        raise SourceError("no frame is annotated: nothing can be scored")
    detection = detections_on(answers, max(every, scored_every))
    whole = None
    if every == 1 and all(part.sequence.frame_rate is not None for part in answers):
        whole = evaluate_answers([part.scored() for part in answers])
        if scored_every > 1:
            whole = dataclasses.replace(whole, detection=detection)
        else:
            detection = whole.detection
    stages = {
        stage: float(np.mean([result.latencies.get(stage, 0.0) for result in results]))
        for stage in results[0].latencies
    }
    return Outcome(
        name=contender.name,
        description=contender.description,
        every=every,
        seconds=np.concatenate([part.seconds for part in answers]),
        stages=stages,
        detection=detection,
        whole=whole,
    )


def detections_on(answers: Sequence[Answers], every: int) -> DetectionSummary:
    """Detection figures on every n-th annotated frame."""
    return detection_summary(
        [part.scored(annotated_frames(part.sequence, every)) for part in answers]
    )
