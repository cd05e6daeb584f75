"""Names of the tensors by which the graphs of a bundle are joined."""

from __future__ import annotations

from collections.abc import Container

IMAGE = "image"
INPUT_TO_STATE = "input_to_state"
SKIP = "skip"
VALID, DT = "valid", "dt"
STATE = ("hidden", "cell")
ANSWERS = ("boxes", "scores", "future_boxes", "future_scales")


def slot_input(slot: int) -> str:
    """Input of a window's slot; 0 is the newest."""
    return f"{INPUT_TO_STATE}_{slot}"


def next_state(name: str) -> str:
    """Output that is the state of the next step."""
    return f"next_{name}"


def is_stateful(inputs: Container[str]) -> bool:
    """Whether these are the inputs of one step, of which the state is one."""
    return STATE[0] in inputs
