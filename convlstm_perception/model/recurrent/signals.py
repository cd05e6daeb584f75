"""What goes with the frames of a sequence: the time between them, beginnings, gaps."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True)
class Signals:
    """Per step and sample, each (T, B) or None.

    Attributes:
        dt: seconds since the step before; 0 where a new sequence begins.
        reset: true where a new sequence begins: the state before that step is forgotten.
        mask: false where there is no frame: the state stays as it is, and the answer is 0.
    """

    dt: Tensor | None = None
    reset: Tensor | None = None
    mask: Tensor | None = None

    @classmethod
    def of(
        cls,
        steps: int,
        batch: int,
        batch_first: bool,
        *,
        dt: Tensor | None,
        reset: Tensor | None,
        mask: Tensor | None,
    ) -> Signals:
        """From a caller's, (B, T) or (T, B).

        Raises:
            ValueError: one has another shape, or a reset or mask is not of booleans.
        """
        wanted = (batch, steps) if batch_first else (steps, batch)
        for name, signal in (("dt", dt), ("reset", reset), ("mask", mask)):
            if signal is None:
                continue
            if tuple(signal.shape) != wanted:
                raise ValueError(f"{name}: expected shape {wanted}, got {tuple(signal.shape)}")
            if name != "dt" and signal.dtype != torch.bool:
                raise ValueError(f"{name}: expected booleans, got {signal.dtype}")
        if batch_first:
            dt, reset, mask = (None if s is None else s.transpose(0, 1) for s in (dt, reset, mask))
        if dt is not None and reset is not None:
            dt = dt.masked_fill(reset, 0.0)
        return cls(dt, reset, mask)

    def part(self, start: int, stop: int) -> Signals:
        """Those of some steps."""
        return Signals(
            *(
                None if signal is None else signal[start:stop]
                for signal in (getattr(self, field.name) for field in fields(self))
            )
        )

    def backward(self) -> Signals:
        """Those of the sequence read from its end.

        The time between two frames stays between them, and what was the beginning of a sequence is
        the end of it: both move by one step.
        """
        return Signals(
            None if self.dt is None else _between(self.dt),
            None if self.reset is None else _between(self.reset),
            None if self.mask is None else self.mask.flip(0),
        )


def _between(signal: Tensor) -> Tensor:
    """(T, B) of the gap before each step, to that before each step of the reversed sequence."""
    return torch.cat([torch.zeros_like(signal[:1]), signal[1:].flip(0)])


def mask_of_lengths(lengths: Tensor, steps: int) -> Tensor:
    """(B, T) booleans: true within each sequence's length (B,), for sequences padded at the end."""
    return torch.arange(steps, device=lengths.device) < lengths.unsqueeze(1)
