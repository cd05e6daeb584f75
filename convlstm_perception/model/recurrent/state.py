"""States of recurrent cells, and what is done to every kind of them alike."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias, TypeVar

import torch
from torch import Tensor


class ConvLSTMState(NamedTuple):
    """State of one layer: hidden state H and cell state C, each (B, hidden, *space)."""

    hidden: Tensor
    cell: Tensor


class ConvGRUState(NamedTuple):
    """State of one layer: hidden state H (B, hidden, *space)."""

    hidden: Tensor


CellState: TypeAlias = "ConvLSTMState | ConvGRUState"
State = TypeVar("State", ConvLSTMState, ConvGRUState)

Zoneout: TypeAlias = "float | tuple[float, ...]"


def zoneout_shares(zoneout: Zoneout, parts: int) -> tuple[float, ...]:
    """One share for each part of the state.

    Raises:
        ValueError: one is not in [0, 1), or there are not as many as parts.
    """
    shares = (zoneout,) * parts if isinstance(zoneout, (int, float)) else tuple(zoneout)
    if len(shares) != parts:
        raise ValueError(f"zoneout: {len(shares)} shares for a state of {parts} parts")
    if not all(0.0 <= share < 1.0 for share in shares):
        raise ValueError(f"zoneout: {zoneout} is not in [0, 1)")
    return shares


def zone_out(after: State, before: State, shares: tuple[float, ...], training: bool) -> State:
    """Let a random share of the values stay as they were (Krueger et al. 2017, "Zoneout").

    Outside of training every value takes its expectation.
    """
    if not any(shares):
        return after
    parts = []
    for new, old, share in zip(after, before, shares, strict=True):
        if training:
            parts.append(torch.where(torch.rand_like(new) < share, old, new))
        else:
            parts.append(new + share * (old - new))
    return type(after)(*parts)


def choose(keep: Tensor, after: State, before: State) -> State:
    """Per sample (B,), the state after where ``keep`` is true, else that before."""
    return type(after)(
        *(
            torch.where(keep.view(-1, *[1] * (new.dim() - 1)), new, old)
            for new, old in zip(after, before, strict=True)
        )
    )
