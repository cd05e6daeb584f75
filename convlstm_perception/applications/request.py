"""What is asked of a use, and what it says of its data."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from convlstm_perception.training.hardware import Hardware


@dataclass(frozen=True)
class ApplicationRequest:
    """See the options of ``convlstm-perception application``.

    Attributes:
        output: folder of the use; made where it is missing.
        smoke: only show that everything runs; figures of such a run mean nothing.
        full: the setting of the publication, for a GPU; not every use has one.
        minutes: longest time to train, of all networks together; None is the use's own.
        data: folder or file of the use's data; None looks at the usual places.
        seed: of everything random.
        hardware: to train on.
    """

    output: Path
    smoke: bool = False
    full: bool = False
    minutes: float | None = None
    data: Path | None = None
    seed: int = 1
    hardware: Hardware = field(default_factory=Hardware)


@dataclass(frozen=True)
class DataUsed:
    """What figures were measured on.

    Attributes:
        name: in words.
        real: whether it was measured somewhere; False for what a generator made.
        licence: of the data.
        source: who publishes it, or which file it was.
    """

    name: str
    real: bool
    licence: str
    source: str


def warn_instead(missing: str, instead: str, mend: str) -> None:
    """Say loudly on standard error that other data than the real ones is used.

    Args:
        missing: what is not there, and why.
        instead: what is used.
        mend: how to get it.
    """
    Console(file=sys.stderr).print(
        f"[bold yellow]NOT THE REAL DATA[/] {missing}\n"
        f"[yellow]Used instead: {instead}. Figures of it say nothing about the real data.[/]\n"
        f"[yellow]{mend}[/]",
        soft_wrap=True,
    )
