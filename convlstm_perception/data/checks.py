"""Doubts about an annotated sequence: not errors, but worth a look."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from convlstm_perception.data.sequence import AnnotatedSequence

_LONGEST_MOVE = 3.0  # box heights from one annotated frame to the next
_STEP = 0.1  # seconds between two slots of the shipped models' window


def check_sequence(sequence: AnnotatedSequence, step: float = _STEP) -> list[str]:
    """Look for what is likely wrong or hard.

    Args:
        sequence: of any reader.
        step: seconds between the slots of the model's window.

    Returns:
        Warnings, each with the sequence and, where it has one, the frame and the id: a person
        more than three box heights from the place in the annotated frame before (most often two
        people with one id), frames further apart than the window's slots, and no people at all.
    """
    warnings = []
    if not any(len(truth.boxes) for truth in sequence.truths.values()):
        warnings.append(f"{sequence.name}: nobody is annotated in any frame")
    if sequence.frame_rate is None:
        return warnings
    period = 1.0 / sequence.frame_rate
    if period > step * 1.001:
        warnings.append(
            f"{sequence.name}: {sequence.frame_rate:g} frames a second are {period:.3f} s apart, "
            f"more than the {step:g} s between the slots of the model's window: slots stay empty "
            "and motion is seen from fewer frames"
        )
    for (_, earlier), (frame, truth) in pairwise(sorted(sequence.truths.items())):
        known = dict(zip(earlier.ids.tolist(), earlier.boxes, strict=True))
        for identity, box in zip(truth.ids.tolist(), truth.boxes, strict=True):
            if identity not in known:
                continue
            before = known[identity]
            move = float(np.hypot(*(box[:2] - before[:2])) / before[3])
            if move > _LONGEST_MOVE:
                warnings.append(
                    f"{sequence.name}: frame {frame}: id {identity} is {move:.1f} box heights "
                    "from where it was in the annotated frame before; are these two people?"
                )
    return warnings
