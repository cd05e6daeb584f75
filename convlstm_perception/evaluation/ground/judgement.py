"""One contender's answers, judged on the ground."""

from __future__ import annotations

from dataclasses import dataclass

from convlstm_perception.evaluation.answered import AnsweredSequence
from convlstm_perception.evaluation.ground.birds_eye import BirdsEye, birds_eye
from convlstm_perception.evaluation.ground.samples import ground_samples
from convlstm_perception.evaluation.ground.scores import GroundScores, ground_scores
from convlstm_perception.evaluation.ground.sequence import put_on_ground
from convlstm_perception.ground import GroundSettings, GroundView


@dataclass(frozen=True)
class GroundEvaluation:
    """Figures, and what the picture shows."""

    scores: GroundScores
    scene: BirdsEye


def evaluate_ground(sequence: AnsweredSequence, view: GroundView) -> GroundEvaluation:
    """Judge the answers to a video of a camera that stands still.

    Args:
        sequence: the answers.
        view: of the camera; people are as tall as the node takes them to be by default.

    Raises:
        ValueError: when an answer cannot be scored; the message names what is wrong.
    """
    grounded = put_on_ground(sequence, view, GroundSettings().person)
    samples = ground_samples(grounded)
    return GroundEvaluation(
        ground_scores(samples, sequence.frame_rate), birds_eye(grounded, samples)
    )
