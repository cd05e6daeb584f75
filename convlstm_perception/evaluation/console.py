"""What an evaluation shows on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from convlstm_perception.evaluation.box_forecasting import PUBLISHED, BoxForecastingResult

_UNKNOWN = "-"


@contextmanager
def progress_bars() -> Iterator[Callable[[str, int | None], Callable[[], None]]]:
    """One bar for each contender on standard error; standard output is for results alone.

    Yields:
        Begins a bar of a name and a number of steps, None where it is not known, and returns what
        is to be called after each step.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeElapsedColumn(), console=Console(file=sys.stderr), refresh_per_second=2
    ) as progress:

        def begin(name: str, total: int | None) -> Callable[[], None]:
            task = progress.add_task(name, total=total)
            return lambda: progress.advance(task)

        yield begin


def print_figures(values: Mapping[str, Any]) -> None:
    """The contenders' key figures as a table on standard output."""
    table = Table(title=f"{values['model']} on {values['dataset']}, {values['frames']} frames")
    table.box = box.SIMPLE
    table.add_column("", no_wrap=True)
    names = ("AP50", "IDF1", "ADE 2 s", "in 90 %", "ms p50", "frames/s")
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for name, figures in values["contenders"].items():
        sparse = f" (1 in {figures['every']})" if figures["every"] > 1 else ""
        table.add_row(
            name + sparse,
            _cell(figures, "detection", "ap50"),
            _cell(figures, "tracking", "idf1"),
            _cell(figures, "forecasting", "scores", "model", "2", "average"),
            _cell(figures, "calibration", "pooled", "inside_90"),
            _cell(figures, "latency_ms", "p50"),
            _cell(figures, "fps"),
        )
    console = Console()
    console.print(table)
    if "ground" in values:
        console.print(_ground_table(values))
    for note in values["notes"]:
        console.print(note, markup=False, highlight=False)


def print_box_errors(result: BoxForecastingResult) -> None:
    """The rows of the public protocol as a table on standard output."""
    table = Table(title=f"JAAD, {result.windows} windows, mean squared pixels")
    for name in ("", "0.5 s", "1.0 s", "1.5 s", "C", "CF"):
        table.add_column(name, justify="right" if name else "left")
    measured = {
        "this decoder": result.model,
        "constant velocity": result.constant_velocity,
        "linear": result.linear,
    }
    for name, errors in measured.items():
        table.add_row(name, *(f"{value:.0f}" for value in asdict(errors).values()))
    for name, row in PUBLISHED.items():
        cells = (_UNKNOWN if value is None else f"{value:.0f}" for value in row)
        table.add_row(f"{name} (published)", *cells)
    Console().print(table)


def _ground_table(values: Mapping[str, Any]) -> Table:
    """The figures on the ground."""
    table = Table(
        title=f"on the ground: {_cell(values, 'coverage_90_m')} in 90 %, speed plausible of "
        f"{_cell(values, 'speed_share_ok')} of {values['speed_tracks']} tracks"
    )
    table.box = box.SIMPLE
    table.add_column("metres", no_wrap=True)
    horizons = list(values["ground"]["scores"]["model"])
    for horizon in horizons:
        for name in ("ADE", "FDE"):
            table.add_column(f"{name} {horizon} s", justify="right", no_wrap=True)
    for label, ending in (("model", ""), ("straight on", "_constant_velocity")):
        keys = [f"{name}_{horizon}s_m{ending}" for horizon in horizons for name in ("ade", "fde")]
        table.add_row(label, *(_cell(values, key) for key in keys))
    return table


def _cell(figures: Mapping[str, Any], *keys: str) -> str:
    value: Any = figures
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return _UNKNOWN if value is None else f"{value:.4g}"
