"""All contenders over the same sequences, one after the other, in one process."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from convlstm_perception.data.sequence import AnnotatedSequence
from convlstm_perception.evaluation.contenders import Contender
from convlstm_perception.evaluation.contest import (
    Answers,
    Outcome,
    Progress,
    answer,
    detections_on,
    frames_to_run,
    score,
)
from convlstm_perception.evaluation.examples import Example, best_and_worst
from convlstm_perception.evaluation.ground.judgement import GroundEvaluation, evaluate_ground
from convlstm_perception.evaluation.machine import peak_memory_mib
from convlstm_perception.ground import GroundView


@dataclass(frozen=True)
class Entry:
    """A contender that is to be run.

    Attributes:
        name: of it.
        open: loads it; called just before its turn, so that memory is each one's own.
        every: run it on every n-th annotated frame only.
    """

    name: str
    open: Callable[[], Contender]
    every: int = 1


@dataclass(frozen=True)
class Comparison:
    """What came out.

    Attributes:
        outcomes: in the order run; the first is the model's.
        best, worst: frames that the first one answered best and worst.
        frames: number of frames it answered.
        peak_memory_model: largest resident memory in MiB when the first one had been run; its
            answers to all frames are part of it.
        peak_memory: the same at the end.
        ground: the first one's answers on the ground; None where that was not asked for.
    """

    outcomes: Sequence[Outcome]
    best: Sequence[Example]
    worst: Sequence[Example]
    frames: int
    peak_memory_model: float
    peak_memory: float
    ground: GroundEvaluation | None = None


def compare(
    entries: Sequence[Entry],
    sequences: Sequence[AnnotatedSequence],
    *,
    threshold: float,
    scored_every: int = 1,
    view: GroundView | None = None,
    begin: Callable[[str, int], Progress] = lambda name, total: lambda: None,
) -> Comparison:
    """Run and score every contender.

    Args:
        entries: the model first.
        sequences: with images.
        threshold: score from which the model's detections count in the examples.
        scored_every: detections are scored on every n-th annotated frame.
        view: of the camera of the only sequence, to judge the model's answers on the ground; None
            leaves that out.
        begin: called with the name of a piece of work and its number of steps; what it returns is
            called after each step.

    Raises:
        SourceError: when the images do not fit the annotation, or nothing is annotated.
    """
    first, *others = entries
    answers, contender = _run(first, sequences, begin)
    memory = peak_memory_mib()
    done = begin(f"scoring {first.name}", 1)
    outcomes = [score(contender, answers, first.every, scored_every)]
    references = {
        entry.every: detections_on(answers, entry.every) for entry in others if entry.every > 1
    }
    best, worst = best_and_worst(answers, threshold)
    ground = None
    if view is not None:
        (only,) = answers
        ground = evaluate_ground(only.scored(), view)
    done()
    frames = sum(len(part.frames) for part in answers)
    for entry in others:
        # The answers before have been scored: only one contender's are held at a time.
        answers, contender = _run(entry, sequences, begin)
        done = begin(f"scoring {entry.name}", 1)
        outcome = score(contender, answers, entry.every, scored_every)
        done()
        outcomes.append(dataclasses.replace(outcome, reference=references.get(entry.every)))
    return Comparison(outcomes, best, worst, frames, memory, peak_memory_mib(), ground)


def _run(
    entry: Entry,
    sequences: Sequence[AnnotatedSequence],
    begin: Callable[[str, int], Progress],
) -> tuple[list[Answers], Contender]:
    contender = entry.open()
    progress = begin(
        entry.name, sum(frames_to_run(sequence, entry.every) for sequence in sequences)
    )
    return [answer(contender, sequence, entry.every, progress) for sequence in sequences], contender
