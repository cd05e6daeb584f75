"""What a training runs on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Hardware:
    """What a run runs on, in Lightning's terms.

    Attributes:
        accelerator: ``auto``, ``cpu`` or ``gpu``.
        devices: on each node, a number or ``auto``.
        nodes: machines, each of which runs the same command (see Lightning's cluster guide).
        precision: ``auto`` is ``16-mixed`` on a GPU and ``32-true`` on a CPU.
    """

    accelerator: str = "auto"
    devices: int | str = "auto"
    nodes: int = 1
    precision: str = "auto"

    def resolved_precision(self) -> str:
        """The precision that ``auto`` stands for here."""
        if self.precision != "auto":
            return self.precision
        gpu = self.accelerator in ("gpu", "cuda") or (
            self.accelerator == "auto" and torch.cuda.is_available()
        )
        return "16-mixed" if gpu else "32-true"

    def for_trainer(self) -> dict[str, Any]:
        """As arguments of Lightning's Trainer."""
        return {
            "accelerator": self.accelerator,
            "devices": self.devices,
            "num_nodes": self.nodes,
            "precision": self.resolved_precision(),
        }
