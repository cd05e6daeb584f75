"""The frames that a contender answered best and worst, drawn with truth and answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from convlstm_perception.data.sequence import AnnotatedSequence
from convlstm_perception.evaluation.contest import Answers
from convlstm_perception.evaluation.matching import IGNORED_SHARE, match_boxes, share_inside
from convlstm_perception.types import Float32Array, Image
from convlstm_perception.visualization.colours import NEAR_BLACK, Colour

# Blue, green, red; of Okabe and Ito's palette.
FOUND: Colour = (233, 180, 86)  # sky blue
FALSE_ALARM: Colour = (66, 228, 240)  # yellow
MISSED: Colour = (0, 94, 213)  # vermilion

_APART = 2.0  # seconds between two examples of a video: neighbours look the same
_DESIGN_HEIGHT = 480.0  # image height at which a line is two pixels wide


@dataclass(frozen=True)
class Example:
    """One frame.

    Attributes:
        sequence: it belongs to.
        frame: its number.
        f1: F1 score of its boxes, from 0 to 1.
        found: (N, 4) boxes that match a person.
        false_alarms: (M, 4) boxes that match nobody.
        missed: (K, 4) people without a box.
    """

    sequence: AnnotatedSequence
    frame: int
    f1: float
    found: Float32Array
    false_alarms: Float32Array
    missed: Float32Array


def best_and_worst(
    answers: Sequence[Answers], threshold: float, count: int = 2
) -> tuple[list[Example], list[Example]]:
    """The frames of highest and of lowest F1 score, people and boxes matched at overlap 0.5.

    Args:
        answers: to all sequences.
        threshold: score from which a detection counts.
        count: of each kind, at most.

    Returns:
        The best, of equally good ones those with more people first; the worst likewise.
    """
    rated = [
        example
        for part in answers
        for example in _rated(part, threshold)
        if len(example.found) + len(example.missed)
    ]
    people = {id(example): len(example.found) + len(example.missed) for example in rated}
    best = sorted(rated, key=lambda example: (-example.f1, -people[id(example)]))
    worst = sorted(rated, key=lambda example: (example.f1, -people[id(example)]))
    chosen = _apart(best, [], count)
    return chosen, _apart(worst, chosen, count)


def _rated(answers: Answers, threshold: float) -> list[Example]:
    examples = []
    for frame, result in zip(answers.frames, answers.results, strict=True):
        truth = answers.sequence.truths.get(frame)
        if truth is None:
            continue
        boxes = result.detections.boxes[result.detections.scores >= threshold]
        people, found = match_boxes(truth.boxes, boxes)
        wrong = np.ones(len(boxes), bool)
        wrong[found] = False
        wrong &= share_inside(boxes, truth.ignored) < IGNORED_SHARE
        missed = np.delete(truth.boxes, people, axis=0)
        errors = int(wrong.sum()) + len(missed)
        examples.append(
            Example(
                answers.sequence,
                frame,
                2 * len(found) / max(2 * len(found) + errors, 1),
                boxes[found],
                boxes[wrong],
                missed,
            )
        )
    return examples


def _apart(candidates: Sequence[Example], taken: Sequence[Example], count: int) -> list[Example]:
    """The first ones that are not taken and not close to each other in time."""
    frames = {(example.sequence.name, example.frame) for example in taken}
    chosen: list[Example] = []
    for example in candidates:
        if len(chosen) == count:
            break
        gap = _APART * (example.sequence.frame_rate or 0.0)
        if (example.sequence.name, example.frame) not in frames and not any(
            other.sequence is example.sequence and abs(other.frame - example.frame) <= gap
            for other in chosen
        ):
            chosen.append(example)
    return chosen


def draw_examples(examples: Sequence[Example]) -> list[Image]:
    """Each example's image with the boxes on it, in the order given."""
    drawn: dict[int, Image] = {}
    for sequence in {id(example.sequence): example.sequence for example in examples}.values():
        wanted = {example.frame: example for example in examples if example.sequence is sequence}
        if sequence.images is None:
            continue
        with sequence.images as images:
            for number, image in enumerate(images):
                if number in wanted:
                    drawn[id(wanted[number])] = _draw(image, wanted[number])
                if number >= max(wanted):
                    break
    return [drawn[id(example)] for example in examples if id(example) in drawn]


def _draw(image: Image, example: Example) -> Image:
    canvas = np.ascontiguousarray(image).copy()
    width = max(1, round(2.0 * canvas.shape[0] / _DESIGN_HEIGHT))
    for boxes, colour in (
        (example.found, FOUND),
        (example.false_alarms, FALSE_ALARM),
        (example.missed, MISSED),
    ):
        for x, y, w, h in boxes.tolist():
            corners = (round(x - w / 2), round(y - h / 2)), (round(x + w / 2), round(y + h / 2))
            cv2.rectangle(canvas, *corners, NEAR_BLACK, width + 2)
            cv2.rectangle(canvas, *corners, colour, width)
    return canvas
