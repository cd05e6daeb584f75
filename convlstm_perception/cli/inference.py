"""Options of the commands that run the networks themselves: one for each engine setting."""

from __future__ import annotations

import argparse

from convlstm_perception.engine.settings import EngineSettings
from convlstm_perception.settings import described_fields

_SHORT_NAMES = {"onnxruntime": "onnxruntime-cpu"}


def add_engine_arguments(parser: argparse._ActionsContainer) -> None:
    """One option for each field of :class:`EngineSettings`, with its default and description."""
    for entry, known in described_fields(EngineSettings):
        parser.add_argument(
            f"--{entry.name.replace('_', '-')}",
            type=_engine if entry.name == "engine" else type(entry.default),
            default=entry.default,
            choices=known.choices or None,
            metavar=None if known.choices else entry.name.upper(),
            help=f"{known.description} (default {entry.default!r})",
        )


def engine_settings(args: argparse.Namespace) -> EngineSettings:
    """The settings that the options give.

    Raises:
        ParameterError: when one is outside its range.
    """
    names = [entry.name for entry, _ in described_fields(EngineSettings)]
    return EngineSettings(**{name: getattr(args, name) for name in names})


def _engine(name: str) -> str:
    """The engine's name, given in full or short."""
    return _SHORT_NAMES.get(name, name)
